"""The Celery app and its tasks: one a stage, one line each, and house-keeping."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Celery, signals

from docmill.adapters.broker import PING, celery_options, message_name
from docmill.domain.states import MAINTENANCE_QUEUE, QUEUE_OF_STAGE, StageName
from docmill.logs import configure_logs
from docmill.settings import Settings

if TYPE_CHECKING:  # Beat sends messages and never needs what works on them
    from docmill.worker.process import WorkerProcess

RECOVER = "docmill.recover"
DISCARD = "docmill.discard"
WEBHOOKS = "docmill.webhooks"


def make_celery(settings: Settings) -> Celery:
    """A Celery app without tasks, which logs through docmill's handlers instead of installing its own."""
    celery = Celery("docmill", set_as_current=False)
    celery.conf.update(celery_options(settings.broker))

    def setup(**_: Any) -> None:
        configure_logs(settings.log_level, settings.log_format)
        for chatty in ("celery.app.trace", "celery.worker.strategy"):
            logging.getLogger(chatty).setLevel(logging.WARNING)

    signals.setup_logging.connect(setup, weak=False)
    return celery


def register_tasks(celery: Celery, process: WorkerProcess) -> None:
    """Have every task run on `process`."""
    for stage in StageName:
        _register_stage(celery, stage, process)
    _register_maintenance(celery, process)


def _register_stage(celery: Celery, stage: StageName, process: WorkerProcess) -> None:
    @celery.task(name=message_name(stage))
    def run(task_id: str) -> None:
        with process.activity.working(QUEUE_OF_STAGE[stage]):
            process.run(stage, task_id)


def _register_maintenance(celery: Celery, process: WorkerProcess) -> None:
    """In functions of their own: Celery counts the `self` of a method as an argument to be sent."""

    @celery.task(name=RECOVER)
    def recover() -> None:
        with process.activity.working(MAINTENANCE_QUEUE):
            process.recover()

    @celery.task(name=DISCARD)
    def discard() -> None:
        with process.activity.working(MAINTENANCE_QUEUE):
            process.discard()

    @celery.task(name=PING)
    def ping(ping_id: str, queue: str) -> None:
        with process.activity.working(queue):
            process.answer(ping_id)

    @celery.task(name=WEBHOOKS)
    def webhooks() -> None:
        with process.activity.working(MAINTENANCE_QUEUE):
            process.send_webhooks()
