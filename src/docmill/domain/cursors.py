"""Where the next page of a list starts, as a text that means something to us only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from docmill.domain.errors import InvalidCursor

_CHECK_BYTES = 6

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list; `next_cursor` None on its last page."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(kind: str, values: list[Any]) -> str:
    """JSON values as an opaque cursor of one kind of list."""
    payload = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(kind, payload) + payload).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str) -> list[Any]:
    """The values of a cursor that `encode_cursor` made for the same kind of list. Raises InvalidCursor."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(kind, payload):
        raise InvalidCursor
    values: list[Any] = json.loads(payload)
    return values


def page_of(kind: str, found: Sequence[T], limit: int, place: Callable[[T], list[Any]]) -> Page[T]:
    """The page of `limit` items from as many and perhaps one more; `place` tells where one stands."""
    items = tuple(found[:limit])
    return Page(items, encode_cursor(kind, place(items[-1])) if len(found) > limit else None)


class Dated(Protocol):
    """What is listed by the time it was made."""

    @property
    def id(self) -> UUID:
        """Decides between those of one moment."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        ...


def by_time(item: Dated) -> list[Any]:
    """Where an item stands in a list by time."""
    return [item.created_at.isoformat(), str(item.id)]


def time_in(kind: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place of a cursor in a list by time. Raises InvalidCursor."""
    if cursor is None:
        return None
    at, ident = decode_cursor(kind, cursor)
    return datetime.fromisoformat(at), UUID(ident)


def _check(kind: str, payload: bytes) -> bytes:
    """Finds typing errors and cursors of another list; it guards nothing secret."""
    return hashlib.blake2s(payload, key=kind.encode(), digest_size=_CHECK_BYTES).digest()
