"""The broker, through Celery: sends messages by task name and tells how many wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.exceptions import KombuError
from kombu.messaging import Producer
from kombu.transport import TRANSPORT_ALIASES

from docmill.domain.states import MAINTENANCE_QUEUE, QUEUE_OF_STAGE, StageName
from docmill.logs import get_logger

log = get_logger(__name__)

# By the scheme of a URL, for producers and workers alike.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "docmill.adapters.redis_transport:Transport"))

PING = "docmill.ping"

QUEUES = (*dict.fromkeys(QUEUE_OF_STAGE.values()), MAINTENANCE_QUEUE)

_BREAK_SECONDS = 3.0
_PING_SECONDS = 60.0  # a ping that nobody took by then is not worth an answer
GIVE_UP_AT_ONCE = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
}


def _queue(name: str) -> Queue:
    return Queue(name, Exchange("docmill", type="direct"), routing_key=name)


_BY_STAGE = {stage: _queue(name) for stage, name in QUEUE_OF_STAGE.items()}  # spares Celery looking it up


def message_name(stage: StageName) -> str:
    """The name of the Celery task that runs a stage."""
    return f"docmill.{stage.value}"


def is_redis(broker_url: str) -> bool:
    """Whether the broker speaks Redis's protocol."""
    return broker_url.startswith(("redis", "rediss", "sentinel"))


def celery_options(broker_url: str) -> dict[str, Any]:
    """Celery's options for producers and workers. Why each is so: docs/adr/0006."""
    redis = is_redis(broker_url)
    return {
        "broker_url": broker_url,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_queues": [_queue(name) for name in QUEUES],
        "task_default_queue": MAINTENANCE_QUEUE,
        "task_create_missing_queues": False,
        "task_publish_retry": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_enable_remote_control": True,
        "broker_transport_options": _redis_options() if redis else {},
    }


def _redis_options() -> dict[str, Any]:
    return {
        "visibility_timeout": 3600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "queue_order_strategy": "priority",
        "priority_steps": list(range(10)),
    }


def _declared(queue: str, connection: Connection) -> int:
    """How many messages wait in a queue, by the one question that every broker answers."""
    return int(_queue(queue).bind(connection.default_channel).queue_declare().message_count)


class CeleryDispatcher:
    """Sends hints. While the broker is away it rests for seconds: recovery sends what is missing."""

    def __init__(self, broker_url: str) -> None:
        self._app = Celery("docmill")
        self._app.conf.update(celery_options(broker_url))
        self._app.conf.broker_transport_options = {
            **self._app.conf.broker_transport_options,
            **GIVE_UP_AT_ONCE,
        }
        self._lowest_first = "queue_order_strategy" in self._app.conf.broker_transport_options
        self._away = self._app.connection().connection_errors
        self._away_until = 0.0
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._counter: Connection | None = None  # a connection of its own, which no message goes through

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        """One message with the task's id. `priority` 0–9, 9 first; Redis counts the other way round."""
        return self._try(lambda: self._send(stage, task_id, priority))

    def send_all(self, stage: StageName, tasks: Sequence[tuple[UUID, int]]) -> bool:
        """As `send`, for tasks with their priorities; on Redis in one piece."""
        return self._try(lambda: self._send_all(stage, tasks))

    def _send_all(self, stage: StageName, tasks: Sequence[tuple[UUID, int]]) -> None:
        with self._app.producer_or_acquire() as producer, producer.batch():
            for task_id, priority in tasks:
                self._send(stage, task_id, priority, producer)

    def _send(self, stage: StageName, task_id: UUID, priority: int, producer: Producer | None = None) -> None:
        self._app.send_task(
            message_name(stage),
            args=(str(task_id),),
            argsrepr=f"('{task_id}',)",  # as Celery would make it, in a tenth of a message's time
            queue=_BY_STAGE[stage],
            priority=9 - priority if self._lowest_first else priority,
            producer=producer,
        )

    def ping(self, queue: str, ping_id: UUID) -> bool:
        """One message that asks for an answer and goes before all others; False when it was not taken."""
        return self._try(
            lambda: self._app.send_task(
                PING,
                args=(str(ping_id), queue),
                queue=queue,
                priority=0 if self._lowest_first else 9,
                expires=_PING_SECONDS,
            )
        )

    def waiting(self, queue: str) -> int | None:
        """Messages in a queue over all its priorities; a queue nobody declared yet has none."""
        counts: list[int] = []
        with self._counting:  # whoever waited here learns by `_try` that the broker is away
            return counts[0] if self._try(lambda: counts.append(self._count(queue))) else None

    def _count(self, queue: str) -> int:
        if self._counter is not None:
            try:
                return _declared(queue, self._counter)
            except (OSError, KombuError, *self._away):  # it may be of a broker that is back since
                self._counter.close()
        self._counter = self._app.connection_for_write()
        return _declared(queue, self._counter)

    def _try(self, call: Callable[[], object]) -> bool:
        if time.monotonic() < self._away_until:
            return False
        try:
            call()
        except (OSError, KombuError, *self._away) as error:
            with self._lock:
                self._away_until = time.monotonic() + _BREAK_SECONDS
            log.warning("broker_unavailable", reason=type(error).__name__)
            return False
        return True
