"""The rules of webhooks, after the Standard Webhooks specification 1.0.0."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from docmill.domain.errors import InvalidWebhook
from docmill.domain.events import Event

MOST_WAIT_SECONDS = 24 * 3600.0
OLD_SECRET_SECONDS = 24 * 3600.0

_MINUTE, _HOUR = 60.0, 3600.0
_WAITS = (
    5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
_JITTER = 0.1
_LONGEST_URL = 2000
_SECRET_BYTES = 32


class DeliveryStatus(StrEnum):
    """What became of one event for one webhook."""

    PENDING = "pending"  # is sent now, or at `next_attempt_at`
    DELIVERED = "delivered"  # the receiver answered 2xx
    FAILED = "failed"  # every attempt failed


def new_secret() -> str:
    """A secret of a webhook, as the specification spells it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_url(url: str) -> str:
    """The URL itself when deliveries may be sent there. Raises InvalidWebhook."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise InvalidWebhook from None
    # A character that one reader of URLs drops and another keeps makes two URLs of one.
    odd = any(character.isspace() or not character.isprintable() or character == "\\" for character in url)
    if not named or odd or parts.scheme not in ("http", "https") or len(url) > _LONGEST_URL:
        raise InvalidWebhook
    if "@" in parts.netloc or "#" in url:
        raise InvalidWebhook("A webhook's URL holds neither a user, nor a password, nor a fragment (#).")
    return url


def wait_seconds(attempts: int, retry_after: float | None, chance: float) -> float | None:
    """How long to wait after the given number of failed attempts; None when there is no further one.

    `chance`, from 0 to 1, spreads the attempts of many deliveries. A receiver may ask for a longer wait.
    """
    if attempts > len(_WAITS):
        return None
    wait = _WAITS[attempts - 1] * (1 + _JITTER * chance)
    return max(wait, min(retry_after or 0.0, MOST_WAIT_SECONDS))


def payload(event: Event) -> dict[str, Any]:
    """What a receiver is told of an event, as JSON values."""
    about = {
        "event_id": str(event.position),
        "document_id": str(event.document_id),
        "task_id": str(event.task_id),
        "dataset_id": str(event.dataset_id) if event.dataset_id else None,
        "stage": event.stage,
        "message": event.message,
        # The owner of a task is a process of a host: nobody outside needs to know.
        "details": {name: value for name, value in event.data.items() if name != "owner"},
    }
    return {"type": f"document.{event.kind}", "timestamp": timestamp(event.at), "data": about}


def timestamp(when: datetime) -> str:
    """A moment as payloads have it: ISO 8601, in UTC, to the microsecond."""
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
