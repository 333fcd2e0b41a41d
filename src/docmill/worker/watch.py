"""What a worker's main process does beside Celery: a sign of life, and recovery when Beat is silent.

It also leaves when Celery takes no more messages: whoever started the worker starts a new one.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import psutil
from sqlalchemy.exc import SQLAlchemyError

from docmill import __version__
from docmill.bootstrap import App, keep_document_logs, make_app, make_mirroring, make_outages, make_recovery
from docmill.db import workers
from docmill.logs import get_logger
from docmill.pipeline.owner import this_host
from docmill.pipeline.recovery import Recovery
from docmill.services import pings
from docmill.settings import Settings
from docmill.worker.deaths import Deaths
from docmill.worker.hearing import Hearing
from docmill.worker.process import WorkerProcess, worker_id
from docmill.worker.turns import Turns

log = get_logger(__name__)

DEAF = os.EX_TEMPFAIL  # exit code: nothing is broken that a new start would not mend

_SIGN_SECONDS = 2.0  # between two signs of life at most; others count on it
_FORGOTTEN = 3600.0  # seconds
_NOTICED_WITHIN = 0.2  # seconds until the death of a process of ours is known
_TO_END = 1.0  # seconds for Celery to end once no process has work in hand: nothing is lost by its end


class Watch:
    """Threads of the main process: the children may all be busy, and none of this must wait for them.

    They open connections of their own: the main process forks new children all the time, and what they
    inherit they must never use. Recovery has a thread to itself, and so has the question whether a service is
    back: they may take long, a sign of life may not.
    """

    def __init__(self, settings: Settings, process: WorkerProcess) -> None:
        self._settings = settings
        self._process = process
        self._id = worker_id(os.getpid())
        self._queues = settings.worker_queues.split(",")
        self._turns: tuple[Turns, ...] = ()
        self.is_deaf = False

    def start(self) -> None:
        """Begin, once the worker takes messages; `docmill up` waits for the first sign of life."""
        app = make_app(self._settings)
        keep_document_logs(app)  # recovery tells of lost owners
        recovery, outages = make_recovery(app), make_outages(app)
        hearing = self._make_hearing(app)
        deaths = Deaths(self._process.activity.processes)
        often = min(_SIGN_SECONDS, self._settings.sweep_seconds, self._settings.worker_deaf_seconds / 4)
        self._turns = (
            Turns("watch", often, lambda: self._look(app, hearing), lambda: self._say_goodbye(app)),
            Turns("recovery", self._settings.sweep_seconds, lambda: self._recover(app, recovery)),
            Turns("outages", self._settings.sweep_seconds, outages.ask),
            *self._make_mirroring(app),
            Turns("deaths", _NOTICED_WITHIN, lambda: self._recover_at_once(deaths, recovery)),
        )
        for turns in self._turns:
            turns.start()

    def stop(self) -> None:
        """End at the next turn."""
        for turns in self._turns:
            turns.stop()

    def _make_mirroring(self, app: App) -> Iterator[Turns]:
        turn = make_mirroring(app)
        if turn is not None:
            yield Turns("mirror", self._settings.mirror_seconds, turn)

    def _make_hearing(self, app: App) -> Hearing:
        return Hearing(
            self._process.activity,
            self._queues,
            app.dispatcher.waiting,
            lambda queue: pings.send(app.engine, app.dispatcher.ping, queue),
            self._settings.worker_deaf_seconds,
        )

    def _look(self, app: App, hearing: Hearing) -> None:
        with app.engine.begin() as connection:
            workers.sign(connection, self._sign())
        queue = hearing.deaf_on()
        if queue is not None:
            log.error("worker_deaf", queue=queue, advice="It ends now, to be started again.")
            self._leave(app)

    def _sign(self) -> workers.Sign:
        activity = self._process.activity
        free_since = activity.free_since()
        return workers.Sign(
            id=self._id,
            host=this_host(),
            queues=self._queues,
            version=__version__,
            processes=activity.processes(),
            idle=None if free_since is None else time.monotonic() - free_since,
        )

    def _leave(self, app: App) -> NoReturn:
        """End this worker, gently where that is possible: what is in work is let go at its next step."""
        self.is_deaf = True
        self._say_goodbye(app)
        self._process.stop()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        pause, began = threading.Event(), time.monotonic()
        while not self._process.activity.is_all_free() and self._is_within_lease(began):
            pause.wait(0.1)
        pause.wait(_TO_END)  # where Celery can end by itself, it does so now, and this thread with it
        os._exit(DEAF)

    def _is_within_lease(self, began: float) -> bool:
        return time.monotonic() - began < self._settings.lease_seconds

    def _recover(self, app: App, recovery: Recovery) -> None:
        self._forget_the_dead(app)
        silent = recovery.seconds_since_sweep()
        if silent is None or silent > 2 * self._settings.sweep_seconds:
            recovery.sweep()

    def _recover_at_once(self, deaths: Deaths, recovery: Recovery) -> None:
        if deaths.is_new():
            recovery.sweep()

    def _forget_the_dead(self, app: App) -> None:
        """Remove the rows of workers that were killed: on this host at once, elsewhere after an hour."""
        with app.engine.begin() as connection:
            gone = [one.id for one in workers.workers(connection) if _is_gone(one)]
            if gone:
                workers.remove(connection, gone)

    def _say_goodbye(self, app: App) -> None:
        try:
            with app.engine.begin() as connection:
                workers.remove(connection, [self._id])
        except SQLAlchemyError as error:
            log.info("goodbye_missed", reason=type(error).__name__)


def _is_gone(worker: workers.Worker) -> bool:
    here = worker.host == this_host()
    return worker.silent_seconds > _FORGOTTEN or (here and not psutil.pid_exists(worker.pid))
