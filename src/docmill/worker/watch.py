"""What a worker's main process does beside Celery: a sign of life, and recovery when Beat is silent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from docmill import __version__
from docmill.bootstrap import App, make_app, make_recovery
from docmill.logs import get_logger
from docmill.pipeline.owner import this_host
from docmill.pipeline.recovery import Recovery
from docmill.settings import Settings

log = get_logger(__name__)

_SEEN = text(
    """INSERT INTO workers (id, host, queues, version, processes)
VALUES (:id, :host, :queues, :version, :processes)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), queues = excluded.queues, processes = excluded.processes"""
)
_GONE = text("DELETE FROM workers WHERE id = :id OR seen_at < now() - interval '1 hour'")


class Watch:
    """A thread of the main process: the children may all be busy, and recovery must not wait for them.

    It opens connections of its own: the main process forks new children all the time, and what they
    inherit they must never use.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._processes: Callable[[], Sequence[int]] = list
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self, processes: Callable[[], Sequence[int]]) -> None:
        """Begin, once the worker takes messages. `processes` tells the pids of its children."""
        self._processes = processes
        self._thread.start()

    def stop(self) -> None:
        """End at the next turn."""
        self._stop.set()

    def _run(self) -> None:
        app = make_app(self._settings)
        recovery = make_recovery(app)
        self._try_turn(app, recovery)  # at once: `docmill up` waits for this sign of life
        while not self._stop.wait(self._settings.sweep_seconds):
            self._try_turn(app, recovery)
        self._say_goodbye(app)

    def _try_turn(self, app: App, recovery: Recovery) -> None:
        try:
            self._turn(app, recovery)
        except Exception as error:  # noqa: BLE001 - nobody else would recover: this thread must not end
            log.warning("watch_missed_a_turn", reason=type(error).__name__)

    def _turn(self, app: App, recovery: Recovery) -> None:
        with app.engine.begin() as connection:
            connection.execute(_SEEN, self._row())
        silent = recovery.seconds_since_sweep()
        if silent is None or silent > 2 * self._settings.sweep_seconds:
            recovery.sweep()

    def _row(self) -> dict[str, object]:
        queues = self._settings.worker_queues.split(",")
        return {
            "id": self._id(),
            "host": this_host(),
            "queues": queues,
            "version": __version__,
            "processes": list(self._processes()),
        }

    def _id(self) -> str:
        return f"{this_host()}/{os.getpid()}"

    def _say_goodbye(self, app: App) -> None:
        try:
            with app.engine.begin() as connection:
                connection.execute(_GONE, {"id": self._id()})
        except SQLAlchemyError as error:
            log.info("goodbye_missed", reason=type(error).__name__)
