"""What tests of readers share: a reading child, and a desk to hand it files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.test_readers import Desk

from docmill.adapters.readers.sandbox import ReadingChild


@pytest.fixture(scope="module")
def child() -> Iterator[ReadingChild]:
    """One reading child for all tests of a file, as a worker has one for many documents."""
    reading = ReadingChild(timeout_seconds=60)
    yield reading
    reading.close()


@pytest.fixture
def desk(child: ReadingChild, tmp_path: Path) -> Desk:
    return Desk(child, tmp_path)
