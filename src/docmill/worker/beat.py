"""Starts Beat from settings: it sends what is due by the clock."""

from __future__ import annotations

from typing import Any

from celery import signals
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.db import workers
from docmill.db.engine import connect
from docmill.domain.states import MAINTENANCE_QUEUE
from docmill.logs import get_logger
from docmill.settings import Settings
from docmill.worker.app import DISCARD, RECOVER, WEBHOOKS, make_celery

log = get_logger(__name__)


def run_beat(settings: Settings) -> None:
    """Send the messages of the Beat table until told to stop. Two Beats do no harm."""
    celery = make_celery(settings)
    celery.conf.beat_schedule = _beat_table(settings)
    engine = connect(settings.database, pool_size=1)

    def sent(**_: Any) -> None:
        _note_beat(engine)

    signals.after_task_publish.connect(sent, weak=False)
    celery.Beat(scheduler="celery.beat.Scheduler", quiet=True).run()


def _note_beat(engine: Engine) -> None:
    """Nothing but `docmill doctor` reads it, so it may be missed."""
    try:
        with engine.begin() as connection:
            workers.note(connection, "beat")
    except SQLAlchemyError as error:
        log.info("beat_not_noted", reason=type(error).__name__)


def _beat_table(settings: Settings) -> dict[str, dict[str, object]]:
    """Messages expire before the next one is due, so a busy worker meets one and not a heap."""
    return {
        "recover": {
            "task": RECOVER,
            "schedule": settings.sweep_seconds,
            "options": {"queue": MAINTENANCE_QUEUE, "priority": 0, "expires": settings.sweep_seconds},
        },
        "discard": {
            "task": DISCARD,
            "schedule": 60.0,
            "options": {"queue": MAINTENANCE_QUEUE, "priority": 9, "expires": 60.0},
        },
        "webhooks": {
            "task": WEBHOOKS,
            "schedule": settings.sweep_seconds,
            "options": {"queue": MAINTENANCE_QUEUE, "priority": 5, "expires": settings.sweep_seconds},
        },
    }
