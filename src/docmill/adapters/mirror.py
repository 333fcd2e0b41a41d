"""Copies live state to Redis for monitors. It can only write: what is there decides nothing.

A contract in pyproject.toml lets nothing but the composition root import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kombu.connection import Connection
from kombu.exceptions import KombuError

from docmill.adapters.broker import GIVE_UP_AT_ONCE
from docmill.domain.live_state import LiveFact
from docmill.logs import get_logger

log = get_logger(__name__)

_PREFIX = "docmill"


class RedisMirror:
    """Hashes `docmill:KIND:ID` that vanish by themselves. For one thread."""

    def __init__(self, broker_url: str) -> None:
        self._connection = Connection(broker_url, transport_options=dict(GIVE_UP_AT_ONCE))
        self._errors = (OSError, KombuError, *self._connection.connection_errors)
        self._away = False

    def write(self, facts: Sequence[LiveFact], seconds: float) -> bool:
        """Write facts that are gone after so many seconds; False when the server did not take them."""
        try:
            self._write(facts, int(seconds * 1000))
        except self._errors as error:
            self._connection.close()
            self._connection = self._connection.clone()
            if not self._away:
                log.info("mirror_not_written", reason=type(error).__name__)
            self._away = True
            return False
        self._away = False
        return True

    def _write(self, facts: Sequence[LiveFact], milliseconds: int) -> None:
        channel: Any = self._connection.default_channel
        with channel.client.pipeline(transaction=True) as pipeline:  # no key is ever left without its end
            for fact in facts:
                key = f"{_PREFIX}:{fact.kind}:{fact.id}"
                pipeline.hset(key, mapping=dict(fact.fields))
                pipeline.pexpire(key, milliseconds)
            pipeline.execute()
