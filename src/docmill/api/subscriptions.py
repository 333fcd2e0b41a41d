"""What a listener of a live stream asks for, whichever way it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from docmill.api.dependencies import Services, Storable
from docmill.db.events import Choice
from docmill.domain.errors import DocumentNotFound
from docmill.domain.events import Position
from docmill.domain.names import as_uuid
from docmill.domain.states import EventKind

PROGRESS = "progress"
Kinds = list[EventKind | Literal["progress"]]


class Subscription(BaseModel):
    """Which events are wanted, and from where on; nothing: all of them, from now on."""

    model_config = ConfigDict(extra="forbid")

    dataset: Annotated[Storable | None, Field(description="Name or id of a dataset.")] = None
    document: Annotated[str | None, Field(description="Id of a document.")] = None
    kinds: Annotated[Kinds, Field(description="Only these kinds; `progress` is one of them.")] = []
    last_event_id: Annotated[
        str | None, Field(description="The last one that was received; what came later is told first.")
    ] = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription that can be met."""

    choice: Choice
    after: Position | None
    progress: bool


def understood(services: Services, tenant: str, wanted: Subscription) -> Wish:
    """The wish behind a subscription. Raises DatasetNotFound, DocumentNotFound, UnknownEvent."""
    after = Position.parse(wanted.last_event_id) if wanted.last_event_id else None
    if after is not None:
        services.live.check(after)
    choice = Choice(
        tenant,
        services.datasets.find(tenant, wanted.dataset).id if wanted.dataset else None,
        _known(services, tenant, wanted.document) if wanted.document else None,
        frozenset(wanted.kinds) - {PROGRESS} if wanted.kinds else None,
    )
    return Wish(choice, after, not wanted.kinds or PROGRESS in wanted.kinds)


def _known(services: Services, tenant: str, document: str) -> UUID:
    document_id = as_uuid(document)
    if document_id is None:
        raise DocumentNotFound
    services.history.check_known(tenant, document_id)
    return document_id
