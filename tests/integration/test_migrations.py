"""The migrations make exactly the tables that the code speaks of."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from docmill.db import migrations
from docmill.db.migrate import upgrade
from docmill.db.revisions import current_and_head, head_revision
from docmill.db.tables import metadata


def test_migrations_and_tables_agree(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(fresh_database: str) -> None:
    upgrade(fresh_database)
    current, head = current_and_head(fresh_database)
    assert current == head is not None


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    folder = Path(migrations.__file__).parent
    assert head_revision() == ScriptDirectory(str(folder)).get_current_head()
