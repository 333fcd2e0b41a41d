"""Messages on a real broker: sent by name, counted over all priorities, never waited for."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from celery import Celery
from kombu.entity import Queue

from docmill.adapters.broker import CeleryDispatcher, celery_options
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.local.addresses import choose_port
from docmill.local.servers import start_redis


def test_messages_wait_in_the_queue_of_their_stage(broker: str) -> None:
    dispatcher = CeleryDispatcher(broker)
    for stage in StageName:
        assert dispatcher.send(stage, uuid4(), priority=5)
    assert {stage: dispatcher.waiting(queue) for stage, queue in QUEUE_OF_STAGE.items()} == dict.fromkeys(
        StageName, 1
    )


def test_a_queue_is_counted_over_all_its_priorities(broker: str) -> None:
    dispatcher = CeleryDispatcher(broker)
    for priority in range(10):
        dispatcher.send(StageName.EMBED, uuid4(), priority)
    assert dispatcher.waiting("embed") == 10


def test_messages_that_are_sent_together_are_as_those_sent_alone(broker: str) -> None:
    alone, together = uuid4(), [(uuid4(), priority) for priority in range(10)]
    dispatcher = CeleryDispatcher(broker)
    assert dispatcher.send_all(StageName.EXTRACT, together)  # the first of all, which declares the queue
    assert dispatcher.send(StageName.EXTRACT, alone, 9)
    assert dispatcher.send_all(StageName.EXTRACT, [(uuid4(), 4)])
    assert dispatcher.waiting("extract") == 12

    celery = Celery()
    celery.conf.update(celery_options(broker))
    with celery.connection_for_read() as connection:
        queue = connection.SimpleQueue(Queue("extract", no_declare=True))
        taken = [queue.get(timeout=10) for _ in range(12)]
    (first,) = [message for message in taken if message.payload[0] == [str(alone)]]
    (like_it,) = [message for message in taken if message.payload[0] == [str(together[9][0])]]
    assert first.headers.keys() == like_it.headers.keys()
    assert first.properties.keys() == like_it.properties.keys()
    assert {message.payload[0][0] for message in taken} >= {str(task) for task, _ in together}


def test_messages_are_sent_together_in_one_way_to_the_broker(broker: str) -> None:
    dispatcher = CeleryDispatcher(broker)
    dispatcher.send(StageName.EXTRACT, uuid4(), 5)
    with redis.Redis.from_url(broker) as client:
        before = client.info("stats")["total_reads_processed"]
        assert dispatcher.send_all(StageName.EXTRACT, [(uuid4(), 5) for _ in range(20)])
        assert client.info("stats")["total_reads_processed"] - before < 20
        assert client.llen("extract\x06\x164") == 21


def test_a_broker_that_takes_nothing_is_as_one_that_is_away(tmp_path: Path) -> None:
    with start_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        dispatcher = CeleryDispatcher(url)
        assert dispatcher.send_all(StageName.EXTRACT, [(uuid4(), 5), (uuid4(), 5)])

        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        assert dispatcher.send_all(StageName.EXTRACT, [(uuid4(), 5), (uuid4(), 5)]) is False
        assert dispatcher.send(StageName.EXTRACT, uuid4(), 5) is False


def test_looking_again_and_again_opens_no_connection(broker: str) -> None:
    dispatcher = CeleryDispatcher(broker)
    with redis.Redis.from_url(broker) as client:
        dispatcher.waiting("embed")
        before = client.info("stats")["total_connections_received"]
        assert [dispatcher.waiting("embed") for _ in range(20)] == [0] * 20
        assert client.info("stats")["total_connections_received"] == before


def test_a_channel_keeps_its_client_for_as_long_as_its_connections(broker: str) -> None:
    celery = Celery(broker=broker)
    with celery.connection_for_write() as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is second
            assert first.ping()
        with channel.conn_or_acquire(first) as given:
            assert given is first
        connection.collect()  # as after a fork, or when the broker was lost
        with connection.default_channel.conn_or_acquire() as another:
            assert another is not first
            assert another.ping()


def test_a_queue_nobody_used_is_empty(broker: str) -> None:
    assert CeleryDispatcher(broker).waiting("ocr") == 0


def test_a_broker_that_hangs_is_asked_once_however_many_want_to_know() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(30) as callers:
        dispatcher = CeleryDispatcher(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert set(callers.map(dispatcher.waiting, ["embed"] * 30)) == {None}
        assert connections(silent) <= 2


def connections(server: socket.socket) -> int:
    """How many connections to a server wait to be accepted."""
    server.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError), contextlib.ExitStack() as accepted:
        while True:
            accepted.enter_context(server.accept()[0])
            count += 1
    return count


@pytest.fixture
def absent_broker() -> str:
    return f"redis://127.0.0.1:{choose_port(0, 'DOCMILL_BROKER_PORT')}/0"


def test_an_absent_broker_takes_no_messages_together(absent_broker: str) -> None:
    assert CeleryDispatcher(absent_broker).send_all(StageName.EXTRACT, [(uuid4(), 5), (uuid4(), 5)]) is False


def test_an_absent_broker_is_told_apart_from_an_empty_queue(absent_broker: str) -> None:
    dispatcher = CeleryDispatcher(absent_broker)
    assert dispatcher.waiting("embed") is None
    assert dispatcher.send(StageName.EMBED, uuid4(), 5) is False
