"""A program that dies where it is told to: after any statement or commit, around any message or store write.

`python -m tests.crashing` reads one order a line (JSON). "open" names an installation. The first order there
it does itself, so that what this loads and compiles is there for all others, and it forks a child for each
of these. A child counts the points it passes and ends itself with `os._exit` at number `die_at`. What it
does it says through a pipe at once, so its last words arrive also when it dies.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn, Self
from uuid import UUID

import psycopg
from pydantic import SecretStr
from sqlalchemy import event

from docmill.adapters.ocr.languages import LanguageData, code_of
from docmill.adapters.ocr.recognise import recognise
from docmill.adapters.readers.registry import reader_for
from docmill.bootstrap import App, make_app, make_recovery, make_stages
from docmill.domain.documents import Part, ReadInfo, Unpacking
from docmill.domain.ids import VersionRef
from docmill.domain.recognition import Recognised, Wish
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.logs import configure_logs
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.ports import ReadRequest, VectorStore
from docmill.services.intake import Arrival, Intake
from docmill.services.maintenance import discard_versions
from docmill.settings import Settings, load_settings
from docmill.stages.contract import Stage, Step, Work
from tests.pipelines import OneByOne

DIED = 9
SMALL_BYTES = 100_000  # a file of this size passes all stages in one go
_BLOCKS_A_PART = 12
_STATEMENT = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) \w+|SELECT")

Words = dict[str, Any]


@dataclass
class Points:
    """The points passed so far; `where` says in which step of which stage."""

    die_at: int | None
    pipe: int
    passed: int = 0
    where: str = "before the first step"

    def reach(self, what: str) -> None:
        """A point: the process may end here."""
        self.say(point=f"{self.where}: {what}")
        if self.passed == self.die_at:
            os._exit(DIED)
        self.passed += 1

    def say(self, **words: object) -> None:
        os.write(self.pipe, json.dumps(words).encode() + b"\n")

    def watch(self, app: App) -> None:
        """Make a point of each statement and commit. One before a commit is the last statement's own."""
        commit = app.engine.dialect.do_commit

        def commit_and_tell(connection: Any) -> None:
            commit(connection)
            self.reach("committed")

        def connected(connection: psycopg.Connection[Any], _record: object) -> None:
            connection.cursor_factory = cursor_telling(self)

        setattr(app.engine.dialect, "do_commit", commit_and_tell)  # noqa: B010
        event.listen(app.engine, "connect", connected)

    def after_statement(self, statement: str) -> None:
        """A point behind a statement, whoever had the driver execute it."""
        found = _STATEMENT.search(statement)
        self.reach(f"{found[0] if found else statement[:20]} executed")


def cursor_telling(points: Points) -> type[psycopg.Cursor[Any]]:
    """A cursor that makes a point of each statement."""

    class Telling(psycopg.Cursor[Any]):
        def execute(self, query: Any, *values: Any, **options: Any) -> Self:
            super().execute(query, *values, **options)
            points.after_statement(query if isinstance(query, str) else query.as_string())
            return self

    return Telling


@dataclass
class Messages(OneByOne):
    """The broker's place: keeps what was sent for whoever takes it."""

    points: Points
    kept: list[tuple[StageName, UUID]] = field(default_factory=list)

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        self.points.reach("about to send")
        self.kept.append((stage, task_id))
        self.points.say(sent=[stage, str(task_id)])
        self.points.reach("sent")
        return True

    def waiting(self, queue: str) -> int | None:
        return 0


class Pointed:
    """A store with a point before and after each call of these methods."""

    def __init__(self, inner: object, points: Points, *methods: str) -> None:
        self._inner = inner
        self._points = points
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        return partial(self._pointed, name, call) if name in self._methods else call

    def _pointed(self, name: str, call: Callable[..., Any], *values: Any) -> Any:
        self._points.reach(f"about to {name}")
        answer = call(*values)
        self._points.reach(f"{name} done")
        return answer


