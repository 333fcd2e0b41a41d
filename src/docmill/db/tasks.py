"""The statements that move a task. Each names the states it may leave and tells when no row moved.

With owners.py and control.py they are all that writes `document_tasks` after a task was made. Each writes its
row of history in the same statement, so that it cannot be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docmill.db.conditions import RUNNABLE, is_open_here, not_held
from docmill.db.engine import first_row
from docmill.db.results import values_of, with_results
from docmill.domain.states import Desired, EventKind, StageName
from docmill.ports import Result

# What ends a worker's hold on a task that somebody wants to rest also brings it to rest.
_AT_REST = """UNION ALL
  SELECT tenant_id, dataset_id, document_id, id, 'paused', stage, jsonb_build_object() FROM moved
  WHERE status = 'queued' AND desired = 'pause'"""

EVENT = f"""event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage, data)
  SELECT tenant_id, dataset_id, document_id, id, {{kind}}, stage, {{data}} FROM moved
  {_AT_REST}
)"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Claim:
    """What a successful claim hands to the runner. `owner` and `fence` guard every later write."""

    task_id: UUID
    tenant: str
    dataset_id: UUID
    document_id: UUID
    version_id: UUID
    stage: StageName
    owner: str
    fence: int
    priority: int
    run_on: bool
    errors: int
    cursor: Mapping[str, Any]
    name: str
    media_type: str
    storage_key: str
    settings: Mapping[str, Any]
    language: str | None
    language_confidence: float | None
    total_chunks: int | None
    published_version_id: UUID | None
    base_version_id: UUID | None
    pages_to_read: list[int] | None
    depth: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds for a task in hand: what is desired of it, and whether its stage is held."""

    desired: Desired
    held: bool


@dataclass(frozen=True, slots=True)
class Made:
    """What a step is kept as: where the next one starts, `done` of `total` units, the seconds it took.

    Its results are written in the same statement.
    """

    cursor: Mapping[str, Any]
    done: int
    total: int | None
    busy_seconds: float
    results: Sequence[Result] = ()


_CLAIMED_COLUMNS = """
SELECT m.id AS task_id, m.tenant_id AS tenant, m.dataset_id, m.document_id, m.version_id, m.stage, m.owner,
       m.fence, m.priority, m.run_on, m.errors, coalesce(p.cursor, '{}') AS cursor,
       d.name, d.media_type, d.storage_key, d.depth, v.settings, v.language, v.language_confidence,
       v.total_chunks, d.active_version_id AS published_version_id, v.base_version_id, v.pages_to_read
FROM moved m
JOIN documents d ON d.id = m.document_id
JOIN document_versions v ON v.id = m.version_id
LEFT JOIN stage_progress p ON p.task_id = m.id AND p.stage = m.stage
"""

_BEGIN_PROGRESS = """progress AS (
  INSERT INTO stage_progress (task_id, stage, tenant_id) SELECT id, stage, tenant_id FROM moved
  ON CONFLICT DO NOTHING
)"""

# The commit does not wait for the disk: what a crash of the server undoes is done again (docs/adr/0022).
_UNHURRIED = "set_config('synchronous_commit', 'off', true)"

_CLAIM = text(
    f"""
WITH moved AS (
  UPDATE document_tasks t SET status = 'running', owner = :owner, fence = fence + 1,
    lease_until = now() + make_interval(secs => :lease), next_attempt_at = NULL,
    started_at = coalesce(started_at, now()), updated_at = now()
  WHERE id = :id AND stage = :stage AND {RUNNABLE} AND {is_open_here(":stage")}
  RETURNING *, {_UNHURRIED}
), {_BEGIN_PROGRESS}, {EVENT.format(kind="'claimed'", data="jsonb_build_object('fence', fence)")}
{_CLAIMED_COLUMNS}"""  # noqa: S608 - no value is spliced in
)

GUARD = "id = :id AND owner = :owner AND fence = :fence AND status = 'running'"

# The statement takes some of the step's time as well: in the index stage nearly all of it.
_KEEP = """cursor = CAST(:cursor AS jsonb), done = :done, total = :total, steps = steps + 1,
    reached = GREATEST(reached, LEAST(1, CAST(:done AS float8) / NULLIF(CAST(:total AS bigint), 0))),
    busy_seconds = busy_seconds + :busy + extract(epoch FROM clock_timestamp() - statement_timestamp())"""

_STEP = f"""
WITH moved AS (
  UPDATE document_tasks SET lease_until = now() + make_interval(secs => :lease), updated_at = now()
  WHERE {GUARD} RETURNING id, stage, desired
), progress AS (
  UPDATE stage_progress p SET {_KEEP}
  FROM moved WHERE p.task_id = moved.id AND p.stage = moved.stage
){{results}}
SELECT desired, NOT {not_held("moved.stage")} AS held FROM moved"""  # noqa: S608

_ORDERS = text(
    f"""
