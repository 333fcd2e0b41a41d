"""The gate: nothing but the health checks answers without a key."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from docmill.api.edge import is_health
from docmill.api.problems import problem_of
from docmill.domain.errors import DocmillError, NotAuthenticated
from docmill.services.access import Access

COOKIE = "docmill_key"

# A page cannot set headers on a WebSocket: there it offers these two protocols, and gets the first.
PROTOCOL = "docmill"
KEY_PROTOCOL = "docmill.key."


class Gate:
    """Takes a key from `Authorization: Bearer` or `X-API-Key`.

    For the docs pages also from a link or its cookie, for a WebSocket from the protocols it offers.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request with a valid key pass on, its tenant in `state`; answer any other."""
        if scope["type"] == "lifespan" or is_health(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._admit(scope)
        except DocmillError as error:
            answer = problem_of(scope, error)
        await (answer or self._app)(scope, receive, send)

    async def _admit(self, scope: Scope) -> Response | None:
        """None when the request may pass, else its answer. Raises NotAuthenticated."""
        key = _key_in_headers(scope) or _key_in_protocols(scope)
        if key is None and _is_docs(scope["path"]):
            link_key = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("key")
            if link_key is not None:
                await self._tenant(link_key)
                return _without_key(scope, link_key)
            key = _key_in_cookie(scope)
        if key is None:
            raise NotAuthenticated
        scope.setdefault("state", {})["tenant"] = await self._tenant(key)
        return None

    async def _tenant(self, key: str) -> str:
        at_once = self._access.tenant_at_once(key)
        return at_once if at_once is not None else await run_in_threadpool(self._access.tenant, key)


def _is_docs(path: str) -> bool:
    return path in {"/docs", "/openapi.json"} or path.startswith("/docs/")


def _key_in_headers(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return headers.get("x-api-key")


def _key_in_protocols(scope: Scope) -> str | None:
    offered = (name for name in scope.get("subprotocols", ()) if name.startswith(KEY_PROTOCOL))
    return next((name.removeprefix(KEY_PROTOCOL) for name in offered), None)


def _key_in_cookie(scope: Scope) -> str | None:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


def _without_key(scope: Scope, key: str) -> Response:
    """To the same page under an address that may be kept in a history; the key goes into a cookie."""
    others = [pair for pair in parse_qsl(scope["query_string"].decode("latin-1")) if pair[0] != "key"]
    address = scope["path"] + (f"?{urlencode(others)}" if others else "")
    answer = RedirectResponse(address, status_code=303)
    secure = scope["scheme"] == "https"
    answer.set_cookie(COOKIE, key, path="/", httponly=True, samesite="strict", secure=secure)
    return answer