class Elsewhere:
    """A vector store that is sent its entries, as one on another machine is."""

    def __init__(self, inner: VectorStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def copied(self, _model: str, _version: VersionRef, _start: int, _end: int) -> None:
        return None


class Here:
    """Reads in this process, in parts small enough that a short document has several."""

    def read(self, request: ReadRequest) -> Iterator[ReadInfo | Part]:
        with tempfile.TemporaryDirectory() as folder:
            unpacking = Unpacking(folder, request.name, 5 - request.depth)
            reader = reader_for(request.media_type, unpacking=unpacking)
            for item in reader.read(request.path, request.media_type):
                if isinstance(item, ReadInfo):
                    yield item
                elif item.attachments:
                    found = (
                        replace(each, path=each.path and f"{folder}/{each.path}") for each in item.attachments
                    )
                    yield replace(item, attachments=tuple(found))
                else:
                    yield from _portions(item)

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """There is nothing to close."""


class Eyes:
    """Recognises in this process too: to start a child takes a second, and each life would need its own."""

    def __init__(self) -> None:
        self._data = LanguageData(None)

    def recognise(self, path: Path, media_type: str, wish: Wish) -> Recognised:
        return recognise(path, media_type, wish, self._data)

    def can_read(self, language: str) -> bool:
        return self._data.has(code_of(language) or "")

    def close(self) -> None:
        """There is nothing to close."""


def _portions(part: Part) -> Iterator[Part]:
    for start in range(0, len(part.blocks) or 1, _BLOCKS_A_PART):  # a picture has pages and no block
        pages = () if start else part.pages
        yield replace(part, blocks=part.blocks[start : start + _BLOCKS_A_PART], pages=pages)


@dataclass
class Told:
    """A stage that says each step it has computed."""

    stage: Stage
    points: Points

    @property
    def name(self) -> StageName:
        return self.stage.name

    def run(self, work: Work) -> Iterator[Step]:
        self.points.where = f"{self.name}, step 1"
        for number, step in enumerate(self.stage.run(work), 2):
            self.points.say(computed=self.name)
            self.points.reach("computed")
            yield step
            self.points.where = f"{self.name}, step {number}"


def settings_of(home: Path, database_url: str) -> Settings:
    """An installation whose steps are as short as can be."""
    return load_settings(
        home=home,
        database_url=SecretStr(database_url),
        broker_url=SecretStr("redis://127.0.0.1:9/0"),
        embedder="hashing",
        step_seconds=1e-6,
    )


def _carry(app: App, points: Points, messages: Messages, order: Words) -> None:
    """A worker: takes a message, and then what it sends itself."""
    app = replace(app, dispatcher=messages)  # type: ignore[arg-type]
    stages = {name: Told(stage, points) for name, stage in make_stages(app, Here(), Eyes()).items()}
    settings = RunnerSettings(queues=frozenset(QUEUE_OF_STAGE.values()))
    runner = Runner(app.engine, stages, messages, settings, lambda: False)
    messages.kept.append((StageName(order["stage"]), UUID(order["task"])))
    while messages.kept:
        stage, task = messages.kept.pop(0)
        runner.run(task, stage)


def _accept(app: App, _points: Points, messages: Messages, order: Words) -> None:
    """The API with an upload that has arrived."""
    intake = Intake(app.engine, app.storage, messages, max_file_bytes=10**7, run_on_bytes=SMALL_BYTES)
    arrival = Arrival(
        Path(order["path"]), "note.md", order["size_bytes"], order["sha256"], dataset=order["dataset"]
    )
    intake.accept("default", arrival)


def _recover(app: App, _points: Points, messages: Messages, _order: Words) -> None:
    make_recovery(replace(app, dispatcher=messages)).sweep()  # type: ignore[arg-type]


def _keep_house(app: App, _points: Points, _messages: Messages, _order: Words) -> None:
    discard_versions(app.engine, app.vectors)


JOBS: Mapping[str, Callable[[App, Points, Messages, Words], None]] = {
    "carry": _carry,
    "accept": _accept,
    "recover": _recover,
    "keep house": _keep_house,
}


def _child(app: App, order: Words, pipe: int) -> None:
    points = Points(order["die_at"], pipe)
    points.watch(app)
    vectors = Elsewhere(app.vectors) if order["elsewhere"] else app.vectors
    app = replace(
        app,
        storage=Pointed(app.storage, points, "put"),
        vectors=Pointed(vectors, points, "upsert", "discard"),
    )
    JOBS[order["job"]](app, points, Messages(points), order)


def _live(app: App, order: Words, pipe: int) -> NoReturn:
    """A child's life: 1 is the exit code of an error nobody expected."""
    code = 1
    try:
        _child(app, order, pipe)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _fork(app: App, order: Words) -> Words:
    """Run an order in a child; its exit code, and everything it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(app, order, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as words:
        said = [json.loads(line) for line in words]
    return {"exit": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "said": said}


def _warm_up(app: App, order: Words) -> Words:
    """Do an order in this process, which dies nowhere and says nothing; children find no connection."""
    with open(os.devnull, "wb") as nobody:
        points = Points(None, nobody.fileno())
        JOBS[order["job"]](app, points, Messages(points), order)
    app.engine.dispose()
    gc.freeze()  # what is never looked through again is never copied by a child
    return {"exit": 0, "said": []}


def main(orders: IO[str], answers: IO[str]) -> None:
    """Answer each order with what became of it."""
    configure_logs("ERROR", "json")
    os.environ["OMP_THREAD_LIMIT"] = "1"  # as in the recognising child: with threads a fork would hang
    do: Callable[[Words], Words]
    for line in orders:
        order = json.loads(line)
        if order["job"] == "open":
            app = make_app(settings_of(Path(order["home"]), order["url"]))
            do, answer = partial(_warm_up, app), {"exit": 0, "said": []}
        else:
            answer, do = do(order), partial(_fork, app)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
