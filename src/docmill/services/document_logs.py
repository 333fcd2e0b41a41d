"""The log lines of each document: gathered beside the work, written in batches, shown page by page.

A line may be lost, work may not wait: lines are held in memory, and a thread of this process writes them.
What does not fit there or cannot be written is counted, and the count is logged.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from docmill.db import catalogue, document_logs
from docmill.db.document_logs import LogLine, NewLine
from docmill.db.engine import reaching_database, typed
from docmill.domain.cursors import Page, decode_cursor, page_of
from docmill.domain.errors import DocumentNotFound
from docmill.domain.masking import masked, masked_fact
from docmill.domain.names import as_uuid
from docmill.logs import bound_facts, get_logger

log = get_logger(__name__)

LEVELS = ("debug", "info", "warning", "error", "critical")

_MOST_LINES = 5_000
_BATCH = 1_000
_LONGEST = 2_000  # characters of one value
_PORTION = 5_000
_PORTIONS_AT_ONCE = 20
_CURSOR = "logs"
_NOT_DATA = frozenset(
    {"event", "level", "logger", "timestamp", "document_id", "task_id", "stage", "exception", "exc_info"}
)


class DocumentLog(logging.Handler):
    """Keeps the lines that name a document or a task. Of this process alone: a fork does not inherit it.

    `seconds` is how long a line waits for others before all are written; a warning does not wait.
    """

    def __init__(self, engine: Engine, *, seconds: float = 1.0, most_lines: int = _MOST_LINES) -> None:
        super().__init__()
        self._engine = engine
        self._seconds = seconds
        self._most_lines = most_lines
        self._lines: deque[NewLine] = deque()
        self._lost = 0
        self._pid = os.getpid()
        self._some = threading.Event()
        self._urgent = threading.Event()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Hold the line if it is a document's. Raises nothing and waits for nothing."""
        if os.getpid() != self._pid:
            return
        try:
            line = _line(record)
        except Exception:  # noqa: BLE001 - whatever a library logs, it must not fail a task
            self._lost += 1
            return
        if line is not None:
            self._hold(line, record.levelno >= logging.WARNING)

    def _hold(self, line: NewLine, urgent: bool) -> None:
        if len(self._lines) >= self._most_lines:
            self._lost += 1
            return
        self._lines.append(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_on, name="document-log", daemon=True)
            self._thread.start()
        if urgent:
            self._urgent.set()
        self._some.set()

    def _write_on(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            self._urgent.wait(self._seconds)
            self._urgent.clear()
            self.flush()

    def flush(self) -> None:
        """Write what is held. What cannot be written now, because the database is away, is held on to."""
        if os.getpid() != self._pid:
            return
        with self._writing:
            while self._lines and self._write_batch():
                pass
            lost, self._lost = self._lost, 0
        if lost:
            log.warning("document_log_lines_lost", lines=lost)

    def _write_batch(self) -> bool:
        """Whether the oldest lines are dealt with: written, or lost for good."""
        batch = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
        now = time.monotonic()
        try:
            with self._engine.begin() as connection:
                document_logs.insert(connection, [replace(line, age=now - line.age) for line in batch])
        except SQLAlchemyError as error:
            return self._put_back(batch, error)
        return True

    def _put_back(self, batch: list[NewLine], error: SQLAlchemyError) -> bool:
        """The database will take them later, or (a document was just deleted) the rest of them; or never."""
        if typed(error) is None and not isinstance(error, IntegrityError):
            self._lost += len(batch)
            return True
        self._lines.extendleft(reversed(batch))
        self._some.set()
        return False


def _line(record: logging.LogRecord) -> NewLine | None:
    """The line of a record, None when it names no document and no task. `age` is when it was made, here."""
    facts = _facts(record)
    document, task = (as_uuid(str(facts.get(name, ""))) for name in ("document_id", "task_id"))
    if document is None and task is None:
        return None
    data = {name: _storable(value) for name, value in facts.items() if name not in _NOT_DATA}
    if "exception" in facts:  # the traceback is in the log of the process; it shows paths
        data["exception"] = str(facts["exception"]).strip().rpartition("\n")[2].partition(":")[0]
    stage = facts.get("stage")
    return NewLine(
        document,
        task,
        time.monotonic(),
        record.levelname.lower(),
        None if stage is None else str(stage),
        str(_storable(str(facts.get("event", "")))),
        data,
    )


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    """Our own lines come masked, as facts; a library's is a text, beside what is bound here."""
    if isinstance(record.msg, dict):
        return record.msg
    bound = {name: masked_fact(name, value) for name, value in bound_facts().items()}
    return {**bound, "event": masked(record.getMessage())}


def _storable(value: object) -> object:
    """The value as PostgreSQL's JSON takes it, and no longer than a line should be."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = str(value)[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()


class DocumentLogs:
    """The log lines of the documents of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @reaching_database
    def page(
        self,
        tenant: str,
        document_id: UUID,
        *,
        level: str = "debug",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[LogLine]:
        """Lines of at least this level, the oldest first. Raises DocumentNotFound, InvalidCursor."""
        after = _place(cursor)
        levels = LEVELS[LEVELS.index(level) :]
        with self._engine.begin() as connection:
            if not catalogue.count_known(connection, tenant, [document_id]):
                raise DocumentNotFound
            found = document_logs.page(connection, tenant, document_id, levels, after, limit + 1)
        return page_of(_CURSOR, found, limit, lambda line: [line.at.isoformat(), line.id])


def _place(cursor: str | None) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    at, line = decode_cursor(_CURSOR, cursor)
    return datetime.fromisoformat(at), int(line)


def forget_logs(engine: Engine, days: int) -> int:
    """Delete lines older than `days`, in small transactions, 100,000 at most. Returns how many."""
    forgotten = 0
    for _ in range(_PORTIONS_AT_ONCE):
        with engine.begin() as connection:
            gone = document_logs.forget(connection, days, _PORTION)
        forgotten += gone
        if gone < _PORTION:
            break
    if forgotten:
        log.info("document_logs_forgotten", lines=forgotten)
    return forgotten
