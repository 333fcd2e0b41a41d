"""Faults of the server that the embedding model runs on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.chaos.site import MODEL_SECONDS, Site
from tests.model_servers import Answer, error, hanging, saying

_BUSY = error(429, "rate_limit_exceeded", Retry_After="1")

Strike = Callable[[Site, random.Random], bool]


def answering(answer: Answer) -> Strike:
    """Every call is answered so for some seconds."""

    def strike(site: Site, draw: random.Random) -> bool:
        before, site.around.model.usual = site.around.model.calls, answer
        try:
            time.sleep(draw.uniform(0.5, 4.0))
        finally:
            site.around.model.usual = None
        return site.around.model.calls > before

    return strike


fail = answering(error(500, None))
be_busy = answering(_BUSY)
talk_nonsense = answering(saying(200, {"data": [{"index": 0, "embedding": [None]}]}))
hang = answering(hanging(MODEL_SECONDS + 1))


def be_slow(site: Site, draw: random.Random) -> bool:
    """Every call takes long, and is answered in time."""
    before, site.around.model.delay = site.around.model.calls, draw.uniform(0.1, 0.8) * MODEL_SECONDS
    try:
        time.sleep(draw.uniform(1.0, 5.0))
    finally:
        site.around.model.delay = 0.0
    return site.around.model.calls > before
