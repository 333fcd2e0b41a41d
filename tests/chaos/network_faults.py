"""Faults between a worker and a server: silence, resets, delays, and ends that hang up unheard."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.chaos.site import LEASE_SECONDS, Site
from tests.proxy import Network, Proxy

Strike = Callable[[Site, random.Random], bool]


def between(server: str, network: Network) -> Strike:
    """The network between one side and `server` (a field of Side) behaves so for some seconds."""

    def strike(site: Site, draw: random.Random) -> bool:
        side = draw.choice(site.sides)
        proxy: Proxy = getattr(side, server)
        with proxy.network(network, delay=draw.uniform(0.02, 0.1)):
            time.sleep(draw.triangular(0.5, LEASE_SECONDS + 3, 1.0))
        return True

    return strike
