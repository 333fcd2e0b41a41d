"""The outermost layer: gives each request an id, a log line and safe headers, and no error another shape."""

from __future__ import annotations

import random
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docmill.api.problems import MEDIA_TYPE, problem_of_status
from docmill.logs import bind_log, get_logger

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEPT = ("allow", "content-range", "retry-after", "connection")
_SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


def is_health(path: str) -> bool:
    """Whether this is one of the checks that need no key and make no noise."""
    return path.removeprefix("/api/v1") in {"/health/live", "/health/ready"}


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else f"{random.getrandbits(128):032x}"
        scope.setdefault("state", {})["request_id"] = request_id
        with bind_log(request_id=request_id):
            if scope["type"] == "websocket":
                await self._hold(scope, receive, send)
            else:
                await self._answer(scope, receive, _Answer(scope, receive, send))

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket from its handshake to its end."""
        started = time.monotonic()
        try:
            await self._app(scope, receive, send)
        finally:
            log.info("socket_closed", path=scope["path"], seconds=round(time.monotonic() - started, 1))

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        started = time.monotonic()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            await answer.fail()
        if not is_health(scope["path"]) or answer.status >= 500:
            milliseconds = round((time.monotonic() - started) * 1000, 1)
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                milliseconds=milliseconds,
            )


class _Answer:
    """The answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._replaced = False
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on, with safe headers; an error in another shape is replaced as a whole."""
        if message["type"] != "http.response.start":
            if not self._replaced:
                await self._send(message)
            return
        headers = MutableHeaders(raw=list(message["headers"]))
        if message["status"] >= 400 and not headers.get("content-type", "").startswith(MEDIA_TYPE):
            await self._replace(message["status"], headers)
        else:
            await self._start(message, headers)

    async def fail(self) -> None:
        """Answer 500, unless the answer is already on its way: then it just ends short."""
        if self.status == 0:
            await self._replace(500, MutableHeaders())

    async def _start(self, message: Message, headers: MutableHeaders) -> None:
        self.status = message["status"]
        headers["x-request-id"] = self._scope["state"]["request_id"]
        for name, value in _SAFE_HEADERS.items():
            headers.setdefault(name, value)
        await self._send({**message, "headers": headers.raw})

    async def _replace(self, status: int, headers: MutableHeaders) -> None:
        kept = {name: headers[name] for name in _KEPT if name in headers}
        await problem_of_status(self._scope, status, kept)(self._scope, self._receive, self._pass)
        self._replaced = True

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message, MutableHeaders(raw=list(message["headers"])))
        else:
            await self._send(message)
