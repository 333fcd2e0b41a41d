"""A database with one document in line, and a runner whose stages a test writes itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from docmill.db.engine import connect


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    """An engine on a database of this test's own."""
    engine = connect(fresh_database)
    yield engine
    engine.dispose()
