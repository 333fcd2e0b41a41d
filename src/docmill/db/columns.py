"""What all tables are made of: their metadata, names of constraints, and columns that recur."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Text, Uuid, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def when(name: str, *, now: bool = False) -> Column[object]:
    """A time; with `now` the time of the row's transaction, else null until somebody sets it."""
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), server_default=default, nullable=not now)


def tenant() -> Column[str]:
    """Whom the row belongs to."""
    return Column("tenant_id", Text, nullable=False)


def parent(name: str, target: str) -> Column[object]:
    """The row it is a part of, and with which it goes."""
    return Column(name, Uuid, ForeignKey(target, ondelete="CASCADE"), nullable=False)
