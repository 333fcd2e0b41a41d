"""The floor: plain Celery tasks that send the next one and keep nothing, on the same broker."""

from __future__ import annotations

import os

import redis
from celery import Celery

BROKER_VARIABLE = "BARE_BROKER_URL"
ARRIVED = "bare:arrived"

app = Celery("bare", broker=os.environ.get(BROKER_VARIABLE, ""))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=2,
    worker_hijack_root_logger=False,
)


@app.task(name="bare.hop")  # type: ignore[untyped-decorator]
def hop(left: int) -> None:
    """One of `left` hops; the last one is counted."""
    if left > 1:
        hop.delay(left - 1)
    else:
        redis.Redis.from_url(os.environ[BROKER_VARIABLE]).incr(ARRIVED)
