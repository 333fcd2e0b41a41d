"""The live stream: one follower a process reads what was committed and tells every listener.

It asks the database again and again and needs no notification, so it works through any pooler and goes on
by itself after the database was away. A listener that comes back with its last position is first told
what is stored behind it; there is no place between that and the live part where an event could hide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine

from docmill.db import events
from docmill.db.engine import alone, reaching_database
from docmill.db.events import Choice
from docmill.domain.errors import Unavailable, UnknownEvent
from docmill.domain.events import Event, Position
from docmill.logs import get_logger
from docmill.services.documents import Document, Documents
from docmill.services.listeners import Batch, Listener

log = get_logger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_PAGE = 200
_QUIET_SECONDS = 15.0
_PATIENCE_SECONDS = 1.0  # between two tries while the database is away


class Telling(Protocol[T_co]):
    """How events and progress become messages: once each, whoever listens."""

    def event(self, event: Event) -> T_co:
        """The message that tells of an event."""

    def progress(self, documents: Sequence[Document]) -> T_co:
        """The message that tells how far the documents in work are, all of them."""


class Live(Generic[T]):
    """The stream for every listener of this process. All but `check` belongs to one event loop."""

    def __init__(
        self,
        engine: Engine,
        documents: Documents,
        telling: Telling[T],
        *,
        poll_seconds: float = 0.25,
        progress_seconds: float = 1.0,
        capacity: int = 5000,
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._telling = telling
        self._poll_seconds = poll_seconds
        self._progress_seconds = progress_seconds
        self._capacity = capacity
        self._listeners: set[Listener[T]] = set()
        self._beginning = asyncio.Lock()
        self._position: Position | None = None
        self._follower: asyncio.Task[None] | None = None
        self._shown_at = 0.0
        self._reports: dict[Choice, tuple[Sequence[Document], T]] = {}
        self._stopped = False

    @reaching_database
    def check(self, after: Position) -> None:
        """Raises UnknownEvent for a position that this database cannot have given out."""
        with alone(self._engine) as connection:
            if after.xid > events.horizon(connection).xid:
                raise UnknownEvent

    async def stored(self, choice: Choice, after: Position) -> AsyncGenerator[Batch[T]]:
        """Batches of what is stored behind a position and was committed by now, in order."""
        async for batch in self._stored(choice, after, None):
            yield batch

    async def follow(
        self, choice: Choice, after: Position | None, *, progress: bool
    ) -> AsyncGenerator[Batch[T]]:
        """Batches without end: what is stored behind `after` (None: begin now), then what happens.

        The first one without messages says where the live part begins. Ends when the stream is stopped.
        Raises ListenerTooSlow, and DatabaseUnavailable while it reads what is stored.
        """
        if after is not None:
            async for batch in self._stored(choice, after, None):
                yield batch
                after = batch.position
        listener, begin = await self._join(choice, after, progress)
        try:
            if after is not None and after < begin:
                async for batch in self._stored(choice, after, begin):
                    yield batch
            yield Batch((), listener.after)
            while (messages := await listener.take(_QUIET_SECONDS)) is not None:
                yield Batch(messages, max(listener.after, self._position or begin))
        finally:
            self._listeners.discard(listener)

    def stop(self) -> None:
        """End the stream of every listener; they may come back to another process."""
        self._stopped = True
        self._end_all()

    async def _stored(
        self, choice: Choice, after: Position, until: Position | None
    ) -> AsyncGenerator[Batch[T]]:
        full = True
        while full:
            found, end = await asyncio.to_thread(self._read_chosen, choice, after, until)
            full = len(found) == _PAGE
            after = found[-1].position if full else max(after, end)
            yield Batch([self._telling.event(event) for event in found], after)

    @reaching_database
    def _read_chosen(
        self, choice: Choice, after: Position, until: Position | None
    ) -> tuple[list[Event], Position]:
        """A page, and the place up to which it is complete when it is not full."""
        with alone(self._engine) as connection:
            end = until or events.horizon(connection)
            return events.chosen(connection, choice, after, end, _PAGE), end

    async def _join(
        self, choice: Choice, after: Position | None, progress: bool
    ) -> tuple[Listener[T], Position]:
        """A new listener, and where its live part begins: whatever is later than this will be told."""
        async with self._beginning:
            if self._position is None:
                self._position = await asyncio.to_thread(self._read_horizon)
                self._follower = asyncio.create_task(self._run())
            begin = self._position
            listener: Listener[T] = Listener(
                choice, max(after or begin, begin), progress=progress, capacity=self._capacity
            )
            self._listeners.add(listener)
        if self._stopped:
            listener.end()
        return listener, begin

    @reaching_database
    def _read_horizon(self) -> Position:
        with alone(self._engine) as connection:
            return events.horizon(connection)

    async def _run(self) -> None:
        """Follow as long as somebody listens."""
        try:
            while self._listeners:
                await asyncio.sleep(await self._turn())
        except Exception:
            log.exception("live_stream_failed")
            self._end_all()
        finally:
            self._position = None
            self._reports.clear()

    def _end_all(self) -> None:
        for listener in self._listeners:
            listener.end()

    async def _turn(self) -> float:
        """Tell what is new; returns how long to rest."""
        try:
            await self._tell_events()
            await self._tell_progress()
        except Unavailable as error:
            log.warning("live_stream_waits", reason=error.code)
            return _PATIENCE_SECONDS
        return self._poll_seconds

    async def _tell_events(self) -> None:
        full = True
        while full and self._position is not None:
            found = await asyncio.to_thread(self._read_all, self._position)
            for event in found:
                self._tell(event)
            full = len(found) == _PAGE

    @reaching_database
    def _read_all(self, after: Position) -> list[Event]:
        with alone(self._engine) as connection:
            return events.of_everybody(connection, after, _PAGE)

    def _tell(self, event: Event) -> None:
        wanting = [listener for listener in self._listeners if listener.wants(event)]
        if wanting:
            message = self._telling.event(event)
            for listener in wanting:
                listener.put(message)
        self._position = event.position

    async def _tell_progress(self) -> None:
        now = time.monotonic()
        watching = [listener for listener in self._listeners if listener.takes_progress]
        if not watching or now < self._shown_at + self._progress_seconds:
            return
        self._shown_at = now
        tenants = {listener.choice.tenant for listener in watching}
        in_work = await asyncio.to_thread(self._read_progress, tenants)
        self._reports = self._reported({listener.choice for listener in watching}, in_work)
        for listener in watching:
            documents, message = self._reports[listener.choice]
            if message is not listener.shown and (documents or listener.shown is not None):
                listener.show(message)

    def _read_progress(self, tenants: Iterable[str]) -> Mapping[str, Sequence[Document]]:
        return {tenant: self._documents.in_work(tenant) for tenant in tenants}

    def _reported(
        self, choices: Iterable[Choice], in_work: Mapping[str, Sequence[Document]]
    ) -> dict[Choice, tuple[Sequence[Document], T]]:
        """What each choice is shown; where nothing changed, the very message of before."""
        reports: dict[Choice, tuple[Sequence[Document], T]] = {}
        for choice in choices:
            documents = [document for document in in_work[choice.tenant] if _is_of(choice, document)]
            before = self._reports.get(choice)
            unchanged = before is not None and before[0] == documents
            reports[choice] = (
                before if before and unchanged else (documents, self._telling.progress(documents))
            )
        return reports


def _is_of(choice: Choice, document: Document) -> bool:
    row = document.row
    return choice.dataset_id in (None, row.dataset_id) and choice.document_id in (None, row.id)
