"""kombu's transport for Redis, with one client a channel.

kombu makes a client for every command it sends, and that costs more than to send with it (docs/adr/0006).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kombu.transport import redis as kombu_redis
from redis import Redis


class Channel(kombu_redis.Channel):
    """Keeps its client for as long as its pool of connections is the same."""

    _kept: Redis | None = None

    @contextmanager
    def conn_or_acquire(self, client: Redis | None = None) -> Iterator[Redis]:
        """The given client, else this channel's own."""
        if client is not None:
            yield client
            return
        if self._kept is None or self._kept.connection_pool is not self.pool:
            with super().conn_or_acquire() as self._kept:
                pass
        yield self._kept


class Transport(kombu_redis.Transport):
    """As kombu's, but for its channels."""

    Channel = Channel