SELECT desired, NOT {not_held("document_tasks.stage")} AS held FROM document_tasks
WHERE {GUARD}"""  # noqa: S608
)

_RENEW = text(
    f"UPDATE document_tasks SET lease_until = now() + make_interval(secs => :lease) WHERE {GUARD}"  # noqa: S608
)

_BLAME = text(f"UPDATE document_tasks SET error = :error WHERE {GUARD}").bindparams(  # noqa: S608
    bindparam("error", type_=JSONB)
)

_FINISHED = """finished AS (
  UPDATE stage_progress p SET finished_at = now(){kept} FROM moved
  WHERE p.task_id = moved.id AND p.stage = :stage
)"""
_STAGE_DONE = _FINISHED.format(kept="")
_STAGE_DONE_WITH_STEP = _FINISHED.format(kept=f", {_KEEP}")
_GUARD_TO_RUN = f"{GUARD} AND desired = 'run'"

_STAGE_EVENT = f"""event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage, data)
  SELECT tenant_id, dataset_id, document_id, id, 'stage_finished', :stage,
    jsonb_build_object('next', stage, 'status', status) || coalesce((
      SELECT jsonb_build_object('children', count(*)) FROM attachments
      WHERE version_id = moved.version_id AND document_id IS NOT NULL AND :stage = '{StageName.EXTRACT}'
      HAVING count(*) > 0), jsonb_build_object())
  FROM moved
  {_AT_REST}
)"""  # noqa: S608


def _hand_on(guard: str, stage_done: str) -> str:
    return f"""
WITH moved AS (
  UPDATE document_tasks SET stage = :next, status = 'queued', owner = NULL, lease_until = NULL,
    fence = fence + 1, errors = 0, crashes = 0, error = NULL, dispatched_at = now(), updated_at = now()
  WHERE {guard} RETURNING *
), {stage_done}, {_STAGE_EVENT}{{results}}
SELECT id FROM moved"""  # noqa: S608


_HAND_ON = _hand_on(GUARD, _STAGE_DONE)
_HAND_ON_WITH_STEP = _hand_on(_GUARD_TO_RUN, _STAGE_DONE_WITH_STEP)


def _run_on(stage_done: str) -> str:
    return f"""
WITH moved AS (
  UPDATE document_tasks SET stage = :next, lease_until = now() + make_interval(secs => :lease),
    fence = fence + 1, errors = 0, crashes = 0, error = NULL, updated_at = now()
  WHERE {_GUARD_TO_RUN} AND {is_open_here(":next")} RETURNING *, {_UNHURRIED}
), {stage_done}, {_STAGE_EVENT}, {_BEGIN_PROGRESS}{{results}}
{_CLAIMED_COLUMNS}"""  # noqa: S608


_RUN_ON = _run_on(_STAGE_DONE)
_RUN_ON_WITH_STEP = _run_on(_STAGE_DONE_WITH_STEP)


def _publish(guard: str, stage_done: str) -> str:
    return f"""
