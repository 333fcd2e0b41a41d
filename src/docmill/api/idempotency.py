"""`Idempotency-Key`: a POST or PATCH that is sent again under its key is done once, answered as before.

After the IETF draft draft-ietf-httpapi-idempotency-key-header. The key is taken when the whole request is
here and before anything is done for it, so an upload that is cut off leaves its key free.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docmill.api.multipart import UploadForm
from docmill.api.problems import described_problem, problem_of
from docmill.db.idempotency import ClaimedKey, KeptAnswer
from docmill.domain.errors import DocmillError, InvalidIdempotencyKey
from docmill.logs import get_logger
from docmill.services.idempotency import IdempotencyKeys

log = get_logger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEPT_BYTES = 1024 * 1024  # a longer answer is given, and not kept

_METHODS = ("POST", "PATCH")
_RAW_HEADER = HEADER.lower().encode()
_KEY = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
_GONE: Message = {"type": "http.disconnect"}


class Idempotency:
    """Looks at writes with the header only; everything else passes as it is."""

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys, upload_path: str, max_body_bytes: int) -> None:
        self._app = app
        self._keys = keys
        self._upload_path = upload_path
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what it was answered before."""
        sent = _header(scope)
        if sent is None:
            await self._app(scope, receive, send)
            return
        try:
            key = _key(sent)
        except InvalidIdempotencyKey as error:
            await problem_of(scope, error)(scope, receive, send)
            return
        is_upload = scope["path"] == self._upload_path
        body_print = _UploadPrint(scope) if is_upload else _BodyPrint()
        exchange = _Exchange(self._keys, key, body_print, scope, receive, send)
        # Some routes read no body, so it is read for them.
        body = exchange.receive if is_upload else await exchange.read(self._max_body_bytes)
        await self._pass_on(exchange, scope, body)
        await exchange.answer_instead()

    async def _pass_on(self, exchange: _Exchange, scope: Scope, receive: Receive) -> None:
        if exchange.is_over:
            return
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:
            await exchange.release()
            raise


class _Print(Protocol):
    """What tells one body from another."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        ...

    def finish(self) -> str | None:
        """The print of the whole body; None when the request will be refused for what it is."""
        ...


class _BodyPrint:
    """Of the body's bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._hash.update(data)

    def finish(self) -> str:
        """The hash of all bytes."""
        return self._hash.hexdigest()


class _UploadPrint:
    """Of an upload's file, its name and the fields: the body's own boundary is another each time."""

    def __init__(self, scope: Scope) -> None:
        self._hash = hashlib.sha256()
        self._form: UploadForm | None = None
        try:
            self._form = UploadForm(Headers(scope=scope).get("content-type"))
        except DocmillError as error:
            self._give_up(error)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if self._form is None:
            return
        try:
            self._form.feed(data)
            for piece in self._form.take():
                self._hash.update(piece)
        except DocmillError as error:
            self._give_up(error)

    def finish(self) -> str | None:
        """The hash of everything that was sent; None for what is not a whole upload."""
        try:
            return None if self._form is None else self._print(self._form, self._form.finish())
        except DocmillError as error:
            self._give_up(error)
            return None

    def _print(self, form: UploadForm, name: str) -> str:
        fields = {field: value.hex() for field, value in sorted(form.fields.items())}
        return _hash_of([name, fields, self._hash.hexdigest()])

    def _give_up(self, error: DocmillError) -> None:
        log.debug("upload_not_printed", code=error.code)  # its route refuses it and says why
        self._form = None


