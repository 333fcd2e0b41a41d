"""A database with one document in line, and a runner whose stages a test writes itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.serving import Served, serving

from docmill.bootstrap import make_reading, make_recognizer
from docmill.db.engine import connect
from docmill.ports import Reading, Recognizer
from docmill.settings import load_settings


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


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A reading child that goes from test to test, as a worker's goes from document to document."""
    with closing(make_reading(load_settings(home=tmp_path_factory.mktemp("reading")))) as reading:
        yield reading


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """A recognising child that goes from test to test."""
    with closing(make_recognizer(load_settings(home=tmp_path_factory.mktemp("recognising")))) as recognizer:
        yield recognizer
