"""Who may come in: API keys. Only their hashes are stored or compared."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import Engine, text

from docmill.db.engine import reaching_database
from docmill.domain.errors import NotAuthenticated
from docmill.settings import Settings

DEFAULT_TENANT = "default"

# A lookup by hash tells a listener nothing: who can choose the hash already has the key.
_TENANT_OF_KEY = text("SELECT tenant_id FROM api_keys WHERE key_sha256 = :hash AND revoked_at IS NULL")


def hash_key(key: str) -> str:
    """SHA-256 of a key, in hex. Keys are long and random, so a plain hash keeps them."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def first_key(settings: Settings) -> str | None:
    """The key of this installation: the setting, else the one `docmill up` keeps in HOME; None without."""
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    kept = settings.home / "api_key"
    return kept.read_text().strip() or None if kept.is_file() else None


class Access:
    """Tells whose request it is by its key."""

    def __init__(self, engine: Engine, key: str | None) -> None:
        self._engine = engine
        self._first_hash = hash_key(key) if key else None

    def tenant_at_once(self, key: str) -> str | None:
        """The tenant of the installation's own key, without asking the database; None for any other key."""
        own = self._first_hash is not None and hmac.compare_digest(hash_key(key), self._first_hash)
        return DEFAULT_TENANT if own else None

    @reaching_database
    def tenant(self, key: str) -> str:
        """The tenant this key belongs to. Raises NotAuthenticated."""
        at_once = self.tenant_at_once(key)
        if at_once is not None:
            return at_once
        with self._engine.begin() as connection:
            tenant: str | None = connection.execute(
                _TENANT_OF_KEY, {"hash": hash_key(key)}
            ).scalar_one_or_none()
        if tenant is None:
            raise NotAuthenticated
        return tenant
