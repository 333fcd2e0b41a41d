"""The copy of live state in Redis: there for monitors, gone by itself, and needed by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from tests.installations import Installation, installation
from tests.polling import eventually

from docmill.adapters.mirror import RedisMirror
from docmill.domain.live_state import LiveFact

LONG = "\n\n".join(f"Entry {n}: the river stood at {n} centimetres." for n in range(6_000)).encode()


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path, mirror_seconds=0.2) as running:
        yield running


@pytest.fixture
def monitor(broker: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker, decode_responses=True) as client:
        yield client


def test_a_monitor_sees_tasks_workers_and_queues_and_may_lose_sight_of_them(
    here: Installation, monitor: redis.Redis
) -> None:
    accepted = here.accept("long.txt", LONG)
    worker = here.start("worker")
    task = eventually(lambda: monitor.hgetall(f"docmill:task:{accepted.task_id}"), 30)
    assert task["document_id"] == str(accepted.document_id)
    assert "long.txt" not in task.values()

    (key,) = eventually(lambda: [str(key) for key in monitor.keys("docmill:worker:*")])
    assert key.endswith(f"/{worker.pid}")
    eventually(lambda: monitor.hget(key, "busy") == "1")
    assert monitor.hget("docmill:queue:extract", "workers") == "1"
    assert all(0 < monitor.pttl(key) <= 600 for key in monitor.keys("docmill:*"))

    monitor.delete(*monitor.keys("docmill:*"))
    assert here.wait_until_ended(accepted.task_id) == ["succeeded"]
    eventually(lambda: not monitor.keys("docmill:task:*"))


def test_while_the_server_is_away_nothing_is_copied_and_nothing_fails(broker: str) -> None:
    fact = LiveFact("queue", "extract", {"messages": 3})
    assert RedisMirror("redis://127.0.0.1:1/0").write([fact], 5) is False
    assert RedisMirror(broker).write([fact], 5) is True