class _Exchange:
    """One request with a key, and its answer on the way out."""

    def __init__(
        self,
        keys: IdempotencyKeys,
        key: str,
        body_print: _Print,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._keys = keys
        self._key = key
        self._scope = scope
        self._receive = receive
        self._send = send
        self._print = body_print
        self._read = False
        self._gone = False
        self._instead: Response | None = None
        self._claimed: ClaimedKey | None = None
        self._start: Message = {}
        self._body = bytearray()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to be done: it was answered before, may not be, or nobody waits."""
        return self._gone or self._instead is not None

    async def receive(self) -> Message:
        """The next of the body. With its end the key is taken; who may not have it finds the client gone."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone = not self._read
        elif not self._read:
            self._print.feed(message.get("body", b""))
            self._read = not message.get("more_body", False)
            if self._read:
                await self._claim()
        return message if self._instead is None else _GONE

    async def read(self, limit: int) -> Receive:
        """Read the body up to so many bytes; returns what gives it out again, and then the rest."""
        messages: list[Message] = []
        size = 0
        while size <= limit and not self._read and not self._gone:
            messages.append(await self.receive())
            size += len(messages[-1].get("body", b""))
        rest = iter(messages)

        async def receive() -> Message:
            return next(rest, None) or await self.receive()

        return receive

    async def send(self, message: Message) -> None:
        """Hold the answer back until it is kept; what is said to nobody goes nowhere."""
        if self._instead is not None:
            return
        if self._claimed is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        else:
            await self._send_body(message)

    async def answer_instead(self) -> None:
        """Give the answer that did not need the request to be done."""
        if self._instead is not None:
            await self._instead(self._scope, self._receive, self._send)

    async def release(self) -> None:
        """Make the key free again."""
        if self._claimed is not None:
            await self._settle(self._keys.release, self._claimed)

    async def _claim(self) -> None:
        body_print = self._print.finish()
        if body_print is None:
            return
        query = self._scope["query_string"].decode("latin-1")
        fingerprint = _hash_of([self._scope["method"], self._scope["path"], query, body_print])
        tenant = self._scope["state"]["tenant"]
        try:
            found = await run_in_threadpool(self._keys.claim, tenant, self._key, fingerprint)
        except DocmillError as error:
            self._instead = problem_of(self._scope, error)
            return
        if isinstance(found, KeptAnswer):
            headers = {**found.headers, REPLAYED: "true"}
            self._instead = Response(found.body, found.status_code, headers)
        else:
            self._claimed = found

    async def _send_body(self, message: Message) -> None:
        self._body += message.get("body", b"")
        whole = not message.get("more_body", False)
        if not whole and len(self._body) <= MAX_KEPT_BYTES:
            return
        if whole and len(self._body) <= MAX_KEPT_BYTES and self._start["status"] < 500:
            await self._settle(self._keys.keep, self._claimed, self._answer())
        else:
            await self.release()
        await self._send(self._start)
        await self._send({**message, "body": bytes(self._body)})

    def _answer(self) -> KeptAnswer:
        headers = dict(Headers(raw=self._start["headers"]))
        headers.pop("content-length", None)
        return KeptAnswer(self._start["status"], headers, bytes(self._body))

    async def _settle(self, call: Any, *values: object) -> None:
        """What was done is done: when the database is away the answer is given all the same."""
        self._claimed = None
        try:
            await run_in_threadpool(call, *values)
        except DocmillError as error:
            log.warning("idempotency_key_not_settled", code=error.code)


def _header(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in _METHODS:
        return None
    sent = [value for name, value in scope["headers"] if name == _RAW_HEADER]
    return b",".join(sent).decode("latin-1") if sent else None


def _key(sent: str) -> str:
    """The key, sent in quotes as the draft says or bare as many do. Raises InvalidIdempotencyKey."""
    found = _KEY.fullmatch(sent.strip())
    if found is None:
        raise InvalidIdempotencyKey
    return str(found[1] or found[2])


def _hash_of(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your own, as a UUID. Sent again with it, the request is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def describe(schema: dict[str, Any]) -> None:
    """Name the header, and what it can be answered with, at every write of an OpenAPI description."""
    for operations in schema["paths"].values():
        for write in filter(None, (operations.get(method.lower()) for method in _METHODS)):
            write.setdefault("parameters", []).append(_PARAMETER)
            for status in (400, 409, 422):
                write["responses"].setdefault(str(status), described_problem(status))
