"""Statements that go to the driver itself fail as others do, and so does what they fail by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from docmill.db.engine import alone, first_row, typed
from docmill.domain.errors import DatabaseBusy, DatabaseUnavailable

BOTH = [alone, Engine.begin]
PLACE = text("SELECT pg_backend_pid() AS pid, CAST(:word AS text) AS word")
HURRY = text("SET statement_timeout = 100")
SLOW = text("SELECT pg_sleep(60)")
END = text("SELECT pg_terminate_backend(pg_backend_pid())")
TENANT = text("INSERT INTO tenants (id, name) VALUES (:word, :word) RETURNING id")

Open = Callable[[Engine], AbstractContextManager[Connection]]


@pytest.mark.parametrize("open_", BOTH)
def test_a_row_comes_by_its_columns(engine: Engine, open_: Open) -> None:
    with open_(engine) as connection:
        row = first_row(connection, PLACE, {"word": "it's 100 %"})
        assert row is not None
        assert row["word"] == "it's 100 %"
        assert first_row(connection, text("SELECT 1 AS one WHERE :word = 'x'"), {"word": "y"}) is None


def test_in_a_transaction_it_is_undone_with_it(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        first_row(connection, TENANT, {"word": "harbour"})
        transaction.rollback()
    with alone(engine) as connection:
        assert first_row(connection, TENANT, {"word": "harbour"}) == {"id": "harbour"}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        first_row(connection, TENANT, {"word": "harbour"})


@pytest.mark.parametrize("open_", BOTH)
def test_a_statement_that_takes_too_long_finds_the_database_busy(engine: Engine, open_: Open) -> None:
    with open_(engine) as connection:
        connection.execute(HURRY)
        with pytest.raises(OperationalError) as raised:
            first_row(connection, SLOW, {})

    assert isinstance(typed(raised.value), DatabaseBusy)


@pytest.mark.parametrize("open_", BOTH)
def test_when_the_server_ends_one_connection_none_that_is_as_old_is_used_again(
    engine: Engine, open_: Open
) -> None:
    with engine.connect() as first, engine.connect() as second:
        places = [first_row(connection, PLACE, {"word": ""}) for connection in (first, second)]
    old = {place["pid"] for place in places if place is not None}
    assert len(old) == 2

    with pytest.raises(OperationalError) as raised, open_(engine) as connection:
        first_row(connection, END, {})
    with open_(engine) as connection, engine.connect() as another:
        places = [first_row(connection, PLACE, {"word": ""}) for connection in (connection, another)]

    assert isinstance(typed(raised.value), DatabaseUnavailable)
    assert old.isdisjoint({place["pid"] for place in places if place is not None})
