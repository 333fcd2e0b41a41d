"""Fixtures for every test: real servers, started when the first test asks for them."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator

import pytest
import redis
import structlog
from sqlalchemy import make_url

from docmill.local.servers import start_redis
from tests.forking import FORKING
from tests.servers import Databases, left_behind, running_databases, temporary_home

# Until all tests are loaded: none of that is garbage, and to look for it takes a third of the time.
gc.disable()

# What structlog does unless told otherwise draws a traceback with every value in it, which takes seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

_NUMBERS = itertools.cycle(range(1, 64))  # database 0 is for whoever wants the whole broker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process has it left when the others are done."""
    items.sort(key=lambda item: item.path.parent.name not in ("system", "chaos"))


def pytest_collection_finish() -> None:
    """What was loaded is never looked through again, which would take a tenth of the tests' own time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """Fail the run when a process that a test started outlives the tests."""
    yield
    assert FORKING.close() + left_behind() == []


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """One PostgreSQL for the session, with a migrated template."""
    with running_databases() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url(databases: Databases) -> str:
    """The session's PostgreSQL: an empty database without tables, shared by all tests."""
    return databases.cluster.url


@pytest.fixture
def fresh_database(databases: Databases) -> Iterator[str]:
    """A database of this test's own, with all tables and no rows."""
    with databases.fresh() as url:
        yield url


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """One broker for the session."""
    with temporary_home() as home, start_redis(home) as url:
        yield url


@pytest.fixture
def broker(broker_url: str) -> Iterator[str]:
    """An empty numbered database of the broker, of this test's own."""
    url = make_url(broker_url).set(database=str(next(_NUMBERS))).render_as_string(hide_password=False)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