WITH moved AS (
  UPDATE document_tasks SET status = 'succeeded', owner = NULL, lease_until = NULL, fence = fence + 1,
    errors = 0, crashes = 0, error = NULL, updated_at = now(), finished_at = now()
  WHERE {guard} RETURNING *
), {stage_done}, replaced AS (
  UPDATE document_versions v SET status = 'discarded' FROM moved
  WHERE v.document_id = moved.document_id AND v.id <> moved.version_id AND v.status = 'published'
), published AS (
  UPDATE document_versions v SET status = 'published', published_at = now() FROM moved
  WHERE v.id = moved.version_id
), shown AS (
  UPDATE documents d SET active_version_id = moved.version_id FROM moved WHERE d.id = moved.document_id
), event AS (
  INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage)
  SELECT tenant_id, dataset_id, document_id, id, kind, :stage
  FROM moved, (VALUES (1, 'stage_finished'), (2, 'published')) AS told (place, kind) ORDER BY place
){{results}}
SELECT id FROM moved"""  # noqa: S608


_PUBLISH = _publish(GUARD, _STAGE_DONE)
_PUBLISH_WITH_STEP = _publish(_GUARD_TO_RUN, _STAGE_DONE_WITH_STEP)

_FAIL = text(
    f"""
WITH moved AS (
  UPDATE document_tasks SET status = 'failed', owner = NULL, lease_until = NULL, fence = fence + 1,
    error = :error, updated_at = now(), finished_at = now()
  WHERE {GUARD} RETURNING *
), {EVENT.format(kind="'failed'", data="error")}
SELECT id FROM moved"""  # noqa: S608
).bindparams(bindparam("error", type_=JSONB))

_ATTEMPT = "error || jsonb_build_object('attempt', errors, 'next_attempt_at', next_attempt_at)"
_RETRY = text(
    f"""
WITH moved AS (
  UPDATE document_tasks SET status = 'queued', owner = NULL, lease_until = NULL, fence = fence + 1,
    errors = errors + 1, error = :error, next_attempt_at = now() + make_interval(secs => :delay),
    dispatched_at = NULL, updated_at = now()
  WHERE {GUARD} RETURNING *
), {EVENT.format(kind="'retry_scheduled'", data=_ATTEMPT)}
SELECT id FROM moved"""  # noqa: S608
).bindparams(bindparam("error", type_=JSONB))

_PAUSE = text(
    f"""
WITH moved AS (
  UPDATE document_tasks SET status = 'paused', owner = NULL, lease_until = NULL, fence = fence + 1,
    updated_at = now()
  WHERE {GUARD} AND desired = 'pause' RETURNING *
), {EVENT.format(kind="'paused'", data="'{}'::jsonb")}
SELECT id FROM moved"""  # noqa: S608
)

# A lower fence of the same owner is of a claim that a crash of PostgreSQL put back: nobody works on it.
_GUARD_TO_LET_GO = GUARD.replace("fence = :fence", "fence <= :fence")

_LET_GO = text(
    f"""
WITH moved AS (
  UPDATE document_tasks SET status = 'queued', owner = NULL, lease_until = NULL, fence = fence + 1,
    dispatched_at = CASE CAST(:kind AS text) WHEN 'yielded' THEN now() END, updated_at = now()
  WHERE {_GUARD_TO_LET_GO} RETURNING *
), {EVENT.format(kind="CAST(:kind AS text)", data="'{}'::jsonb")}
SELECT id FROM moved"""  # noqa: S608
)


def _claim_of(row: dict[str, Any] | None) -> Claim | None:
    return None if row is None else Claim(**{**row, "stage": StageName(row["stage"])})


def _guard(claim: Claim) -> dict[str, Any]:
    return {"id": claim.task_id, "owner": claim.owner, "fence": claim.fence}


def _host(owner: str) -> str:
    """Where an owner, HOST/PID/START, lives."""
    return owner.rsplit("/", 2)[0]


def _moved(
    connection: Connection, statement: str, made: Made | None, values: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The row of a statement that moves a task and writes the results of a step with it, None without one."""
    whole = with_results(statement, made.results if made else ())
    return first_row(connection, whole, {**values, **(_kept(made) if made else {})})


def _kept(made: Made) -> dict[str, Any]:
    return {
        "cursor": json.dumps(dict(made.cursor)),
        "done": made.done,
        "total": made.total,
        "busy": made.busy_seconds,
        **values_of(made.results),
    }


