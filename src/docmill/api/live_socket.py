"""The live stream on a WebSocket: the same messages, one JSON text each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect

from docmill.api.dependencies import Services
from docmill.api.gate import PROTOCOL
from docmill.api.messages import Message, position
from docmill.api.problems import problem_of
from docmill.api.subscriptions import Subscription, Wish, understood
from docmill.domain.errors import BadRequest, DocmillError, InvalidRequest, OriginNotAllowed
from docmill.services.listeners import Batch

router = APIRouter()

FIRST_MESSAGE_SECONDS = 10.0

STOPPING = 1012  # "service restart": connect again, to whoever serves now
TRY_AGAIN = 1013  # "try again later", with the last event id
REFUSED = 4422  # the subscription cannot be met; `reason` is the code of the error
NO_SUBSCRIPTION = 4408


@router.websocket("/ws")
async def follow_on_socket(socket: WebSocket) -> None:
    """Tell a client what happens, by the subscription in its address or else in its first message."""
    services: Services = socket.app.state.services
    wish = None
    try:
        check_origin(socket.headers, services.allowed_origins)
        if socket.scope["query_string"]:
            wish = await _understood(socket, _asked(socket))
    except DocmillError as error:
        await socket.send_denial_response(problem_of(socket.scope, error))
        return
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    with contextlib.suppress(WebSocketDisconnect):
        await _serve(socket, wish)


def check_origin(headers: Headers, allowed: Sequence[str]) -> None:
    """A page of another site must not open a socket in its visitor's name. Raises OriginNotAllowed."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host") and origin not in allowed:
        raise OriginNotAllowed


async def _serve(socket: WebSocket, wish: Wish | None) -> None:
    try:
        wish = wish or await _first_message(socket)
        code, reason = await _tell_until_gone(socket, wish)
    except TimeoutError:
        code, reason = NO_SUBSCRIPTION, "subscription_expected"
    except BadRequest as error:
        code, reason = REFUSED, error.code
    except DocmillError as error:
        code, reason = (REFUSED if error.http_status < 500 else TRY_AGAIN), error.code
    await socket.close(code, reason)


def _asked(socket: WebSocket) -> dict[str, Any]:
    """The subscription in the address."""
    query = socket.query_params
    return {name: query.getlist(name) if name == "kinds" else query[name] for name in query}


async def _first_message(socket: WebSocket) -> Wish:
    async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
        return await _understood(socket, await _receive(socket))


async def _receive(socket: WebSocket) -> str | bytes:
    """The next message of the client. Raises WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    return cast(str | bytes, message.get("text") or message.get("bytes") or "")


async def _understood(socket: WebSocket, asked: dict[str, Any] | str | bytes) -> Wish:
    """What a client wants. Raises InvalidRequest where it cannot be understood."""
    try:
        if isinstance(asked, str | bytes):
            wanted = Subscription.model_validate_json(asked)
        else:
            wanted = Subscription.model_validate(asked)
    except ValidationError:
        raise InvalidRequest from None
    return await run_in_threadpool(understood, socket.app.state.services, socket.state.tenant, wanted)


async def _tell_until_gone(socket: WebSocket, wish: Wish) -> tuple[int, str]:
    """Tell until the stream ends; raises WebSocketDisconnect as soon as the client is gone."""
    telling, leaving = asyncio.create_task(_tell(socket, wish)), asyncio.create_task(_leave(socket))
    try:
        await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        return telling.result() if telling.done() else leaving.result()
    finally:
        telling.cancel()
        leaving.cancel()
        await asyncio.gather(telling, leaving, return_exceptions=True)


async def _tell(socket: WebSocket, wish: Wish) -> tuple[int, str]:
    live = socket.app.state.services.live
    async with contextlib.aclosing(live.follow(wish.choice, wish.after, progress=wish.progress)) as batches:
        async for batch in batches:
            for text in _texts(batch):
                await socket.send_text(text)
    return STOPPING, "stopping"


def _texts(batch: Batch[Message]) -> list[str]:
    return [message.text for message in batch.messages] or [position(batch.position).text]


async def _leave(socket: WebSocket) -> NoReturn:
    """Read what the client says, which means nothing any more, until it leaves."""
    while True:
        await _receive(socket)
