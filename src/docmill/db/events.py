"""Reading `document_task_events`: one document's history, and the stream of all in the order of commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from docmill.domain.events import Event, Position

_COLUMNS = "xid, id, tenant_id, dataset_id, document_id, task_id, at, kind, stage, data"

# Below this no transaction is open: nothing can be committed there any more.
_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"

# Some commits do not wait for the disk (docs/adr/0022). That of whoever reads does by this, and they all come
# before it: what was read is never undone once it was told, and no later event gets a place before it.
_ON_DISK = "pg_logical_emit_message(true, 'docmill', '')"


def _telling(statement: str, order: str) -> TextClause:
    """What a statement finds, in this order, to be told. It is one statement, or poolers could divide it."""
    return text(
        f"""WITH found AS MATERIALIZED ({statement} ORDER BY {order} LIMIT :limit),
  waiting AS MATERIALIZED (SELECT {_ON_DISK} FROM found LIMIT 1)
SELECT found.*, (SELECT count(*) FROM waiting) AS waits FROM found ORDER BY {order}"""  # noqa: S608
    )


_EVENTS_OF = f"SELECT {_COLUMNS} FROM document_task_events WHERE tenant_id = :tenant AND id > :after"  # noqa: S608
_HISTORY = _telling(f"{_EVENTS_OF} AND document_id = :document", "id")
_TASK_HISTORY = _telling(f"{_EVENTS_OF} AND task_id = :task", "id")
_HAS_HISTORY = text(
    """SELECT EXISTS (
  SELECT FROM document_task_events WHERE tenant_id = :tenant AND document_id = :document)"""
)
_SELECT_HORIZON = text(f"SELECT {_HORIZON} AS horizon, {_ON_DISK}")
_AFTER = f"""SELECT {_COLUMNS} FROM document_task_events
WHERE (xid, id) > (:xid, :id) AND xid < {_HORIZON}"""  # noqa: S608
_PLACE = "xid, id"
_ALL_AFTER = _telling(_AFTER, _PLACE)

# Ids of transactions mean something on the server that gave them only. Ids of events keep the order.
_FOREIGN = """(SELECT max(xid) FROM document_task_events) > (pg_current_xact_id()::text)::bigint"""
_ADOPT = (
    text(f"UPDATE webhooks SET seen_xid = 0 WHERE {_FOREIGN}"),  # noqa: S608
    text(f"UPDATE document_task_events SET xid = 0 WHERE {_FOREIGN}"),  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events somebody wants: all of a tenant, or those of a dataset, a document, or some kinds."""

    tenant: str
    dataset_id: UUID | None = None
    document_id: UUID | None = None
    kinds: frozenset[str] | None = None  # every kind

    def takes(self, event: Event) -> bool:
        """Whether the event is one of them."""
        return (
            event.tenant == self.tenant
            and self.dataset_id in (None, event.dataset_id)
            and self.document_id in (None, event.document_id)
            and (self.kinds is None or event.kind in self.kinds)
        )


def adopt(connection: Connection) -> None:
    """Put events that came with a copy from another server before all that happen here."""
    for statement in _ADOPT:
        connection.execute(statement)


def history(connection: Connection, tenant: str, document: UUID, after: int, limit: int) -> list[Event]:
    """Up to `limit` events of a document behind the one with id `after`, oldest first."""
    values = {"tenant": tenant, "document": document, "after": after, "limit": limit}
    return [_event(row) for row in connection.execute(_HISTORY, values)]


def task_history(connection: Connection, tenant: str, task: UUID, after: int, limit: int) -> list[Event]:
    """Up to `limit` events of a task behind the one with id `after`, oldest first."""
    values = {"tenant": tenant, "task": task, "after": after, "limit": limit}
    return [_event(row) for row in connection.execute(_TASK_HISTORY, values)]


def has_history(connection: Connection, tenant: str, document: UUID) -> bool:
    """Whether this tenant has, or had, such a document."""
    return bool(connection.execute(_HAS_HISTORY, {"tenant": tenant, "document": document}).scalar_one())


def horizon(connection: Connection) -> Position:
    """The place in the stream before which nothing can come in any more."""
    return Position(connection.execute(_SELECT_HORIZON).one().horizon, 0)


def of_everybody(connection: Connection, after: Position, limit: int) -> list[Event]:
    """Up to `limit` events of all tenants behind a place; for those who hand each tenant its own."""
    values = {"xid": after.xid, "id": after.id, "limit": limit}
    return [_event(row) for row in connection.execute(_ALL_AFTER, values)]


def chosen(
    connection: Connection, choice: Choice, after: Position, until: Position, limit: int
) -> list[Event]:
    """Up to `limit` events that somebody wants behind one place and up to another, in the stream's order."""
    values: dict[str, Any] = {"tenant": choice.tenant, "xid": after.xid, "id": after.id, "limit": limit}
    values |= {"until_xid": until.xid, "until_id": until.id}
    conditions = ["tenant_id = :tenant", "(xid, id) <= (:until_xid, :until_id)"]
    if choice.dataset_id is not None:
        conditions.append("dataset_id = :dataset")
        values["dataset"] = choice.dataset_id
    if choice.document_id is not None:
        conditions.append("document_id = :document")
        values["document"] = choice.document_id
    if choice.kinds is not None:
        conditions.append("kind = ANY(:kinds)")
        values["kinds"] = sorted(choice.kinds)
    statement = _telling(f"{_AFTER} AND {' AND '.join(conditions)}", _PLACE)
    return [_event(row) for row in connection.execute(statement, values)]


def _event(row: Any) -> Event:
    return Event(
        position=Position(row.xid, row.id),
        tenant=row.tenant_id,
        **{name: getattr(row, name) for name in _FIELDS},
    )


_FIELDS: Sequence[str] = ("dataset_id", "document_id", "task_id", "at", "kind", "stage", "data")
