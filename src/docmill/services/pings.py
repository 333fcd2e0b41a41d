"""A message through a queue and back: proof that somebody takes what is sent there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

from sqlalchemy import Engine

from docmill.db import workers
from docmill.db.engine import reaching_database

Send = Callable[[str, UUID], bool]


@reaching_database
def send(engine: Engine, send: Send, queue: str) -> UUID:
    """Send a ping; its row is there before its message, so that no answer can come too early."""
    ping_id = uuid4()
    with engine.begin() as connection:
        workers.send_ping(connection, ping_id, queue)
    send(queue, ping_id)
    return ping_id


@reaching_database
def answer(engine: Engine, ping_id: UUID, worker_id: str) -> None:
    """Note that the ping has come to this worker."""
    with engine.begin() as connection:
        workers.answer_ping(connection, ping_id, worker_id)


@reaching_database
def ping_all(engine: Engine, send_message: Send, queues: Sequence[str], seconds: float) -> list[workers.Ping]:
    """Ping every queue, wait up to `seconds` for the answers, and return the pings in that order."""
    ids = [send(engine, send_message, queue) for queue in queues]
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        with engine.begin() as connection:
            found = {ping.id: ping for ping in workers.pings(connection, ids)}
        if all(ping.seconds is not None for ping in found.values()) or time.monotonic() > deadline:
            return [found[ping_id] for ping_id in ids]
        pause.wait(0.05)
