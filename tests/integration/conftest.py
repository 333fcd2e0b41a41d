"""A database with one document in line, and a runner whose stages a test writes itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.serving import Served, serving

from docmill.db.engine import connect


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    """An engine on a database of this test's own."""
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


@pytest.fixture
def served(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Served]:
    """The HTTP API over a database, a broker and a folder of this test's own; no worker runs."""
    with serving(fresh_database, broker, tmp_path, max_file_bytes=2_000_000) as running:
        yield running
