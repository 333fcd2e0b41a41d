"""The workers' signs of life, and the pings that they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

LIVING_SECONDS = 15.0  # a worker that was not seen for longer counts as gone

_SIGN = text(
    """INSERT INTO workers (id, host, queues, version, processes, idle_since)
VALUES (:id, :host, :queues, :version, :processes, now() - make_interval(secs => :idle))
ON CONFLICT (id) DO UPDATE SET seen_at = now(), queues = excluded.queues, processes = excluded.processes,
  idle_since = excluded.idle_since"""
)
_REMOVE = text("DELETE FROM workers WHERE id = ANY(:ids)")
_ALL = text(
    """SELECT id, host, queues, processes, version, started_at, seen_at,
  extract(epoch FROM now() - started_at)::float8 AS age_seconds,
  extract(epoch FROM now() - seen_at)::float8 AS silent_seconds,
  extract(epoch FROM now() - idle_since)::float8 AS idle_seconds
FROM workers ORDER BY started_at, id"""
)

_RAN = text("INSERT INTO sweeps (name, at) VALUES (:name, now()) ON CONFLICT (name) DO UPDATE SET at = now()")
_AGES = text("SELECT name, extract(epoch FROM now() - at)::float8 AS seconds FROM sweeps")

_SEND_PING = text("INSERT INTO pings (id, queue) VALUES (:id, :queue)")
_ANSWER_PING = text(
    "UPDATE pings SET answered_at = now(), worker_id = :worker WHERE id = :id AND answered_at IS NULL"
)
_PINGS = text(
    """SELECT id, queue, worker_id, extract(epoch FROM answered_at - sent_at)::float8 AS seconds
FROM pings WHERE id = ANY(:ids)"""
)
_FORGET_PINGS = text("DELETE FROM pings WHERE sent_at < now() - interval '1 hour'")


@dataclass(frozen=True, slots=True)
class Sign:
    """What a worker says of itself; `idle` seconds ago a process ran out of work, None while all are busy."""

    id: str
    host: str
    queues: Sequence[str]
    version: str
    processes: Sequence[int]
    idle: float | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker's row as it is now. `id` is host/process id; `idle_seconds` None while all processes work."""

    id: str
    host: str
    queues: Sequence[str]
    processes: Sequence[int]
    version: str
    started_at: datetime
    seen_at: datetime
    age_seconds: float
    silent_seconds: float
    idle_seconds: float | None

    @property
    def is_living(self) -> bool:
        """Whether it gave a sign of life lately."""
        return self.silent_seconds < LIVING_SECONDS

    @property
    def pid(self) -> int:
        """Its main process, which means something on its own host only."""
        return int(self.id.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Ping:
    """A message through a queue: `seconds` until its answer, None while there is none."""

    id: UUID
    queue: str
    worker_id: str | None
    seconds: float | None


def sign(connection: Connection, sign: Sign) -> None:
    """Write a worker's sign of life."""
    values = {name: getattr(sign, name) for name in Sign.__slots__}
    connection.execute(_SIGN, {**values, "queues": list(sign.queues), "processes": list(sign.processes)})


def remove(connection: Connection, ids: Sequence[str]) -> int:
    """Forget workers; returns how many were there."""
    return connection.execute(_REMOVE, {"ids": list(ids)}).rowcount


def workers(connection: Connection) -> list[Worker]:
    """Every worker that did not say goodbye, the oldest first."""
    rows = connection.execute(_ALL)
    return [Worker(**row._mapping) for row in rows]


def note(connection: Connection, name: str) -> None:
    """Note that this has just been done: `beat` sent a message, or `recovery` ran."""
    connection.execute(_RAN, {"name": name})


def ages(connection: Connection) -> dict[str, float]:
    """Seconds since Beat last sent a message (`beat`) and recovery last ran (`recovery`), where they did."""
    return {row.name: row.seconds for row in connection.execute(_AGES)}


def send_ping(connection: Connection, ping_id: UUID, queue: str) -> None:
    """Note a ping before its message is sent; pings of more than an hour ago go."""
    connection.execute(_FORGET_PINGS)
    connection.execute(_SEND_PING, {"id": ping_id, "queue": queue})


def answer_ping(connection: Connection, ping_id: UUID, worker_id: str) -> None:
    """Note the first answer."""
    connection.execute(_ANSWER_PING, {"id": ping_id, "worker": worker_id})


def pings(connection: Connection, ids: Sequence[UUID]) -> list[Ping]:
    """These pings as they are now."""
    rows = connection.execute(_PINGS, {"ids": list(ids)})
    return [Ping(row.id, row.queue, row.worker_id, row.seconds) for row in rows]
