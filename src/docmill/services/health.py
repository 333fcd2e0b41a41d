"""Whether this installation can take and serve documents now."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.db.revisions import current, head_revision
from docmill.ports import Dispatcher


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what to do when it is not as it should be."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every check. `ready`: documents are taken. `degraded`: they are taken, but wait."""

    checks: dict[str, Check]

    @property
    def ready(self) -> bool:
        """Whether documents can be taken. Without the broker they can: their tasks are rows."""
        return self.checks["database"].ok and self.checks["storage"].ok

    @property
    def status(self) -> str:
        """ "ready", "degraded" or "unavailable"."""
        if not self.ready:
            return "unavailable"
        return "ready" if all(check.ok for check in self.checks.values()) else "degraded"


class Health:
    """Looks at the database, the storage and the broker. `folder` is one that uploads are written to."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher, folder: Path) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._folder = folder
        self._head = head_revision()

    def ready(self) -> Readiness:
        """Look at everything now. Raises nothing."""
        look: dict[str, Callable[[], Check]] = {
            "database": self._database,
            "storage": self._storage,
            "broker": self._broker,
        }
        return Readiness({name: check() for name, check in look.items()})

    def _database(self) -> Check:
        try:
            with self._engine.begin() as connection:
                revision = current(connection)
        except SQLAlchemyError:
            return Check(False, "The database does not answer or has no tables. Run `docmill doctor`.")
        if revision != self._head:
            return Check(
                False, "The database is not at this docmill's schema. Run `docmill up` to migrate it."
            )
        return Check(True, f"answers, schema {revision}")

    def _storage(self) -> Check:
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(b"docmill")
                file.flush()
        except OSError:
            return Check(False, "The storage cannot be written. Check free space and permissions.")
        return Check(True, "can be written")

    def _broker(self) -> Check:
        if self._dispatcher.waiting("maintenance") is None:
            return Check(False, "The broker does not answer. Documents are taken and wait until it is back.")
        return Check(True, "answers")
