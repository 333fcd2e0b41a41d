"""Starts a worker or Beat from settings."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from celery import signals
from celery.platforms import SecurityWarning
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.bootstrap import load_shared
from docmill.db import workers
from docmill.db.engine import connect
from docmill.logs import configure_logs, get_logger
from docmill.settings import Settings
from docmill.worker.app import make_celery
from docmill.worker.process import WorkerProcess
from docmill.worker.watch import DEAF, Watch

log = get_logger(__name__)


def run_worker(settings: Settings) -> int:
    """Serve the queues of `settings.worker_queues` until told to stop; returns the exit code.

    SIGTERM lets every task go at its next step and ends; a second one, or SIGQUIT, ends at once.
    A worker that takes no messages any more ends by itself with DEAF.
    """
    process = WorkerProcess(settings)
    celery = make_celery(settings, settings.broker, process)
    watch = Watch(settings, process)

    def shutting_down(**_: Any) -> None:
        process.stop()
        watch.stop()

    def enter(**_: Any) -> None:
        process.enter()

    def leave(**_: Any) -> None:
        process.leave()

    def ready(**_: Any) -> None:
        watch.start()

    _own_the_logs(settings)
    warnings.filterwarnings("ignore", category=SecurityWarning)  # root is fine: messages hold ids only
    signals.worker_process_init.connect(enter, weak=False)
    signals.worker_process_shutdown.connect(leave, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(shutting_down, weak=False)
    arguments = [
        "--quiet", "worker", "--pool=prefork", f"--queues={settings.worker_queues}",
        "--hostname=docmill@%h", "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    load_shared()  # once for all processes, those that replace a dead one too
    code = int(celery.worker_main(arguments) or 0)
    return DEAF if watch.is_deaf else code


def run_beat(settings: Settings) -> int:
    """Send the messages of the Beat table until told to stop. Two Beats do no harm."""
    celery = make_celery(settings, settings.broker, WorkerProcess(settings))
    engine = connect(settings.database, pool_size=1)

    def sent(**_: Any) -> None:
        _note_beat(engine)

    _own_the_logs(settings)
    signals.after_task_publish.connect(sent, weak=False)
    celery.Beat(scheduler="celery.beat.Scheduler", quiet=True).run()
    return 0


def _note_beat(engine: Engine) -> None:
    """Nothing but `docmill doctor` reads it, so it may be missed."""
    try:
        with engine.begin() as connection:
            workers.note(connection, "beat")
    except SQLAlchemyError as error:
        log.info("beat_not_noted", reason=type(error).__name__)


def _own_the_logs(settings: Settings) -> None:
    """Celery logs through docmill's handlers instead of installing its own."""

    def setup(**_: Any) -> None:
        configure_logs(settings.log_level, settings.log_format)
        for chatty in (
            "celery.app.trace",
            "celery.worker.strategy",
        ):
            logging.getLogger(chatty).setLevel(logging.WARNING)

    signals.setup_logging.connect(setup, weak=False)
