"""How a backlog weighs on those who look: a status and pages of lists with many in line ÷ with ten."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figures import Figure, at_most, info, median_ratio
from benchmarks.installation import as_environment, connected, eventually, temporary_home
from benchmarks.processes import running
from benchmarks.queued import queue_documents
from benchmarks.scale import Scale
from sqlalchemy import text

from docmill.db.migrate import upgrade
from docmill.local.addresses import choose_port
from docmill.local.product import api_url
from docmill.local.readiness import api_answers
from docmill.local.servers import start_postgres, start_redis

_FEW = 10
_GOAL = 1.2
_LOOKS = {
    "status": "/api/v1/documents/{document}/status",
    "documents": "/api/v1/documents?limit=10",
    "tasks": "/api/v1/admin/tasks?limit=10",
    "history": "/api/v1/documents/{document}/history",
}


def measure(scale: Scale) -> list[Figure]:
    """Two APIs over two databases, one with ten documents in line and one with many, asked in turns."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(_line_of(count)) for count in (_FEW, scale.backlog_documents))
        return [figure for name in _LOOKS for figure in _compared(name, few, many, scale)]


@dataclass(frozen=True, slots=True)
class Line:
    """An API whose documents all wait in line; `documents` are some of them, from all along the line."""

    connection: http.client.HTTPConnection
    key: str
    documents: list[str]

    def milliseconds(self, path: str) -> float:
        """How long one answer takes. Raises RuntimeError when it is not a good one."""
        started = time.perf_counter()
        self.connection.request("GET", path, headers={"X-API-Key": self.key})
        with self.connection.getresponse() as response:
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {body[:200]!r}")
        return (time.perf_counter() - started) * 1000


def _compared(name: str, few: Line, many: Line, scale: Scale) -> Iterator[Figure]:
    """The ratio of the medians of each run, the two taking turns request by request."""
    runs = [_run(_LOOKS[name], few, many, scale.backlog_requests) for _ in range(scale.repeat + 1)][1:]
    ours, theirs = zip(*runs, strict=True)
    yield at_most(f"backlog_{name}_p50_ratio", median_ratio(ours, theirs), _GOAL, f"{_FEW} in line")
    yield info(f"backlog_{name}_p50_ms", statistics.median(ours), statistics.median(theirs))


def _run(path: str, few: Line, many: Line, requests: int) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(requests):
        for line, spent in zip((many, few), times, strict=True):
            document = line.documents[number % len(line.documents)]
            spent.append(line.milliseconds(path.format(document=document)))
    return statistics.median(times[0]), statistics.median(times[1])


@contextmanager
def _line_of(count: int) -> Iterator[Line]:
    with temporary_home() as home, start_postgres(home) as cluster, start_redis(home) as broker_url:
        upgrade(cluster.url)
        with _api(home, cluster.url, broker_url, count) as line:
            yield line


@contextmanager
def _api(home: Path, database_url: str, broker_url: str, count: int) -> Iterator[Line]:
    port = choose_port(0, "DOCMILL_API_PORT")
    place = connected(home, database_url, broker_url, api_port=port)
    queue_documents(place.engine, count)
    with place.engine.begin() as connection:
        ids = connection.execute(text("SELECT id::text FROM documents ORDER BY created_at")).scalars().all()
    place.engine.dispose()
    assert place.settings.api_key is not None
    key = place.settings.api_key.get_secret_value()
    urls = {"home": home, "api_port": port, "database_url": database_url, "broker_url": broker_url}
    with running(["docmill", "api"], as_environment({**urls, "api_key": key}), home / "api.log"):
        eventually(lambda: api_answers(api_url(place.settings)), 60.0)
        where = urlsplit(api_url(place.settings))
        connection_to_api = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        yield Line(connection_to_api, key, list(ids[:: max(1, count // 97)]))
