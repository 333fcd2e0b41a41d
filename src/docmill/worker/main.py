"""Starts a worker from settings."""

from __future__ import annotations

import gc
import warnings
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning
from celery.utils.nodenames import host_format

from docmill.bootstrap import load_shared
from docmill.settings import Settings
from docmill.worker.app import make_celery, register_tasks
from docmill.worker.process import WorkerProcess
from docmill.worker.watch import DEAF, Watch


def run_worker(settings: Settings) -> int:
    """Serve the queues of `settings.worker_queues` until told to stop; returns the exit code.

    SIGTERM lets every task go at its next step and ends; a second one, or SIGQUIT, ends at once.
    A worker that takes no messages any more ends by itself with DEAF.
    """
    process = WorkerProcess(settings)
    celery = make_celery(settings)
    celery.conf.update(
        worker_max_tasks_per_child=settings.worker_recycle_tasks,
        worker_max_memory_per_child=settings.worker_memory_bytes // 1024,
        worker_concurrency=settings.worker_processes,
        worker_proc_alive_timeout=60,  # a process loads its model before it says that it is up
    )
    register_tasks(celery, process)
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

    warnings.filterwarnings("ignore", category=SecurityWarning)  # root is fine: messages hold ids only
    signals.worker_process_init.connect(enter, weak=False)
    signals.worker_process_shutdown.connect(leave, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(shutting_down, weak=False)
    load_shared()  # once for all processes, those that replace a dead one too
    gc.freeze()  # what is never looked through again is shared with every process for good
    code = _serve(celery, settings.worker_queues)
    return DEAF if watch.is_deaf else code


def _serve(celery: Celery, queues: str) -> int:
    """Work until told to stop. Not by Celery's command line, which takes a quarter of a second to load."""
    worker = celery.Worker(
        quiet=True,
        queues=queues,
        hostname=host_format("docmill@%h"),
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)
