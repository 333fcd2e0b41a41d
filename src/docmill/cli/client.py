"""docmill's HTTP API as the commands use it: typed answers in, typed errors out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx

from docmill.domain import reading_errors  # noqa: F401 - the tree below is whole with it
from docmill.domain.errors import (
    BadRequest,
    DocmillError,
    NotAuthenticated,
    NotRunning,
    RequestInWork,
    StorageFull,
    Unavailable,
)

API = "/api/v1"
PAGE = 100
# Waits before an upload that broke off is sent again.
RETRY_SECONDS = (0.5, 2.0)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Json = dict[str, Any]

# A live stream that says nothing for longer than three of its signs of life is dead.
_STREAM_TIMEOUT = httpx.Timeout(45, connect=5)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an upload; `created` is False when the same bytes were already there."""

    document_id: str
    created: bool


class Client:
    """One connection to the API; safe to share between threads.

    Every method raises NotRunning when nothing answers, Unavailable when the connection breaks off, and
    otherwise the error of docmill's tree that the API's answer names.
    """

    def __init__(self, url: str, key: str) -> None:
        address = url.rstrip("/").removesuffix(API)
        where = urlsplit(address)
        self.url = address
        self._http = httpx.Client(
            base_url=address + API,
            headers={"X-API-Key": key},  # leaves Authorization to a proxy in between
            timeout=httpx.Timeout(120, connect=5),
            # A proxy set for the internet is of no use for a server on this machine.
            trust_env=where.hostname not in _LOOPBACK,
            # There is nothing to verify over HTTP, and the certificates for it take 0.05 s to load.
            verify=where.scheme == "https",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None
    ) -> None:
        self._http.close()

    def check(self) -> None:
        """Return when the API answers and takes the key."""
        self._send("GET", "/documents", params={"limit": 1})

    def upload(
        self,
        path: Path,
        name: str,
        dataset: str | None,
        metadata: Mapping[str, str],
        priority: int | None = None,
    ) -> Accepted:
        """Send a file, streamed from disk; where that breaks off, again, as one and the same upload."""
        import json

        headers = {"Idempotency-Key": uuid4().hex}
        fields = {"metadata": json.dumps(dict(metadata))} if metadata else {}
        fields |= {"dataset": dataset} if dataset else {}
        fields |= {"priority": str(priority)} if priority is not None else {}

        def send() -> Json:
            with path.open("rb") as file:
                content = {"file": (name, file)}
                return self._json("POST", "/documents", data=fields, files=content, headers=headers)

        answer = _patiently(send)
        return Accepted(answer["document_id"], answer["created"])

    def document(self, document_id: str) -> Json:
        """Everything known of a document."""
        return self._json("GET", f"/documents/{document_id}")

    def status(self, document_id: str) -> Json:
        """Where a document's processing stands."""
        return self._json("GET", f"/documents/{document_id}/status")

    def documents(self, **filters: str | None) -> Iterator[Json]:
        """Every document that passes the filters (`dataset`, `status`, `name`, `about`), page after page."""
        return self.pages("/documents", **filters)

    def history(self, document_id: str) -> Iterator[Json]:
        """Everything that happened to a document, oldest first, page after page."""
        return self.pages(f"/documents/{document_id}/history")

    def get(self, path: str) -> Json:
        """What the API answers at an address."""
        return self._json("GET", path)

    def pages(self, path: str, **filters: str | float | None) -> Iterator[Json]:
        """Every item of a list that passes the filters, page after page."""
        query: dict[str, str | float] = {"limit": PAGE} | {k: v for k, v in filters.items() if v is not None}
        while True:
            page = self._json("GET", path, params=query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def page(self, document_id: str, number: int) -> Json:
        """Everything known of a page."""
        return self._json("GET", f"/documents/{document_id}/pages/{number}")

    def image(self, document_id: str, number: int, form: str, dpi: int, highlight: str | None) -> bytes:
        """The picture of a page, as a file of this format."""
        query = {"format": form, "dpi": str(dpi)} | ({"highlight": highlight} if highlight else {})
        return self._send("GET", f"/documents/{document_id}/pages/{number}/image", params=query).content

    def correct(self, document_id: str, number: int, text: str, base_version: int | None) -> Json:
        """Give a page another text; where the connection breaks off, again, as one and the same request."""
        headers = {"Idempotency-Key": uuid4().hex}
        body = {"text": text, "base_version": base_version}
        path = f"/documents/{document_id}/pages/{number}/text"
        return _patiently(lambda: self._json("PATCH", path, json=body, headers=headers))

    def steer(self, document_id: str, verb: str) -> None:
        """Pause, resume, cancel, retry or reprocess a document."""
        self._send("POST", f"/documents/{document_id}/{verb}")

    def steer_dataset(self, dataset: str, verb: str) -> int:
        """Pause, resume, cancel or retry all of a dataset; how many documents moved."""
        return int(self._json("POST", f"/datasets/{quote(dataset, safe='')}/{verb}")["moved"])

    def prioritize(self, document_id: str, priority: int) -> None:
        """Give a document another priority."""
        self._send("PATCH", f"/documents/{document_id}", json={"priority": priority})

    def prioritize_dataset(self, dataset: str, priority: int) -> None:
        """Give the documents that a dataset gets from now on another priority."""
        self._send("PATCH", f"/datasets/{quote(dataset, safe='')}", json={"priority": priority})

    def stages(self) -> Json:
        """What is held, what waits and what runs in each stage."""
        return self._json("GET", "/admin/stages")

    def steer_stages(self, path: str, reason: str = "") -> Json:
        """Hold or release a stage (`stages/{stage}/hold`), `drain` or `undrain`; the stages that follow."""
        return self._json("POST", f"/admin/{path}", json={"reason": reason} if reason else None)

    def delete(self, document_id: str) -> None:
        """Delete a document with everything made from it."""
        self._send("DELETE", f"/documents/{document_id}")

    @contextmanager
    def text(self, document_id: str, form: str) -> Iterator[Iterator[bytes]]:
        """The text of a document as UTF-8 in pieces; `form` is txt, md or json."""
        with self._opened(f"/documents/{document_id}/text", params={"format": form}) as response:
            yield response.iter_bytes()

    @contextmanager
    def events(self, last_id: str | None, **query: object) -> Iterator[Iterator[str]]:
        """The lines of the live stream, from now on or behind the event with this id."""
        wanted = {name: value for name, value in query.items() if value is not None}
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with self._opened("/events", params=wanted, headers=headers, timeout=_STREAM_TIMEOUT) as response:
            yield response.iter_lines()

    @contextmanager
    def _opened(self, path: str, **request: Any) -> Iterator[httpx.Response]:
        with _typed_errors(self.url), self._http.stream("GET", path, **request) as response:
            if response.is_error:
                response.read()
                raise _error_in(response)
            yield response

    def search(self, query: str, **options: object) -> Json:
        """The passages that answer a query best."""
        body = {"query": query} | {name: value for name, value in options.items() if value is not None}
        return self._json("POST", "/search", json=body)

    def webhooks(self) -> Iterator[Json]:
        """Every webhook, newest first, page after page."""
        return self.pages("/webhooks")

    def add_webhook(self, url: str, kinds: Sequence[str], dataset: str | None) -> Json:
        """Make a webhook; the answer holds its secret."""
        return self._json("POST", "/webhooks", json={"url": url, "kinds": list(kinds), "dataset": dataset})

    def steer_webhook(self, webhook_id: str, verb: str) -> Json:
        """Enable, disable, rotate or test a webhook."""
        return self._json("POST", f"/webhooks/{webhook_id}/{verb}")

    def remove_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with its deliveries."""
        self._send("DELETE", f"/webhooks/{webhook_id}")

    def deliveries(self, webhook_id: str, status: str | None = None) -> Iterator[Json]:
        """Every delivery of a webhook, newest first, page after page."""
        return self.pages(f"/webhooks/{webhook_id}/deliveries", status=status)

    def delivery(self, webhook_id: str, delivery_id: str) -> Json:
        """One delivery of a webhook."""
        return self._json("GET", f"/webhooks/{webhook_id}/deliveries/{quote(delivery_id, safe='')}")

    def replay(self, webhook_id: str, delivery_id: str) -> Json:
        """Send a delivery again."""
        return self._json("POST", f"/webhooks/{webhook_id}/deliveries/{quote(delivery_id, safe='')}/replay")

    def _json(self, method: str, path: str, **request: Any) -> Json:
        answer: Json = self._send(method, path, **request).json()
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        with _typed_errors(self.url):
            response = self._http.request(method, path, **request)
        if response.is_error:
            raise _error_in(response)
        return response


def _patiently(send: Callable[[], Json]) -> Json:
    for seconds in RETRY_SECONDS:
        try:
            return send()
        except StorageFull:
            raise
        except (Unavailable, RequestInWork):
            time.sleep(seconds)
    return send()


@contextmanager
def _typed_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise NotRunning(
            f"No docmill answers at {_address(url)}. Start it with `docmill up`, or correct DOCMILL_API_URL."
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise BadRequest("DOCMILL_API_URL is not a URL. Set one like http://127.0.0.1:8400.") from None
    except httpx.TransportError:
        raise Unavailable(
            "The connection to docmill broke off. Run `docmill doctor`, then try again."
        ) from None


def _address(url: str) -> str:
    """The URL without the user and password it may hold, which may hold any character."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _error_in(response: httpx.Response) -> DocmillError:
    """The error an answer stands for: the one of our tree with its code, with the message it carries."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or f"The API answered {response.status_code}. Is DOCMILL_API_URL right?"
    return _ERRORS.get(problem.get("code", ""), _nearest(response.status_code))(detail)


def _nearest(status: int) -> type[DocmillError]:
    if status == httpx.codes.UNAUTHORIZED:
        return NotAuthenticated
    return BadRequest if status < httpx.codes.INTERNAL_SERVER_ERROR else Unavailable


def _tree(root: type[DocmillError]) -> Iterator[type[DocmillError]]:
    yield root
    for branch in root.__subclasses__():
        yield from _tree(branch)


_ERRORS = {error.code: error for error in _tree(DocmillError)}
