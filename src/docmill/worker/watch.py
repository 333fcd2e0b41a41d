"""What a worker's main process does beside Celery: a sign of life, and recovery when Beat is silent."""

from __future__ import annotations

import os
import threading

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from docmill import __version__
from docmill.domain.errors import DocmillError
from docmill.logs import get_logger
from docmill.pipeline.owner import this_host
from docmill.settings import Settings
from docmill.worker.process import WorkerProcess

log = get_logger(__name__)

_SEEN = text(
    """INSERT INTO workers (id, host, queues, version) VALUES (:id, :host, :queues, :version)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), queues = excluded.queues"""
)
_GONE = text("DELETE FROM workers WHERE id = :id OR seen_at < now() - interval '1 hour'")


class Watch:
    """A thread of the main process: the children may all be busy, and recovery must not wait for them."""

    def __init__(self, process: WorkerProcess, settings: Settings) -> None:
        self._process = process
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin, once the worker takes messages."""
        self._thread.start()

    def stop(self) -> None:
        """End at the next turn."""
        self._stop.set()

    def _run(self) -> None:
        self._try_turn()  # at once: `docmill up` waits for this sign of life
        while not self._stop.wait(self._settings.sweep_seconds):
            self._try_turn()
        self._say_goodbye()

    def _try_turn(self) -> None:
        try:
            self._turn()
        except (SQLAlchemyError, DocmillError) as error:
            log.warning("watch_missed_a_turn", reason=type(error).__name__)

    def _turn(self) -> None:
        with self._process.app.engine.begin() as connection:
            connection.execute(_SEEN, self._row())
        silent = self._process.recovery.seconds_since_sweep()
        if silent is None or silent > 2 * self._settings.sweep_seconds:
            self._process.recovery.sweep()

    def _row(self) -> dict[str, object]:
        queues = self._settings.worker_queues.split(",")
        return {"id": self._id(), "host": this_host(), "queues": queues, "version": __version__}

    def _id(self) -> str:
        return f"{this_host()}/{os.getpid()}"

    def _say_goodbye(self) -> None:
        try:
            with self._process.app.engine.begin() as connection:
                connection.execute(_GONE, {"id": self._id()})
        except SQLAlchemyError as error:
            log.info("goodbye_missed", reason=type(error).__name__)
