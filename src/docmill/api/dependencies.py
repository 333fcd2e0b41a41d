"""What the routes work with: the use cases, made once for an App, and what a request says of itself."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter
from pydantic import AfterValidator

from docmill.api.group_commit import GroupCommit
from docmill.api.messages import Encoding, Message
from docmill.bootstrap import App, make_intake, make_pictures, make_recovery
from docmill.domain.errors import DocumentNotFound, NotFound
from docmill.domain.names import as_uuid
from docmill.domain.networks import parse_networks
from docmill.pipeline.control import Control
from docmill.services.datasets import Datasets
from docmill.services.document_logs import DocumentLogs
from docmill.services.documents import Documents
from docmill.services.health import Health
from docmill.services.history import History
from docmill.services.holds import Holds
from docmill.services.intake import Accepted, Arriving, Intake
from docmill.services.live import Live
from docmill.services.maintenance import discard_versions
from docmill.services.monitoring import Monitoring
from docmill.services.pages import Pages
from docmill.services.pictures import Pictures
from docmill.services.revisions import Revisions
from docmill.services.search import Search
from docmill.services.steering import Steering
from docmill.services.webhooks import Webhooks
from docmill.sources.upload import open_landing

# Files taken in alone at a time by a process. They may wait for the locks of others, with a connection each.
_ALONE = 4


@dataclass(frozen=True)
class Services:
    """The use cases behind the routes. Files land in `landing`; `relay` sends messages that are missing.

    New files that are `arriving` at the same time are taken in together.
    """

    intake: Intake
    documents: Documents
    pages: Pages
    pictures: Pictures
    revisions: Revisions
    datasets: Datasets
    health: Health
    history: History
    live: Live[Message]
    search: Search
    monitoring: Monitoring
    logs: DocumentLogs
    steering: Steering
    holds: Holds
    relay: Callable[[], object]
    webhooks: Webhooks
    erase_discarded: Callable[[], object]
    allowed_origins: tuple[str, ...]
    landing: Path
    max_file_bytes: int
    arriving: GroupCommit[Arriving, Accepted | None]
    accepting_alone: Semaphore


def make_services(app: App) -> Services:
    """The use cases over the adapters of this App."""
    settings = app.settings
    landing = open_landing(settings.storage_path / "arriving")
    intake = make_intake(app)
    documents = Documents(
        app.engine,
        app.storage,
        app.vectors,
        app.dispatcher,
        model=app.embedder.model,
        retry_limit=settings.retry_limit,
    )
    revisions = Revisions(app.engine, app.dispatcher, run_on_bytes=settings.run_on_bytes)
    return Services(
        intake=intake,
        documents=documents,
        steering=Steering(Control(app.engine, app.dispatcher), documents, intake, revisions),
        revisions=revisions,
        holds=Holds(app.engine),
        relay=make_recovery(app).relay,
        erase_discarded=partial(discard_versions, app.engine, app.vectors),
        pages=Pages(app.engine),
        pictures=make_pictures(app),
        datasets=Datasets(app.engine, app.embedder.max_tokens),
        history=History(app.engine),
        live=Live(app.engine, documents, Encoding()),
        health=Health(app.engine, app.dispatcher, landing),
        search=app.search,
        monitoring=Monitoring(app.engine, app.dispatcher),
        logs=DocumentLogs(app.engine),
        allowed_origins=tuple(filter(None, (settings.allowed_origins or "").split(","))),
        webhooks=Webhooks(app.engine, parse_networks(settings.webhook_allowed_networks or "")),
        landing=landing,
        max_file_bytes=settings.max_file_bytes,
        arriving=GroupCommit(intake.accept_new),
        accepting_alone=Semaphore(_ALONE),
    )


# The dependencies are `async` because they wait for nothing: a plain one would cost a hop between threads.


async def _services(request: Request) -> Services:
    return services_of(request)


async def _tenant(request: Request) -> str:
    return tenant_of(request)


def services_of(request: Request) -> Services:
    """The use cases of the application that got a request."""
    return cast(Services, request.app.state.services)


def tenant_of(request: Request) -> str:
    """Whose key came with a request."""
    return cast(str, request.state.tenant)


def known_id(text: str, missing: type[NotFound]) -> UUID:
    """The id in an address. What is no id at all is the id of nothing: raises `missing`."""
    found = as_uuid(text)
    if found is None:
        raise missing
    return found


async def _document_id(
    document_id: Annotated[
        str,
        PathParameter(description="Id of the document.", examples=["0190d6f1-7c6c-5a9e-9a63-0f6d6b7f1c52"]),
    ],
) -> UUID:
    return known_id(document_id, DocumentNotFound)


def check_storable(text: str) -> str:
    """PostgreSQL stores no NUL and UTF-8 no lone surrogate."""
    if "\0" in text:
        raise ValueError("holds a NUL character; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half a character; send whole ones") from error
    return text


Storable = Annotated[str, AfterValidator(check_storable)]
UseCases = Annotated[Services, Depends(_services)]
Tenant = Annotated[str, Depends(_tenant)]
DocumentId = Annotated[UUID, Depends(_document_id)]
Cursor = Annotated[
    str | None, Query(description="Where to go on: `next_cursor` of the page before.", max_length=500)
]
PageSize = Annotated[int, Query(alias="limit", description="Items on a page.", ge=1, le=200)]
