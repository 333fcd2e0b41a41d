"""Rows of `idempotency_keys`: which request took a key, and what it was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB


@dataclass(frozen=True, slots=True)
class ClaimedKey:
    """A key that one request holds; `claimed_at` guards every later write."""

    tenant: str
    key: str
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request was answered: its own headers, by lower-case name, and the body's bytes."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that is taken; `answer` None while its request is in work."""

    fingerprint: str
    answer: KeptAnswer | None


# A key is free again when it is too old, or when its request was never answered: that process is gone.
_CLAIM = text(
    """
INSERT INTO idempotency_keys AS k (tenant_id, key, fingerprint) VALUES (:tenant, :key, :fingerprint)
ON CONFLICT (tenant_id, key) DO UPDATE SET
  fingerprint = excluded.fingerprint, status_code = NULL, headers = '{}', body = NULL, created_at = now()
WHERE k.created_at < now() - make_interval(secs => :keep)
  OR (k.status_code IS NULL AND k.fingerprint = excluded.fingerprint
      AND k.created_at < now() - make_interval(secs => :lease))
RETURNING created_at"""
)
_STORED = text(
    """SELECT fingerprint, status_code, headers, body FROM idempotency_keys
WHERE tenant_id = :tenant AND key = :key"""
)
_GUARD = "tenant_id = :tenant AND key = :key AND created_at = :claimed_at AND status_code IS NULL"
_KEEP = text(
    f"UPDATE idempotency_keys SET status_code = :status, headers = :headers, body = :body WHERE {_GUARD}"  # noqa: S608
).bindparams(bindparam("headers", type_=JSONB))
_RELEASE = text(f"DELETE FROM idempotency_keys WHERE {_GUARD}")  # noqa: S608
_FORGET = text("DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(secs => :keep)")


def claim(
    connection: Connection,
    tenant: str,
    key: str,
    fingerprint: str,
    *,
    keep_seconds: float,
    lease_seconds: float,
) -> ClaimedKey | None:
    """Take the key for one request; None when it is taken."""
    values = {"tenant": tenant, "key": key, "fingerprint": fingerprint}
    limits = {"keep": keep_seconds, "lease": lease_seconds}
    claimed_at = connection.execute(_CLAIM, values | limits).scalar_one_or_none()
    return None if claimed_at is None else ClaimedKey(tenant, key, claimed_at)


def stored(connection: Connection, tenant: str, key: str) -> StoredKey | None:
    """Who has the key, and what was answered; None when it is free."""
    row = connection.execute(_STORED, {"tenant": tenant, "key": key}).one_or_none()
    if row is None:
        return None
    answered = row.status_code is not None
    answer = KeptAnswer(row.status_code, row.headers, bytes(row.body)) if answered else None
    return StoredKey(row.fingerprint, answer)


def keep(connection: Connection, claimed: ClaimedKey, answer: KeptAnswer) -> None:
    """Store the answer, unless somebody else holds the key by now."""
    values = {"status": answer.status_code, "headers": dict(answer.headers), "body": answer.body}
    connection.execute(_KEEP, _guard(claimed) | values)


def release(connection: Connection, claimed: ClaimedKey) -> None:
    """Make the key free again, unless somebody else holds it by now."""
    connection.execute(_RELEASE, _guard(claimed))


def forget(connection: Connection, keep_seconds: float) -> int:
    """Remove the keys that are older; returns how many."""
    return connection.execute(_FORGET, {"keep": keep_seconds}).rowcount


def _guard(claimed: ClaimedKey) -> dict[str, object]:
    return {"tenant": claimed.tenant, "key": claimed.key, "claimed_at": claimed.claimed_at}
