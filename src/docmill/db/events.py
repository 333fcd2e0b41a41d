"""Reading `document_task_events`: one document's history, and the stream of all in the order of commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from docmill.domain.events import Event, Position

_COLUMNS = "xid, id, tenant_id, dataset_id, document_id, task_id, at, kind, stage, data"

# Below this no transaction is open: nothing can be committed there any more.
_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"

_HISTORY = text(
    f"""SELECT {_COLUMNS} FROM document_task_events
WHERE tenant_id = :tenant AND document_id = :document AND id > :after ORDER BY id LIMIT :limit"""  # noqa: S608
)
_TASK_HISTORY = text(
    f"""SELECT {_COLUMNS} FROM document_task_events
WHERE tenant_id = :tenant AND task_id = :task AND id > :after ORDER BY id LIMIT :limit"""  # noqa: S608
)
_HAS_HISTORY = text(
    """SELECT EXISTS (
  SELECT FROM document_task_events WHERE tenant_id = :tenant AND document_id = :document)"""
)
_SELECT_HORIZON = text(f"SELECT {_HORIZON}")
_AFTER = f"""SELECT {_COLUMNS} FROM document_task_events
WHERE (xid, id) > (:xid, :id) AND xid < {_HORIZON}"""  # noqa: S608
_ORDER = " ORDER BY xid, id LIMIT :limit"
_ALL_AFTER = text(f"{_AFTER}{_ORDER}")

# Ids of transactions mean something on the server that gave them only. Ids of events keep the order.
_FOREIGN = """(SELECT max(xid) FROM document_task_events) > (pg_current_xact_id()::text)::bigint"""
_ADOPT = (
    text(f"UPDATE webhooks SET seen_xid = 0 WHERE {_FOREIGN}"),  # noqa: S608
    text(f"UPDATE document_task_events SET xid = 0 WHERE {_FOREIGN}"),  # noqa: S608
)


# Some commits do not wait for the disk (docs/adr/0022). The one of this does, and they all come before it: so
# what was read is never undone once it was told, and no later event gets a place before it.
_ON_DISK = text("SELECT pg_logical_emit_message(true, 'docmill', '')")


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
    return _read(connection, _HISTORY, values)


def task_history(connection: Connection, tenant: str, task: UUID, after: int, limit: int) -> list[Event]:
    """Up to `limit` events of a task behind the one with id `after`, oldest first."""
    values = {"tenant": tenant, "task": task, "after": after, "limit": limit}
    return _read(connection, _TASK_HISTORY, values)


def has_history(connection: Connection, tenant: str, document: UUID) -> bool:
    """Whether this tenant has, or had, such a document."""
    return bool(connection.execute(_HAS_HISTORY, {"tenant": tenant, "document": document}).scalar_one())


def horizon(connection: Connection) -> Position:
    """The place in the stream before which nothing can come in any more."""
    place = Position(connection.execute(_SELECT_HORIZON).scalar_one(), 0)
    connection.execute(_ON_DISK)
    return place


def of_everybody(connection: Connection, after: Position, limit: int) -> list[Event]:
    """Up to `limit` events of all tenants behind a place; for those who hand each tenant its own."""
    values = {"xid": after.xid, "id": after.id, "limit": limit}
    return _read(connection, _ALL_AFTER, values)


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
    statement = text(f"{_AFTER} AND {' AND '.join(conditions)}{_ORDER}")
    return _read(connection, statement, values)


def _read(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> list[Event]:
    """Events that stay, once this transaction has ended."""
    found = [_event(row) for row in connection.execute(statement, values)]
    if found:
        connection.execute(_ON_DISK)
    return found


def _event(row: Any) -> Event:
    return Event(
        position=Position(row.xid, row.id),
        tenant=row.tenant_id,
        **{name: getattr(row, name) for name in _FIELDS},
    )


_FIELDS: Sequence[str] = ("dataset_id", "document_id", "task_id", "at", "kind", "stage", "data")
