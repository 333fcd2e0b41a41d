"""The live stream as Server-Sent Events."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from docmill.api.dependencies import Services, Tenant, UseCases
from docmill.api.messages import Message, closed, example_stream, position
from docmill.api.problems import problems
from docmill.api.subscriptions import Subscription, Wish, understood
from docmill.domain.errors import Unavailable
from docmill.domain.events import BEGINNING
from docmill.services.listeners import Batch

router = APIRouter(tags=["events"])

_MESSAGES_AT_ONCE = 50
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Server-Sent Events that are encoded already: once, for all who listen."""

    media_type = "text/event-stream"


class EventsQuery(Subscription):
    """A subscription in an address."""

    follow: Annotated[bool, Field(description="False: tell what is stored, from the first on, and end.")] = (
        True
    )


@router.get(
    "/events",
    operation_id="follow_events",
    summary="Follow what happens",
    response_class=EventStream,
    responses={
        200: {
            "description": "A stream without end: events with their ids, and progress without.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example_stream()}},
        },
        **problems(404, 422),
    },
)
async def follow_events(
    services: UseCases,
    tenant: Tenant,
    wanted: Annotated[EventsQuery, Query()],
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="As `last_event_id`; it wins.", max_length=100)
    ] = None,
) -> EventStream:
    """Every event from now on, or behind `Last-Event-ID`: none missing, none twice, in the order of commits.

    Every second, when something moved, a `progress` message tells how far the documents in work are.
    """
    wanted.last_event_id = last_event_id or wanted.last_event_id
    wish = await run_in_threadpool(understood, services, tenant, wanted)
    return EventStream(_stream(services, wish, follow=wanted.follow), headers=_HEADERS)


async def _stream(services: Services, wish: Wish, *, follow: bool) -> AsyncIterator[bytes]:
    """The stream's bytes; it ends when the server stops, or when it cannot go on without a loss."""
    try:
        async with contextlib.aclosing(_batches(services, wish, follow)) as batches:
            async for batch in batches:
                for piece in _pieces(batch):
                    yield piece
    except Unavailable as error:
        yield closed(error)


def _batches(services: Services, wish: Wish, follow: bool) -> AsyncGenerator[Batch[Message]]:
    if follow:
        return services.live.follow(wish.choice, wish.after, progress=wish.progress)
    return services.live.stored(wish.choice, wish.after or BEGINNING)


def _pieces(batch: Batch[Message]) -> Iterator[bytes]:
    """A few messages at a time: many who are slow must not each have a whole batch on its way."""
    if not batch.messages:
        yield position(batch.position).sse
    for start in range(0, len(batch.messages), _MESSAGES_AT_ONCE):
        yield b"".join(message.sse for message in batch.messages[start : start + _MESSAGES_AT_ONCE])
