"""How long a caller waits: for the 202 of an upload under load, and for a page to be published."""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks.figures import Figure, at_most, info, percentile
from benchmarks.installation import (
    Installation,
    as_environment,
    connected,
    eventually,
    product,
    temporary_home,
)
from benchmarks.processes import running
from benchmarks.scale import Scale
from benchmarks.words import Writer

from docmill.db.migrate import upgrade
from docmill.local.addresses import choose_port
from docmill.local.product import api, api_url
from docmill.local.readiness import api_process_answers
from docmill.local.servers import start_postgres, start_redis

_CALLERS = 20
_SIZE = 1_000_000
_BOUNDARY = "docmill-bench"
_LINE = b"The ferry leaves when the tide allows it and not before, whatever the table says.\n"


def measure(scale: Scale) -> list[Figure]:
    """p99 of the answer to a 1 MB upload at 20 callers; p50 from upload to published, one at a time."""
    return [*_uploads(scale), *_idle(scale)]


@dataclass(frozen=True, slots=True)
class Caller:
    """One connection to the API, as cheap as a client can be: what is measured is the other end."""

    connection: http.client.HTTPConnection
    key: str

    @classmethod
    def of(cls, url: str, key: str) -> Caller:
        """A caller of the API at this address."""
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        connection.connect()
        return cls(connection, key)

    def upload(self, name: str, *content: bytes) -> str:
        """Send a file; returns where its status is. Raises RuntimeError when it is not new."""
        body = (_part(name), *content, f"\r\n--{_BOUNDARY}--\r\n".encode())
        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(sum(map(len, body))),
        }
        status, answer = self._ask("POST", "/api/v1/documents", body, headers)
        if status != 202:
            raise RuntimeError(f"upload answered {status}: {answer}")
        return str(answer["status_url"])

    def status(self, url: str) -> str:
        """The status of a task."""
        return str(self.shown(url)["task_status"])

    def shown(self, url: str) -> dict[str, object]:
        """All that is shown of a task."""
        return self._ask("GET", url)[1]

    def say(self, verb: str, document: str) -> str | None:
        """Steer a document; returns its status as the answer tells it, None where it was refused."""
        code, answer = self._ask("POST", f"/api/v1/documents/{document}/{verb}")
        return str(answer["task_status"]) if code == 200 else None

    def _ask(
        self,
        method: str,
        path: str,
        body: Sequence[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, object]]:
        self.connection.request(method, path, body, {"X-API-Key": self.key, **(headers or {})})
        with self.connection.getresponse() as response:
            return response.status, json.loads(response.read())


def _part(name: str) -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain'
    return f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode()


def _uploads(scale: Scale) -> list[Figure]:
    """The API without workers: the answer does not wait for them, and one machine has no cores for both."""
    with only_the_api() as (installation, _):
        _burst(installation, 3 * _CALLERS)
        bursts = [_burst(installation, scale.uploads) for _ in range(scale.repeat)]
    p50, p99 = (statistics.median(percentile(times, share) for times, _ in bursts) for share in (0.5, 0.99))
    rate = statistics.median(len(times) / seconds for times, seconds in bursts)
    return [
        at_most("upload_202_p99_ms", p99, 100, f"{rate:.0f} MB/s"),
        info("upload_202_p50_ms", p50),
    ]


@contextmanager
def only_the_api() -> Iterator[tuple[Installation, list[int]]]:
    """PostgreSQL, Redis and the API as `docmill up` starts it, without workers; and its process ids."""
    with temporary_home() as home, start_postgres(home) as cluster, start_redis(home) as broker_url:
        upgrade(cluster.url)
        port = choose_port(0, "DOCMILL_API_PORT")
        place = connected(home, cluster.url, broker_url, api_port=port)
        urls = {"home": home, "api_port": port, "database_url": cluster.url, "broker_url": broker_url}
        key = place.settings.api_key
        assert key is not None
        environment = as_environment({**urls, "api_key": key.get_secret_value()})
        with ExitStack() as stack:
            apis = [
                running(part.command[2:], environment, home / f"{part.name}.log")
                for part in api(place.settings)
            ]
            started = [stack.enter_context(one).pid for one in apis]
            eventually(lambda: all(map(api_process_answers, started)), 60.0)
            yield place, started
        place.engine.dispose()


def _burst(place: Installation, uploads: int) -> tuple[list[float], float]:
    """Milliseconds of each upload by 20 callers who never rest, and the seconds all of it took."""
    numbers = itertools.count()
    lines = _LINE * (_SIZE // len(_LINE))

    def call() -> list[float]:
        caller = caller_of(place, api_url(place.settings))
        times = []
        while next(numbers) < uploads:
            times.append(_milliseconds_of_upload(caller, lines))
        caller.connection.close()
        return times

    started = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as pool:
        calls = [pool.submit(call) for _ in range(_CALLERS)]
        times = [milliseconds for made in calls for milliseconds in made.result()]
    return times, time.perf_counter() - started


def _milliseconds_of_upload(caller: Caller, lines: bytes) -> float:
    own = f"{uuid4()}\n".encode()
    started = time.perf_counter()
    caller.upload(f"{own[:8].decode()}.txt", own, lines)
    return (time.perf_counter() - started) * 1000


def caller_of(place: Installation, url: str) -> Caller:
    """A caller with the key of this installation."""
    assert place.settings.api_key is not None
    return Caller.of(url, place.settings.api_key.get_secret_value())


def _idle(scale: Scale) -> list[Figure]:
    """The whole product with nothing else to do: one page at a time, until its status says SUCCESS."""
    with product(worker_processes=2) as installation:
        caller = caller_of(installation, installation.state.api_url)
        seconds = [_published_after(caller, number) for number in range(scale.idle_documents + 2)][2:]
    ended = f"{len(seconds)} documents"
    return [
        at_most("one_page_published_p50_s", percentile(seconds, 0.5), 1.0, ended),
        info("one_page_published_p99_s", percentile(seconds, 0.99), ended),
    ]


def _published_after(caller: Caller, number: int) -> float:
    page = Writer(3_000_000 + number).text(380).encode()
    started = time.perf_counter()
    url = caller.upload(f"page-{number}.txt", page)
    eventually(lambda: caller.status(url) == "SUCCESS", 30.0, pause=0.01)
    return time.perf_counter() - started
