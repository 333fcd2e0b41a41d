"""Results of a step, as parts of the one statement that also moves its task.

One statement is one way to the server and back, and its locks are gone at once. A part reads from `moved`:
the task's row, which is not there when the step does not count. No part sees what another one writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from docmill.ports import Result


def rows_of(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Result:
    """Rows for a table. Their values are as in JSON: the table's own columns say what they become."""
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    values = {f"{table}_rows": json.dumps(named, ensure_ascii=False, default=str)}
    return Result(_insertion(table, tuple(columns)), values)


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    given = ", ".join(f"given.{column}" for column in columns)
    return f"""INSERT INTO {table} ({", ".join(columns)}) SELECT {given}
FROM moved, json_populate_recordset(CAST(NULL AS {table}), CAST(:{table}_rows AS json)) AS given"""  # noqa: S608


def with_results(statement: str, results: Sequence[Result]) -> TextClause:
    """A statement that has `{results}` behind its other WITH queries, with these in that place."""
    return _composed(statement, tuple(result.sql for result in results))


@cache
def _composed(statement: str, parts: tuple[str, ...]) -> TextClause:
    written = (f", result_{number} AS ({part})" for number, part in enumerate(parts))
    return text(statement.replace("{results}", "".join(written)))


def values_of(results: Sequence[Result]) -> dict[str, Any]:
    """The parameters of all parts."""
    return {name: value for result in results for name, value in result.values.items()}


def write(connection: Connection, *results: Result) -> None:
    """Write results by themselves, where there is no task to move."""
    if results:
        statement = with_results("WITH moved AS (SELECT){results} SELECT 1", results)
        connection.execute(statement, values_of(results))
