"""Which revision of the schema a database is at, and which it should be; Alembic would take long to load."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from docmill.db.engine import connect, reaching_database

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_CURRENT = text("SELECT version_num FROM alembic_version")


@reaching_database
def current_and_head(database_url: str) -> tuple[str | None, str]:
    """The revision this database is at, None before the first, and the newest one this docmill knows."""
    engine = connect(database_url, pool_size=1, vectors=False)
    try:
        with engine.connect() as connection:
            is_begun = inspect(connection).has_table("alembic_version")
            revision = current(connection) if is_begun else None
    finally:
        engine.dispose()
    return revision, head_revision()


def current(connection: Connection) -> str | None:
    """The revision of a database that has one."""
    revision: str | None = connection.execute(_CURRENT).scalar_one_or_none()
    return revision


def head_revision() -> str:
    """The newest revision this docmill knows: the file of a migration begins with its number."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))