def claim(
    connection: Connection, task_id: UUID, stage: StageName, owner: str, lease_seconds: float
) -> Claim | None:
    """Take the task for this stage; None when it is stale, paused, ended, not due or owned."""
    values = {"id": task_id, "stage": stage, "owner": owner, "host": _host(owner), "lease": lease_seconds}
    return _claim_of(first_row(connection, _CLAIM, values))


def step(connection: Connection, claim: Claim, made: Made, lease_seconds: float) -> Orders | None:
    """Move the cursor and renew the lease; returns what holds now, None when the lease was lost."""
    row = _moved(connection, _STEP, made, {**_guard(claim), "lease": lease_seconds})
    return None if row is None else Orders(Desired(row["desired"]), row["held"])


def orders(connection: Connection, claim: Claim) -> Orders | None:
    """What holds now for a task in hand; None when the lease was lost."""
    row = connection.execute(_ORDERS, _guard(claim)).one_or_none()
    return None if row is None else Orders(Desired(row.desired), row.held)


def renew(connection: Connection, claim: Claim, lease_seconds: float) -> bool:
    """A sign of life between steps; False when the lease was lost."""
    return connection.execute(_RENEW, {**_guard(claim), "lease": lease_seconds}).rowcount == 1


def blame(connection: Connection, claim: Claim, error: Mapping[str, Any]) -> None:
    """Note what its owner is about to die of, for recovery to tell. Waits a second at most for the row."""
    connection.execute(text("SET LOCAL lock_timeout = '1s'"))  # the step that hangs may have locked it
    connection.execute(_BLAME, {**_guard(claim), "error": dict(error)})


def hand_on(connection: Connection, claim: Claim, next_stage: StageName, last: Made | None) -> bool:
    """Close this stage and queue the next one; False when the lease was lost.

    With the stage's `last` step that is kept too, and False also tells that the task is not to run now.
    """
    statement = _HAND_ON if last is None else _HAND_ON_WITH_STEP
    return _end(connection, claim, statement, last, {"next": next_stage}) is not None


def run_on(
    connection: Connection, claim: Claim, next_stage: StageName, lease_seconds: float, last: Made | None
) -> Claim | None:
    """Close this stage, with its `last` step if that is given, and go on with the next one under the same
    owner; None when that may not be.
    """
    more = {"next": next_stage, "host": _host(claim.owner), "lease": lease_seconds}
    statement = _RUN_ON if last is None else _RUN_ON_WITH_STEP
    return _claim_of(_end(connection, claim, statement, last, more))


def publish(connection: Connection, claim: Claim, last: Made | None) -> bool:
    """Close the last stage and show the new version in the same moment. `last` and False as in `hand_on`."""
    statement = _PUBLISH if last is None else _PUBLISH_WITH_STEP
    return _end(connection, claim, statement, last, {}) is not None


def _end(
    connection: Connection, claim: Claim, statement: str, last: Made | None, more: Mapping[str, Any]
) -> dict[str, Any] | None:
    return _moved(connection, statement, last, {**_guard(claim), "stage": claim.stage, **more})


def fail(connection: Connection, claim: Claim, error: Mapping[str, Any]) -> bool:
    """End the task with a typed error; False when the lease was lost."""
    return connection.execute(_FAIL, {**_guard(claim), "error": dict(error)}).one_or_none() is not None


def schedule_retry(
    connection: Connection, claim: Claim, error: Mapping[str, Any], delay_seconds: float
) -> bool:
    """Queue the task again for later, its cursor kept; False when the lease was lost."""
    values = {**_guard(claim), "error": dict(error), "delay": delay_seconds}
    return connection.execute(_RETRY, values).one_or_none() is not None


def pause(connection: Connection, claim: Claim) -> bool:
    """Let go of the task because somebody wants it to rest; False when nobody does any more."""
    return connection.execute(_PAUSE, _guard(claim)).one_or_none() is not None


def let_go(connection: Connection, claim: Claim, kind: EventKind) -> bool:
    """Give the task back to the queue, unharmed; False when another one has it. `kind` tells why.

    Its message is recovery's to send, but for one that yielded: the caller sends that at once.
    """
    return connection.execute(_LET_GO, {**_guard(claim), "kind": kind}).one_or_none() is not None
