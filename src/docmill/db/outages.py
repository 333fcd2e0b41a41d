"""Which services that stages need are away. What such a stage would do waits; no task is tried meanwhile."""

from __future__ import annotations

from sqlalchemy import Connection, text

from docmill.domain.errors import DocmillError
from docmill.domain.states import StageName
from docmill.domain.waiting import Outage

_ONE_AND_THE_SAME = 600.0  # seconds from an outage's end to the next one, which goes on from it

_RECORD = text(
    """INSERT INTO stage_outages AS o (stage, code, message, until)
VALUES (:stage, :code, :message, now() + make_interval(secs => :seconds))
ON CONFLICT (stage) DO UPDATE SET code = excluded.code, message = excluded.message,
  since = CASE WHEN o.until < now() - make_interval(secs => :same) THEN now() ELSE o.since END,
  until = greatest(o.until, excluded.until)"""
)
_END = text("DELETE FROM stage_outages WHERE stage = :stage AND until > now()")
_OUTAGES = text("SELECT stage, since, until, code, message FROM stage_outages WHERE until > now()")


def record(connection: Connection, stage: StageName, error: DocmillError, seconds: float) -> None:
    """Let the stage rest for so many seconds, because of what the service said when it was asked."""
    values = {"stage": stage, "code": error.code, "message": error.message, "seconds": seconds}
    connection.execute(_RECORD, {**values, "same": _ONE_AND_THE_SAME})


def end(connection: Connection, stage: str) -> bool:
    """Ask the service again at once; False when there was no outage."""
    return connection.execute(_END, {"stage": stage}).rowcount == 1


def outages(connection: Connection) -> dict[str, Outage]:
    """Every outage there is, by its stage."""
    rows = connection.execute(_OUTAGES)
    return {row.stage: Outage(row.since, row.until, row.code, row.message) for row in rows}
