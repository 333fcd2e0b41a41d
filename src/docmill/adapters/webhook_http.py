"""Sends webhooks to addresses that strangers chose, and to no place they should not reach.

A name is looked up once, every address found is checked, and the connection goes to a checked address: a
name server that answers otherwise the second time is never asked. No proxy, no redirect, and one deadline
over all of an attempt, however slowly the receiver drips.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from ssl import SSLContext

import httpx

from docmill import __version__
from docmill.adapters.retry_after import seconds_of
from docmill.domain.networks import Network, may_be_called

Resolve = Callable[[str, int], Sequence[str]]

_CONNECT_SECONDS = 5.0
_MOST_ADDRESSES = 4
_MOST_LOOKUPS = 64
_DRAIN_BYTES, _DRAIN_SECONDS = 16_384, 2.0

_PRIVATE = (
    "The webhook's URL leads to an address that is not public. To call it all the same, name its network in "
    "DOCMILL_WEBHOOK_ALLOWED_NETWORKS."
)
_NOBODY = "Nobody takes connections at the webhook's address."
_NO_TRUST = "The receiver's certificate is not valid for its name, or nobody trusted has signed it."
_BROKEN = "The connection broke off before the receiver had answered."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. `error` is None when the receiver took it (2xx); it holds no secret."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None


class _NotPublic(Exception):
    """An address that may not be called."""


def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name, as this machine's resolver gives them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_readable(url: str) -> bool:
    """Whether an `Outlet` can make out where this URL leads."""
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return True


class Outlet:
    """Opens lines to receivers. Networks in `allowed` may be called though they are not public."""

    def __init__(
        self, allowed: Sequence[Network], timeout_seconds: float, resolve: Resolve = look_up
    ) -> None:
        self._allowed = allowed
        self._seconds = timeout_seconds
        self._resolve = resolve

    @cached_property
    def _tls(self) -> SSLContext:
        """Trusts the usual authorities, and those this machine trusts."""
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()
        return context

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """Of its own: a lookup that hangs cannot be stopped, and asyncio would wait for it at the end."""
        return ThreadPoolExecutor(_MOST_LOOKUPS, "webhook-names")

    @contextlib.asynccontextmanager
    async def line(self, url: str) -> AsyncIterator[Line]:
        """A line to one receiver. Its connections serve no other: another name may share the address."""
        timeout = httpx.Timeout(self._seconds, connect=_CONNECT_SECONDS)
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as client:
            yield await self._line(client, httpx.URL(url))

    async def _line(self, client: httpx.AsyncClient, url: httpx.URL) -> Line:
        try:
            async with asyncio.timeout(self._seconds):
                return Line(client, url, self._seconds, await self._checked_addresses(url))
        except TimeoutError:
            refusal = "The lookup of the name in the webhook's URL took too long."
        except (OSError, UnicodeError):
            refusal = "No address goes by the name in the webhook's URL."
        except _NotPublic:
            refusal = _PRIVATE
        return Line(client, url, self._seconds, [], refusal)

    async def _checked_addresses(self, url: httpx.URL) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        host = url.raw_host.decode()
        found = await loop.run_in_executor(self._threads, self._resolve, host, port)
        if not all(may_be_called(address, self._allowed) for address in found):
            raise _NotPublic
        return list(found)[:_MOST_ADDRESSES]


class Line:
    """Posts to one URL at the addresses that were checked; with a `refusal`, to nowhere."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: httpx.URL,
        seconds: float,
        addresses: Sequence[str],
        refusal: str = _NOBODY,
    ) -> None:
        self._client = client
        self._url = url
        self._seconds = seconds
        self._addresses = addresses
        self._refusal = refusal

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One attempt; every way it can end is an answer."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._at_first_that_connects(body, headers)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(error=f"The receiver did not answer within {self._seconds:g} s.")
        except httpx.TransportError:
            return Answer(error=_BROKEN)

    async def _at_first_that_connects(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        reason = self._refusal
        for address in self._addresses:
            try:
                return await self._at(address, body, headers)
            except httpx.ConnectError as error:
                reason = _NO_TRUST if "CERTIFICATE_VERIFY_FAILED" in str(error) else _NOBODY
            except httpx.ConnectTimeout:
                reason = _NOBODY
        return Answer(error=reason)

    async def _at(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        ours = {"Host": self._url.netloc.decode(), "User-Agent": f"docmill/{__version__}"}
        async with self._client.stream(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            headers={**headers, **ours},
            extensions={"sni_hostname": self._url.raw_host.decode()},
        ) as response:
            await _drain(response)
            return _answer(response)


async def _drain(response: httpx.Response) -> None:
    """Read a short body, so that the connection can be used again. What it says is of no interest."""
    left = _DRAIN_BYTES
    with contextlib.suppress(TimeoutError, httpx.TransportError):  # the status has been read: it decides
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for piece in response.aiter_raw():
                left -= len(piece)
                if left < 0:
                    return


def _answer(response: httpx.Response) -> Answer:
    if response.is_success:
        return Answer(response.status_code)
    error = f"The receiver answered {response.status_code}."
    if response.is_redirect:
        error += " Redirects are not followed: set the webhook's URL to where it leads."
    return Answer(response.status_code, error, seconds_of(response.headers.get("retry-after", "")))
