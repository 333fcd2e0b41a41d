"""Identifiers are derived, never drawn: the same bytes in the same dataset are the same document.

So a repeated upload meets its own row, a repeated step writes its own row again, and a store that
cannot join a transaction can be written twice without harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

NAMESPACE = UUID("6c1e9a54-6f0e-5d0c-9f0b-0d0c3111e5ad")


@dataclass(frozen=True, slots=True)
class VersionRef:
    """One version of a document, with everything it belongs to."""

    tenant: str
    dataset_id: UUID
    document_id: UUID
    version_id: UUID


def dataset_id(tenant: str, name: str) -> UUID:
    """The id of a tenant's dataset."""
    return uuid5(NAMESPACE, f"dataset:{tenant}:{name}")


def document_id(dataset: UUID, sha256: str) -> UUID:
    """The id of the document these bytes are in this dataset."""
    return uuid5(dataset, f"document:{sha256}")


def version_id(document: UUID, number: int) -> UUID:
    """The id of a document's version; `number` counts from 1."""
    return uuid5(document, f"version:{number}")


def task_id(version: UUID) -> UUID:
    """The id of the task that builds this version."""
    return uuid5(version, "task")


def chunk_id(version: UUID, ordinal: int) -> UUID:
    """The id of the chunk at this place of a version."""
    return uuid5(version, f"chunk:{ordinal}")
