"""Those who listen to the live stream, each with what waits to be sent to it, in bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from docmill.db.events import Choice
from docmill.domain.errors import ListenerTooSlow
from docmill.domain.events import Event, Position

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Messages in their order, none when it was quiet for long; everything up to `position` is told."""

    messages: Sequence[T]
    position: Position


class Listener(Generic[T]):
    """One reader of the stream behind `after`. `capacity` bounds the messages that wait for it.

    Of progress only the newest waits: it tells of every document in work, so an older one is of no use.
    """

    def __init__(self, choice: Choice, after: Position, *, progress: bool, capacity: int) -> None:
        self.choice = choice
        self.after = after
        self.takes_progress = progress
        self.shown: T | None = None
        self._capacity = capacity
        self._waiting: list[T] = []
        self._newest: T | None = None
        self._woken = asyncio.Event()
        self._dropped = False
        self._ended = False

    def wants(self, event: Event) -> bool:
        """Whether the event is to be told here."""
        return event.position > self.after and self.choice.takes(event)

    def put(self, message: T) -> None:
        """One more message; the listener is dropped when too many wait already."""
        if len(self._waiting) >= self._capacity:
            self._dropped = True
            self._waiting.clear()
        if not self._dropped:
            self._waiting.append(message)
        self._woken.set()

    def show(self, progress: T) -> None:
        """Progress, in place of any that was not sent yet."""
        self.shown = self._newest = progress
        self._woken.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self._ended = True
        self._woken.set()

    async def take(self, quiet_seconds: float) -> list[T] | None:
        """What came in, nothing after so many quiet seconds, None at the end. Raises ListenerTooSlow."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(quiet_seconds):
                await self._woken.wait()
        self._woken.clear()
        if self._dropped:
            raise ListenerTooSlow
        messages, self._waiting = self._waiting, []
        if self._newest is not None:
            messages.append(self._newest)
            self._newest = None
        return None if self._ended else messages
