"""Which services that stages need are away. A stage with a row here is not entered by any task."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from docmill.domain.errors import DocmillError
from docmill.domain.states import Service, StageName
from docmill.domain.waiting import Outage

_RECORD = text(
    """INSERT INTO stage_outages AS o (stage, service, code, message, until)
VALUES (:stage, :service, :code, :message, now() + make_interval(secs => :seconds))
ON CONFLICT (stage) DO UPDATE SET service = excluded.service, code = excluded.code,
  message = excluded.message, until = greatest(o.until, excluded.until)"""
)
_TAKE_DUE = text(
    """UPDATE stage_outages SET until = now() + make_interval(secs => :seconds)
WHERE until <= now() AND stage = ANY(:stages) RETURNING stage, service"""
)
_END = text("DELETE FROM stage_outages WHERE stage = :stage")
_OUTAGES = text("SELECT stage, since, until, code, message FROM stage_outages")


@dataclass(frozen=True, slots=True)
class Due:
    """A stage that rests, and the service that is to be asked for it."""

    stage: StageName
    service: Service


def record(connection: Connection, stage: StageName, error: DocmillError, seconds: float) -> None:
    """Let the stage rest, because of what its service said; it is asked again after so many seconds."""
    values = {"stage": stage, "service": error.service, "code": error.code, "message": error.message}
    connection.execute(_RECORD, {**values, "seconds": seconds})


def take_due(connection: Connection, stages: Collection[StageName], seconds: float) -> list[Due]:
    """Those of these stages whose service is to be asked now; nobody else takes them for so many seconds."""
    rows = connection.execute(_TAKE_DUE, {"stages": list(stages), "seconds": seconds})
    return [Due(StageName(row.stage), Service(row.service)) for row in rows]


def end(connection: Connection, stage: str) -> bool:
    """Let tasks enter the stage; False when there was no outage."""
    return connection.execute(_END, {"stage": stage}).rowcount == 1


def outages(connection: Connection) -> dict[str, Outage]:
    """Every outage there is, by its stage."""
    rows = connection.execute(_OUTAGES)
    return {row.stage: Outage(row.since, row.until, row.code, row.message) for row in rows}
