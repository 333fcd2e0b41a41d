"""The Celery app: one task a stage, one line each, and the Beat table."""

from __future__ import annotations

from celery import Celery

from docmill.adapters.broker import PING, celery_options, message_name
from docmill.domain.states import MAINTENANCE_QUEUE, QUEUE_OF_STAGE, StageName
from docmill.settings import Settings
from docmill.worker.process import WorkerProcess

RECOVER = "docmill.recover"
DISCARD = "docmill.discard"
WEBHOOKS = "docmill.webhooks"


def make_celery(settings: Settings, broker_url: str, process: WorkerProcess) -> Celery:
    """A Celery app whose tasks run on `process`."""
    celery = Celery("docmill", set_as_current=False)
    celery.conf.update(celery_options(broker_url))
    celery.conf.update(
        worker_max_tasks_per_child=settings.worker_recycle_tasks,
        worker_max_memory_per_child=settings.worker_memory_bytes // 1024,
        worker_concurrency=settings.worker_processes,
        worker_proc_alive_timeout=60,  # a process loads its model before it says that it is up
        beat_schedule=_beat_table(settings),
    )
    for stage in StageName:
        _register_stage(celery, stage, process)
    _register_maintenance(celery, process)
    return celery


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
