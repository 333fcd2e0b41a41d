"""Which stages are held. A held stage is not claimed; nothing else about its tasks changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from docmill.db.conditions import is_open
from docmill.domain.states import StageName

_HOLD = text("INSERT INTO stage_holds (stage, reason) VALUES (:stage, :reason) ON CONFLICT DO NOTHING")
_RELEASE = text("DELETE FROM stage_holds WHERE stage = :stage")
_HOLDS = text("SELECT stage, reason, since FROM stage_holds")
_OPEN = text(
    f"SELECT t.stage FROM unnest(CAST(:stages AS text[])) AS t (stage) WHERE {is_open('t.stage')}"  # noqa: S608
)
_LOADS = text(
    """SELECT stage, count(*) FILTER (WHERE status = 'queued') AS queued,
  count(*) FILTER (WHERE status = 'running') AS running
FROM document_tasks WHERE status = 'running' OR (status = 'queued' AND desired = 'run') GROUP BY stage"""
)


@dataclass(frozen=True, slots=True)
class Hold:
    """A stage that is held, or all of them (`stage` is waiting.EVERY_STAGE), since when and why."""

    stage: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Load:
    """How many tasks of a stage wait to run (now or for a retry), and how many run."""

    queued: int = 0
    running: int = 0


def hold(connection: Connection, stage: str, reason: str) -> bool:
    """Hold a stage; False when it was held already, which keeps its first reason."""
    return connection.execute(_HOLD, {"stage": stage, "reason": reason}).rowcount == 1


def release(connection: Connection, stage: str) -> bool:
    """End a hold; False when there was none."""
    return connection.execute(_RELEASE, {"stage": stage}).rowcount == 1


def holds(connection: Connection) -> dict[str, Hold]:
    """Every hold there is, by its stage."""
    return {row.stage: Hold(**row._mapping) for row in connection.execute(_HOLDS)}


def open_stages(connection: Connection, stages: Sequence[StageName]) -> list[StageName]:
    """Those of these stages that a task may enter: nobody holds them, and nothing they need is away."""
    rows = connection.execute(_OPEN, {"stages": list(stages)}).scalars()
    return [StageName(stage) for stage in rows]


def loads(connection: Connection) -> dict[StageName, Load]:
    """What waits and runs in each stage, over all tenants; a stage with nothing is left out."""
    rows = connection.execute(_LOADS)
    return {StageName(row.stage): Load(row.queued, row.running) for row in rows}
