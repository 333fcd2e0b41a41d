"""What stands in the way of every task of the installation, in one look."""

from __future__ import annotations

from sqlalchemy import Connection, text

from docmill.db.outages import everywhere
from docmill.db.workers import LIVING_SECONDS
from docmill.domain.waiting import EVERY_STAGE, Held, Surroundings

_LOOK = text(
    """SELECT now() AS now, stage, reason, since, ARRAY(
  SELECT DISTINCT unnest(queues) FROM workers
  WHERE seen_at > now() - make_interval(secs => :living)) AS served
FROM (VALUES (1)) AS always (one) LEFT JOIN stage_holds ON true"""
)


def surroundings(connection: Connection, broker_answers: bool) -> Surroundings:
    """The holds, the outages and the queues that are served now."""
    rows = connection.execute(_LOOK, {"living": LIVING_SECONDS}).all()
    held = (row for row in rows if row.stage is not None)
    holds = {row.stage: Held(row.since, row.reason, row.stage == EVERY_STAGE) for row in held}
    away = everywhere(connection)
    return Surroundings(rows[0].now, holds, away, frozenset(rows[0].served), broker_answers)
