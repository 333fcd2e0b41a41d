"""Sends files, four at once, and follows each until it is published or failed."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from docmill.cli.client import Accepted, Client, Json
from docmill.domain.errors import BadRequest, DocmillError, FileNotUsable, NotRunning, Unavailable
from docmill.domain.names import check_file_name
from docmill.domain.reading_errors import Refused, Unreadable
from docmill.domain.states import TaskStatus

AT_ONCE = 4
# Documents are worked on in about the order they came, so looking at the oldest few is enough.
WATCHED = 8
POLL_SECONDS = 0.4
# The API may be restarting; documents go on meanwhile.
PATIENCE_SECONDS = 30.0

PUBLISHED, UNCHANGED, ACCEPTED, FAILED, REFUSED = "published", "unchanged", "accepted", "failed", "refused"
AT_THE_DOOR = (Refused, BadRequest, Unreadable)
ENDED = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. `seconds` run from the start of its upload; `reason` says what to do."""

    file: str
    outcome: str
    document_id: str | None = None
    pages: int | None = None
    chunks: int | None = None
    seconds: float = 0.0
    code: str | None = None
    reason: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the file is not, and will not be, found."""
        return self.outcome in (FAILED, REFUSED)


class Display(Protocol):
    """Shows how it goes while it goes."""

    def sent(self) -> None:
        """One more file has been sent, or could not be."""
        ...

    def found(self, count: int) -> None:
        """So many documents more were found inside one that is finished."""
        ...

    def moved(self, file: str, status: Json) -> None:
        """A document in work stands where `status` says."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """Nothing more will happen to this file."""
        ...


@dataclass(slots=True)
class _InWork:
    path: Path
    started: float
    accepted: Accepted
    is_new: bool


class Uploads:
    """Files on their way into one dataset."""

    def __init__(
        self,
        client: Client,
        display: Display,
        dataset: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        priority: int | None = None,
        wait: bool = True,
    ) -> None:
        self._client = client
        self._display = display
        self._dataset = dataset
        self._metadata = metadata or {}
        self._priority = priority
        self._wait = wait
        self._arrived: SimpleQueue[_InWork | Outcome] = SimpleQueue()
        self._in_work: deque[_InWork] = deque()
        self._children: set[str] = set()
        self._answered = time.monotonic()

    def run(self, files: Sequence[Path]) -> Iterator[Outcome]:
        """Send the files and yield what became of each, as soon as it is known.

        Raises NotRunning or Unavailable when the API has not answered for a while.
        """
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            for path in files:
                pool.submit(self._upload, path)
            for outcome in self._follow(len(files)):
                self._display.finished(outcome)
                yield outcome
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _follow(self, left: int) -> Iterator[Outcome]:
        while left or self._in_work:
            deadline = time.monotonic() + POLL_SECONDS
            while left and (upload := self._next_arrival(deadline)):
                left -= 1
                self._display.sent()
                yield from self._sorted_in(upload)
            time.sleep(max(0.0, deadline - time.monotonic()))
            yield from self._look()

    def _next_arrival(self, deadline: float) -> _InWork | Outcome | None:
        try:
            return self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            return None

    def _sorted_in(self, upload: _InWork | Outcome) -> Iterator[Outcome]:
        if isinstance(upload, Outcome):
            yield upload
        elif self._wait:
            self._in_work.append(upload)
        else:
            done = ACCEPTED if upload.accepted.created else UNCHANGED
            yield _outcome(upload, done)

    def _upload(self, path: Path) -> None:
        self._arrived.put(self._sent(path))

    def _sent(self, path: Path) -> _InWork | Outcome:
        started = time.monotonic()
        name = os.fsencode(path.name).decode("utf-8", "replace")
        try:
            accepted = self._client.upload(
                path, check_file_name(name), self._dataset, self._metadata, self._priority
            )
        except (DocmillError, OSError) as error:
            return _not_taken(path, started, error)
        return _InWork(path, started, accepted, is_new=accepted.created)

    def _look(self) -> Iterator[Outcome]:
        """Ask after the oldest documents; where one is finished, the next one moves up at once."""
        unfinished: list[_InWork] = []
        while self._in_work and len(unfinished) < WATCHED:
            item = self._in_work.popleft()
            outcome = self._ended(item)
            if outcome:
                yield outcome
            else:
                unfinished.append(item)
        self._in_work.extendleft(reversed(unfinished))

    def _ended(self, item: _InWork) -> Outcome | None:
        try:
            status = self._client.status(item.accepted.document_id)
        except (NotRunning, Unavailable):
            if time.monotonic() - self._answered > PATIENCE_SECONDS:
                raise
            return None
        except DocmillError as error:
            return _outcome(item, FAILED, code=error.code, reason=error.message)
        self._answered = time.monotonic()
        if status["task_status"] not in ENDED:
            item.is_new = True  # it was there, but in work: it is published now, not unchanged
            self._display.moved(str(item.path), status)
            return None
        if status["task_status"] == TaskStatus.SUCCESS:
            return self._published(item, status)
        problem = status["error"] or {}
        return _outcome(
            item, FAILED, code=problem.get("code"), reason=problem.get("message") or status["message"]
        )

    def _published(self, item: _InWork, status: Json) -> Outcome:
        document = self._client.document(item.accepted.document_id)
        self._follow_children(item, document["attachments"])
        pages = document["pages"]
        done = PUBLISHED if item.is_new else UNCHANGED
        return _outcome(item, done, pages=pages, chunks=status["total_chunks"])

    def _follow_children(self, parent: _InWork, attachments: Sequence[Json]) -> None:
        """What was found inside a document is waited for as well, each once."""
        inside = {found["document_id"]: found["name"] for found in attachments if found["document_id"]}
        new = {document: name for document, name in inside.items() if document not in self._children}
        self._children |= new.keys()
        for document, name in new.items():
            path = parent.path / name.lstrip("/")
            self._in_work.append(
                _InWork(path, parent.started, Accepted(document, parent.is_new), parent.is_new)
            )
        if new:
            self._display.found(len(new))


def _outcome(
    item: _InWork,
    outcome: str,
    *,
    pages: int | None = None,
    chunks: int | None = None,
    code: str | None = None,
    reason: str | None = None,
) -> Outcome:
    seconds = round(time.monotonic() - item.started, 2)
    return Outcome(str(item.path), outcome, item.accepted.document_id, pages, chunks, seconds, code, reason)


def _not_taken(path: Path, started: float, error: DocmillError | OSError) -> Outcome:
    seconds = round(time.monotonic() - started, 2)
    if isinstance(error, OSError):
        reason = f"The file cannot be read: {error.strerror}. Check that it is there and its permissions."
        return Outcome(str(path), FAILED, seconds=seconds, code=FileNotUsable.code, reason=reason)
    outcome = REFUSED if isinstance(error, AT_THE_DOOR) else FAILED
    return Outcome(str(path), outcome, seconds=seconds, code=error.code, reason=error.message)
