"""Idempotency keys: a request that is sent again under its key is answered as before, and done once."""

from __future__ import annotations

from sqlalchemy import Engine

from docmill.db import idempotency as rows
from docmill.db.engine import reaching_database
from docmill.db.idempotency import ClaimedKey, KeptAnswer
from docmill.domain.errors import KeyReused, RequestInWork
from docmill.logs import get_logger

log = get_logger(__name__)

# Longer than any request works; after it, the process that held the key must be gone.
LEASE_SECONDS = 120.0


class IdempotencyKeys:
    """The keys of all tenants. A key is kept with its first answer for `keep_seconds`."""

    def __init__(self, engine: Engine, keep_seconds: float) -> None:
        self._engine = engine
        self._keep_seconds = keep_seconds

    @reaching_database
    def claim(self, tenant: str, key: str, fingerprint: str) -> ClaimedKey | KeptAnswer:
        """Take the key, or the answer that the same request got before.

        Raises RequestInWork while that one is not answered, KeyReused when it was another request.
        """
        with self._engine.begin() as connection:
            claimed = rows.claim(
                connection,
                tenant,
                key,
                fingerprint,
                keep_seconds=self._keep_seconds,
                lease_seconds=LEASE_SECONDS,
            )
            found = None if claimed else rows.stored(connection, tenant, key)
        if claimed is not None:
            return claimed
        if found is not None and found.fingerprint != fingerprint:
            raise KeyReused
        if found is None or found.answer is None:
            raise RequestInWork
        return found.answer

    @reaching_database
    def keep(self, claimed: ClaimedKey, answer: KeptAnswer) -> None:
        """Store the answer for those who ask again."""
        with self._engine.begin() as connection:
            rows.keep(connection, claimed, answer)

    @reaching_database
    def release(self, claimed: ClaimedKey) -> None:
        """Nothing was done for good: the same request may try again."""
        with self._engine.begin() as connection:
            rows.release(connection, claimed)

    @reaching_database
    def forget(self) -> int:
        """Remove keys that are older than they are kept. Returns how many."""
        with self._engine.begin() as connection:
            forgotten = rows.forget(connection, self._keep_seconds)
        if forgotten:
            log.info("idempotency_keys_forgotten", count=forgotten)
        return forgotten
