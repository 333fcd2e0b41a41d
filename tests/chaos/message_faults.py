"""Faults of messages: too many, too old, too late, in another order, gone."""

from __future__ import annotations

import random
import time

import redis
from tests.chaos.keeper import patiently
from tests.chaos.server_faults import broker
from tests.chaos.site import Site

from docmill.adapters.broker import QUEUES
from docmill.domain.states import StageName

_LATELY = "SELECT id FROM document_tasks ORDER BY updated_at DESC LIMIT 20"
_WAIT = 3.0  # seconds in which a message must come along


def duplicate(site: Site, draw: random.Random) -> bool:
    """Messages for every stage of documents that wait, run or have ended, several times each."""
    tasks = [row.id for row in site.rows(_LATELY)]
    messages = [(task, stage) for task in tasks for stage in StageName] * 3
    draw.shuffle(messages)
    for task, stage in messages:
        site.app.dispatcher.send(stage, task, draw.randint(0, 9))
    return bool(messages)


def delay_and_shuffle(site: Site, draw: random.Random) -> bool:
    """Every waiting message is held back, and comes in another order, some of them twice."""
    with broker(site) as client:
        queues = patiently(lambda: _queues(client), _WAIT) or []
        held = {queue: _take(client, queue) for queue in queues}
        time.sleep(draw.uniform(0.5, 3.0))
        for queue, messages in held.items():
            again = [*messages, *(message for message in messages if draw.random() < 0.3)]
            if again:
                client.rpush(queue, *draw.sample(again, len(again)))
        return bool(held)
    return False


def lose(site: Site, draw: random.Random) -> bool:
    """The first of the waiting messages are gone, as Celery on Redis loses some now and then."""
    with broker(site) as client:
        queues = patiently(lambda: _queues(client), _WAIT) or []
        for queue in queues:
            client.ltrim(queue, 0, -1 - draw.randint(1, 5))
        return bool(queues)
    return False


def _queues(client: redis.Redis) -> list[str]:
    """The lists that messages wait in: one for each priority of a queue, named after it; none is empty."""
    keys = [str(key) for key in client.keys("*")]
    return [key for key in keys if key.partition("\x06")[0] in QUEUES and client.type(key) == "list"]


def _take(client: redis.Redis, queue: str) -> list[str]:
    with client.pipeline(transaction=True) as both:
        both.lrange(queue, 0, -1)
        both.delete(queue)
        taken, _ = both.execute()
    return list(taken)
