"""Search beside its floor: embedding the question and running the same SQL with nothing around it."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from benchmarks.figures import Figure, at_most, info, percentile
from benchmarks.installation import TENANT, Installation, product
from benchmarks.scale import Scale
from benchmarks.words import Writer
from pgvector.psycopg import register_vector
from sqlalchemy import Engine, event

from docmill.bootstrap import App, make_app
from docmill.cli.client import Client
from docmill.local.readiness import conninfo
from docmill.ports import Embedder, Filter
from docmill.services.search import Mode

_FILE_WORDS = 32_000
_FILE_CHUNKS = 200  # about what so many words make
_WARM_UP = 20
_WHERE = Filter(tenant=TENANT)

Statements = list[tuple[str, Any]]


def measure(scale: Scale) -> list[Figure]:
    """p50 and p99 of a search ÷ its floor, over distinct questions; and milliseconds through HTTP."""
    with product(worker_processes=2) as installation, tempfile.TemporaryDirectory() as folder:
        files = list(_texts(Path(folder), scale.search_chunks))
        chunks = installation.ingest(files, "search").chunks
        app = make_app(installation.settings)
        questions = _questions()
        hybrid = _Pair(app, "hybrid", questions)
        hybrid.alternate(_WARM_UP)
        rounds = [hybrid.alternate(scale.questions) for _ in range(scale.repeat)]
        figures = _ratios("search", rounds, f"{chunks:,.0f} chunks")
        for mode in ("dense", "lexical"):
            figures += _alone(app, mode, questions, scale.questions)
        figures += _through_http(installation, questions, scale.questions)
        app.engine.dispose()
    return figures


def _texts(folder: Path, chunks: int) -> Iterator[Path]:
    for number in range(max(1, chunks // _FILE_CHUNKS)):
        path = folder / f"{number}.txt"
        path.write_text(Writer(1_000_000 + number).text(_FILE_WORDS), encoding="utf-8")
        yield path


def _questions() -> Iterator[str]:
    """Questions that never come twice."""
    asked = set()
    for seed in itertools.count(2_000_000):
        question = Writer(seed).question()
        if question not in asked:
            asked.add(question)
            yield question


@dataclass(frozen=True, slots=True)
class Round:
    """Milliseconds of the same questions, through Search and by the floor."""

    ours: list[float]
    floor: list[float]

    def ratio(self, share: float) -> float:
        """How much more ours takes at this percentile."""
        return percentile(self.ours, share) / percentile(self.floor, share)


class _Pair:
    """A search and its floor, taking turns to go first."""

    def __init__(self, app: App, mode: Mode, questions: Iterator[str]) -> None:
        self._app = app
        self._mode = mode
        self._questions = questions
        self._floor = _Floor(app.engine, app.embedder, embeds=mode != "lexical")

    def alternate(self, count: int) -> Round:
        """Ask so many new questions both ways."""
        both = Round([], [])
        for number, question in enumerate(itertools.islice(self._questions, count)):
            statements = self._floor.record(partial(self._search, question))
            ours = both.ours, partial(self._search, question)
            floor = both.floor, partial(self._floor.run, question, statements)
            for times, way in (ours, floor) if number % 2 else (floor, ours):
                times.append(_milliseconds(way))
        return both

    def _search(self, question: str) -> None:
        self._app.search.search(question, where=_WHERE, mode=self._mode)


class _Floor:
    """What a search cannot do without: one call of the model, and the SQL on one open connection."""

    def __init__(self, engine: Engine, embedder: Embedder, *, embeds: bool) -> None:
        self._engine, self._embedder, self._embeds = engine, embedder, embeds
        self._connection = psycopg.connect(conninfo(engine.url.render_as_string(hide_password=False)))
        self._connection.prepare_threshold = 1
        register_vector(self._connection)

    def record(self, search: Callable[[], None]) -> Statements:
        """The SQL of one search, with its values."""
        statements: Statements = []

        def note(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
            statements.append((statement, values))

        event.listen(self._engine, "before_cursor_execute", note)
        search()
        event.remove(self._engine, "before_cursor_execute", note)
        return statements

    def run(self, question: str, statements: Statements) -> None:
        """The same, bare."""
        if self._embeds:
            self._embedder.embed([question])
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for statement, values in statements:
                cursor.execute(statement, values).fetchall()


def _milliseconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return (time.perf_counter() - started) * 1000


def _ratios(name: str, rounds: Sequence[Round], where: str) -> list[Figure]:
    figures = []
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        ours, floor = (
            statistics.median(percentile(times, share) for times in side)
            for side in ([one.ours for one in rounds], [one.floor for one in rounds])
        )
        ratio = statistics.median(one.ratio(share) for one in rounds)
        figures += [
            at_most(f"{name}_{label}_ratio", ratio, 1.3, f"embedding + the same SQL, {where}"),
            info(f"{name}_{label}_ms", ours, floor),
        ]
    return figures


def _alone(app: App, mode: Mode, questions: Iterator[str], count: int) -> list[Figure]:
    pair = _Pair(app, mode, questions)
    pair.alternate(_WARM_UP)
    one = pair.alternate(count)
    return [
        info(f"search_{mode}_{label}_ms", percentile(one.ours, share), percentile(one.floor, share))
        for label, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _through_http(installation: Installation, questions: Iterator[str], count: int) -> list[Figure]:
    """Hybrid search by the API, one question after the other."""
    key = installation.settings.api_key
    assert key is not None
    with Client(installation.state.api_url, key.get_secret_value()) as client:
        asked = list(itertools.islice(questions, _WARM_UP + count))
        times = [_milliseconds(partial(client.search, question)) for question in asked]
    kept = times[_WARM_UP:]
    return [
        info(f"search_http_{label}_ms", percentile(kept, s)) for label, s in (("p50", 0.5), ("p99", 0.99))
    ]
