"""What one worker process holds. Everything is made at first use, after the fork: nothing crosses it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from functools import cached_property
from uuid import UUID

from billiard.process import current_process

from docmill.adapters.broker import QUEUES
from docmill.bootstrap import (
    App,
    keep_document_logs,
    make_app,
    make_courier,
    make_reading,
    make_recognizer,
    make_recovery,
    make_runner,
)
from docmill.domain.interruptions import WorkerStopping
from docmill.domain.states import StageName
from docmill.pipeline.owner import this_host
from docmill.pipeline.recovery import Recovery
from docmill.pipeline.runner import Runner
from docmill.ports import Reading, Recognizer
from docmill.services import pings
from docmill.services.deletion import Deletion
from docmill.services.deliveries import Courier, remove_old_deliveries
from docmill.services.document_logs import DocumentLog, forget_logs
from docmill.services.idempotency import IdempotencyKeys
from docmill.services.maintenance import (
    discard_versions,
    erase_deleted,
    folder_of_the_minute,
    remove_orphans,
)
from docmill.settings import Settings
from docmill.worker.activity import Activity


class WorkerProcess:
    """The runner and recovery of this process; the fork shares `activity` and the wish to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = mmap.mmap(-1, 1)
        self._log: DocumentLog | None = None
        self.activity = Activity(settings.worker_processes, QUEUES)

    def stop(self) -> None:
        """Ask every process of this worker to let go of its task at the next step."""
        self._stopping[0] = 1

    def is_stopping(self) -> bool:
        """Whether somebody asked this worker to stop."""
        return self._stopping[0] == 1

    def _look_up(self, runner: Callable[[], Runner]) -> None:
        """What a reading does a few times a second while it waits for its child."""
        if self.is_stopping():
            raise WorkerStopping
        runner().look_up()

    @cached_property
    def app(self) -> App:
        """The adapters this process uses."""
        return make_app(self._settings, one_plan=True)

    @cached_property
    def reading(self) -> Reading:
        """Reads files in a child of this process."""
        return make_reading(self._settings, lambda: self._look_up(lambda: self.runner))

    @cached_property
    def spare_reading(self) -> Reading:
        """Reads what passes while the first reading is in use; its child is started when that happens."""
        return make_reading(self._settings, lambda: self._look_up(lambda: self.aside))

    @cached_property
    def recognizer(self) -> Recognizer:
        """Recognises pages in a child of this process."""
        return make_recognizer(self._settings, lambda: self._look_up(lambda: self.runner))

    @cached_property
    def spare_recognizer(self) -> Recognizer:
        """Recognises what passes while the first one is in use."""
        return make_recognizer(self._settings, lambda: self._look_up(lambda: self.aside))

    @cached_property
    def runner(self) -> Runner:
        """Carries tasks through stages."""
        return make_runner(self.app, self.reading, self.recognizer, self.is_stopping, self.aside)

    @cached_property
    def aside(self) -> Runner:
        """Carries small urgent tasks through stages while the first runner's task waits."""
        return make_runner(self.app, self.spare_reading, self.spare_recognizer, self.is_stopping)

    @cached_property
    def recovery(self) -> Recovery:
        """Puts tasks that lost their way back on it."""
        return make_recovery(self.app)

    @cached_property
    def courier(self) -> Courier:
        """Carries events to webhooks."""
        return make_courier(self.app, self.is_stopping)

    def enter(self) -> None:
        """Begin as a child: load what the first document would wait for, the model and the reading child."""
        self.activity.enter(getattr(current_process(), "index", 0))
        self._log = keep_document_logs(self.app)
        try:
            self.reading.start()
            self.app.embedder.load()
        finally:
            self.activity.free()

    def leave(self) -> None:
        """End as a child: write the last log lines."""
        if self._log is not None:
            self._log.flush()

    def run(self, stage: StageName, task_id: str) -> None:
        """What a stage's message does."""
        try:
            self.runner.run(UUID(task_id), stage)
        finally:
            self.spare_reading.close()  # it takes memory, and is seldom needed
            self.spare_recognizer.close()

    def recover(self) -> None:
        """What Beat's message does."""
        self.recovery.sweep()

    def discard(self) -> None:
        """What Beat's message does for what nobody sees any more."""
        app = self.app
        Deletion(app.engine, app.storage, app.vectors).give_up_children()
        discard_versions(app.engine, app.vectors)
        erase_deleted(app.engine, app.storage, app.vectors)
        remove_orphans(app.engine, app.storage, folder_of_the_minute())
        IdempotencyKeys(app.engine, self._settings.idempotency_seconds).forget()
        remove_old_deliveries(app.engine, self._settings.webhook_keep_seconds)
        forget_logs(app.engine, self._settings.document_log_days)

    def send_webhooks(self) -> None:
        """What Beat's message does for webhooks."""
        self.courier.run()

    def answer(self, ping_id: str) -> None:
        """What a ping does: it says that this worker hears the queue."""
        pings.answer(self.app.engine, UUID(ping_id), worker_id(os.getppid()))


def worker_id(pid: int) -> str:
    """The id of the worker on this host whose main process this is."""
    return f"{this_host()}/{pid}"
