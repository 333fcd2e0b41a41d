"""The migrations make exactly the tables that the code speaks of."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from docmill.db.migrate import current_and_head, upgrade
from docmill.db.tables import metadata


def test_migrations_and_tables_agree(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(fresh_database: str) -> None:
    upgrade(fresh_database)
    current, head = current_and_head(fresh_database)
    assert current == head is not None
