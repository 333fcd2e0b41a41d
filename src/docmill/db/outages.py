"""Services that are away, each from a host: no worker there takes tasks of the stage that needs it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from docmill.db.conditions import EVERYWHERE
from docmill.domain.errors import DocmillError
from docmill.domain.states import QUEUE_OF_STAGE, Service, StageName
from docmill.domain.waiting import Outage

_RECORD = text(
    """INSERT INTO stage_outages AS o (stage, host, queue, service, code, message, until)
VALUES (:stage, :host, :queue, :service, :code, :message, now() + make_interval(secs => :seconds))
ON CONFLICT (stage, host) DO UPDATE SET service = excluded.service, code = excluded.code,
  message = excluded.message, until = greatest(o.until, excluded.until)"""
)
_TAKE_DUE = text(
    """UPDATE stage_outages SET until = now() + make_interval(secs => :seconds)
WHERE until <= now() AND host = :host AND stage = ANY(:stages) RETURNING stage, service"""
)
_GO_ON = text(
    """UPDATE stage_outages SET code = :code, message = :message,
  until = now() + make_interval(secs => :seconds)
WHERE stage = :stage AND host = :host"""
)
_END_HERE = text("DELETE FROM stage_outages WHERE stage = :stage AND host = :host")
_END = text("DELETE FROM stage_outages WHERE stage = :stage")
_FORGET = text(
    """DELETE FROM stage_outages WHERE until < now() - interval '1 day'
OR (host = :host AND since < now() - make_interval(secs => :seconds))"""
)
_COLUMNS = "stage, host, since, until, code, message"
_EVERY = text(f"SELECT {_COLUMNS} FROM stage_outages ORDER BY stage, host")  # noqa: S608
_EVERYWHERE = text(
    f"""SELECT DISTINCT ON (stage) {_COLUMNS} FROM stage_outages o
WHERE {EVERYWHERE} ORDER BY stage, until"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Due:
    """A stage that rests, and the service that is to be asked for it."""

    stage: StageName
    service: Service


def record(connection: Connection, stage: StageName, host: str, error: DocmillError, seconds: float) -> None:
    """Let the stage rest on this host, for what its service said; it is asked again after so many seconds."""
    where = {"stage": stage, "host": host, "queue": QUEUE_OF_STAGE[stage], "service": error.service}
    connection.execute(_RECORD, {**where, **_said(error), "seconds": seconds})


def take_due(connection: Connection, host: str, stages: Collection[StageName], seconds: float) -> list[Due]:
    """Those of these stages whose service is to be asked now; nobody else takes them for so many seconds."""
    values = {"host": host, "stages": list(stages), "seconds": seconds}
    return [Due(StageName(row.stage), Service(row.service)) for row in connection.execute(_TAKE_DUE, values)]


def go_on(connection: Connection, stage: StageName, host: str, error: DocmillError, seconds: float) -> None:
    """Ask again after so many seconds, unless somebody has ended the outage meanwhile."""
    connection.execute(_GO_ON, {"stage": stage, "host": host, **_said(error), "seconds": seconds})


def end_here(connection: Connection, stage: StageName, host: str) -> None:
    """Let workers of this host take tasks of the stage."""
    connection.execute(_END_HERE, {"stage": stage, "host": host})


def end(connection: Connection, stage: StageName) -> bool:
    """Let every worker take tasks of the stage; False when there was no outage."""
    return connection.execute(_END, {"stage": stage}).rowcount > 0


def forget(connection: Connection, host: str, seconds: float) -> None:
    """Forget what began before that on this host, which may have other settings since, and gone hosts."""
    connection.execute(_FORGET, {"host": host, "seconds": seconds})


def every(connection: Connection) -> list[tuple[str, Outage]]:
    """Every outage, with its stage."""
    return [(row.stage, _outage(row)) for row in connection.execute(_EVERY)]


def everywhere(connection: Connection) -> dict[str, Outage]:
    """The stages that no living worker may take, by what is asked for next."""
    return {row.stage: _outage(row) for row in connection.execute(_EVERYWHERE)}


def _said(error: DocmillError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}


def _outage(row: Any) -> Outage:
    return Outage(row.host, row.since, row.until, row.code, row.message)
