"""One engine a process, made after the fork; every failure to reach PostgreSQL is one typed error."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from docmill.domain.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_LIMITS = "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000"


def connect(url: str, *, pool_size: int = 5, vectors: bool = True) -> Engine:
    """An engine for `url`, whatever PostgreSQL driver it names; nothing is opened until first use.

    `vectors=False` is for a database that may lack the vector extension still.
    """
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_use_lifo=True,
        hide_parameters=True,  # they hold people's text, and errors are logged
        connect_args={
            "connect_timeout": 5,
            "application_name": "docmill",
            "options": _LIMITS,
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


def is_unreachable(error: BaseException) -> bool:
    """Whether the server is gone, starting, stopping or full; not whether we asked wrongly."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return (
            error.connection_invalidated
            or isinstance(error, OperationalError)
            or state[:2] in {"08", "53", "57"}
        )
    return False


def reaching_database(call: Callable[P, T]) -> Callable[P, T]:
    """Turn "the server does not answer" into DatabaseUnavailable; let every other error pass."""

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (DBAPIError, PoolTimeout) as error:
            if is_unreachable(error):
                raise DatabaseUnavailable() from error
            raise

    return guarded
