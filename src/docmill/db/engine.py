"""One engine a process, made after the fork; every failure to reach PostgreSQL is one typed error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from psycopg.rows import dict_row
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Connection, Engine, TextClause, create_engine, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from docmill.domain.errors import DatabaseBusy, DatabaseUnavailable, DocmillError

P = ParamSpec("P")
T = TypeVar("T")

_LIMITS = "-c statement_timeout=60000 -c idle_in_transaction_session_timeout={idle:d}"
_ONE_PLAN = " -c plan_cache_mode=force_generic_plan"


class VectorList(list[Any]):
    """Vectors that go to the server as one array in binary form; those of a plain list go as text."""


def connect(
    url: str,
    *,
    pool_size: int = 10,
    vectors: bool = True,
    idle_seconds: float = 60.0,
    one_plan: bool = False,
) -> Engine:
    """An engine for `url`, whatever PostgreSQL driver it names; nothing is opened until first use.

    `vectors=False` is for a database that may lack the vector extension still. A transaction that nobody
    goes on with for `idle_seconds` is ended by the server: what it has locked others wait for. `one_plan` is
    for who repeats the same statements with other keys: each is planned once for all of them.
    """
    limits = _LIMITS.format(idle=int(idle_seconds * 1000))
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,  # a connection beyond the pool would be opened and closed for every use
        pool_timeout=10,
        pool_use_lifo=True,
        hide_parameters=True,  # they hold people's text, and errors are logged
        connect_args={
            "connect_timeout": 5,
            "application_name": "docmill",
            "options": limits + _ONE_PLAN if one_plan else limits,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    _prepare_connections(engine, vectors)
    return engine


def _prepare_connections(engine: Engine, vectors: bool) -> None:
    """The same few statements run all day: prepare each at its first use. Teach the driver vectors."""

    @event.listens_for(engine, "connect")
    def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.prepare_threshold = 1
        if vectors:
            register_vector(connection)
            connection.adapters.register_dumper(VectorList, ListBinaryDumper)


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """A connection for one statement: it is its own transaction and needs no BEGIN and COMMIT around it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def first_row(
    connection: Connection, statement: TextClause, values: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The first row, by column, from the driver itself: SQLAlchemy takes as long again for a small statement.

    Where and with which errors, see `driver_of`.
    """
    words = _in_driver_words(statement, connection.dialect)
    with driver_of(connection) as driver, driver.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(words, values).fetchone()


@contextmanager
def driver_of(connection: Connection) -> Iterator[psycopg.Connection[Any]]:
    """The driver's connection, for what passes by SQLAlchemy.

    Within `alone` or `begin` only: no transaction begins by it. Errors are as SQLAlchemy's, which also learns
    of a connection that is lost, or broken off in mid-statement.
    """
    driver: Any = connection.connection.driver_connection
    try:
        yield driver
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
            connection.engine.dispose()
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, True, connection_invalidated=driver.closed
        ) from error
    except BaseException as error:
        if not isinstance(error, Exception):
            connection.invalidate(error)
        raise


@functools.cache
def _in_driver_words(statement: TextClause, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))


DATABASE_ERRORS = (DBAPIError, PoolTimeout, psycopg.Error)

# By SQLSTATE: the server is gone, starting or stopping; it is full, or our work met other work.
_GONE = frozenset({"57P01", "57P02", "57P03", "53300", ""})
_BUSY = frozenset({"40001", "40P01", "55P03", "57014", "53100", "53200"})


def typed(error: BaseException) -> DocmillError | None:
    """DatabaseUnavailable or DatabaseBusy where that is what an error says; None where we asked wrongly.

    An error of the driver itself counts as well: vectors pass by SQLAlchemy.
    """
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable()
    said = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(said, psycopg.Error):
        return None
    state = said.sqlstate or ""
    gone = state.startswith("08") or (state in _GONE and isinstance(said, psycopg.OperationalError))
    if gone or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return DatabaseUnavailable()
    return DatabaseBusy() if state in _BUSY else None


def reaching_database(call: Callable[P, T]) -> Callable[P, T]:
    """Turn what the server says of itself into a typed error; let every other error pass."""

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except DATABASE_ERRORS as error:
            better = typed(error)
            if better is None:
                raise
            raise better from error

    return guarded
