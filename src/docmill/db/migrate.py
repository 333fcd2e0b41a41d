"""Bring a database to the newest schema, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from docmill.db.engine import connect, reaching_database
from docmill.db.events import adopt

_LOCK = 0x646F636D696C6C  # one migration at a time over all processes


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@reaching_database
def upgrade(database_url: str) -> None:
    """Apply every migration that is missing, and take in a copy of another server's database.

    Safe to call from many processes at once.
    """
    engine = connect(database_url, pool_size=1, vectors=False)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            command.upgrade(_config(connection), "head")
            adopt(connection)
    finally:
        engine.dispose()
