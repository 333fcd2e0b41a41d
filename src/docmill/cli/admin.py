"""Commands that tell what goes on: tasks, workers, queues, and the log of a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_json, print_json_line, printable, stdout
from docmill.cli.documents import Document, id_of
from docmill.domain.states import StageName, TaskStatus

if TYPE_CHECKING:
    from docmill.cli.client import Json


class Level(StrEnum):
    """Levels of log lines, the least first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]


def tasks(
    status: Annotated[TaskStatus | None, typer.Option(help="What it is called outside.")] = None,
    stage: Annotated[StageName | None, typer.Option(help="Where it stands.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Of this dataset.")] = None,
    document: Annotated[str | None, typer.Option(metavar="ID", help="Of this document.")] = None,
    worker: Annotated[
        str | None, typer.Option(metavar="ID", help="What this worker or owner has in hand.")
    ] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Made at least so many seconds ago.")
    ] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON line a task.")] = False,
) -> None:
    """List tasks, the newest first: what each document's processing is and who has it in hand."""
    filters = {
        "task_status": status,
        "stage": stage,
        "dataset": dataset,
        "document": document,
        "worker": worker,
        "older_than": older_than,
        "order": "oldest" if oldest else None,
    }
    with connect() as client:
        found = list(islice(client.pages("/admin/tasks", **filters), limit))
    if jsonl:
        for task in found:
            print_json_line(task)
    else:
        _print_tasks(found)


def workers(as_json: AsJson = False) -> None:
    """List the workers, their processes, and the document each works on."""
    with connect() as client:
        found = client.get("/admin/workers")["items"]
    if as_json:
        print_json(found)
    else:
        _print_workers(found)


def queues(as_json: AsJson = False) -> None:
    """List the queues: what waits in each, since when, and how fast it moves."""
    with connect() as client:
        found = client.get("/admin/queues")["items"]
    if as_json:
        print_json(found)
    else:
        _print_queues(found)


def logs(
    document: Document,
    level: Annotated[Level, typer.Option(help="The least level shown.")] = Level.DEBUG,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON line a log line.")] = False,
) -> None:
    """Show what was logged about a document, the oldest line first."""
    with connect() as client:
        for line in client.pages(f"/documents/{id_of(client, document)}/logs", level=level):
            if jsonl:
                print_json_line(line)
            else:
                typer.echo(_log_line(line))


def _log_line(line: Json) -> str:
    facts = " ".join(f"{name}={value}" for name, value in line["data"].items())
    words = f"{_time(line['at'])}  {line['level']:<8} {line['stage'] or '':<8} {line['event']}  {facts}"
    return printable(words.rstrip())


def _print_tasks(found: list[Json]) -> None:
    _print_table(
        ("task", "document", "dataset", "status", "stage", "since", "worked on by"),
        (
            (
                task["id"],
                task["document"],
                task["dataset"],
                task["task_status"],
                task["current_stage"],
                _time(task["updated_at"]),
                _process(task["owner"]),
            )
            for task in found
        ),
    )


def _print_workers(found: list[Json]) -> None:
    _print_table(
        ("worker", "alive", "last seen", "queues", "process", "works on", "stage", "since"),
        (row for worker in found for row in _rows_of_worker(worker)),
    )


def _rows_of_worker(worker: Json) -> Iterator[Sequence[str]]:
    """A row for each process, the worker's own facts in the first one."""
    host, _, pid = worker["id"].rpartition("/")
    name = f"{host.partition(':')[0]}/{pid}"
    facts = (name, "yes" if worker["alive"] else "no", _time(worker["seen_at"]), " ".join(worker["queues"]))
    idle: Json = {"pid": "", "busy": False}
    for number, process in enumerate(worker["processes"] or [idle]):
        what = (process["document"] or "another tenant's document") if process["busy"] else ""
        work = (process["stage"], _time(process["since"])) if process["busy"] else ("", "")
        yield (*(facts if number == 0 else ("",) * len(facts)), str(process["pid"]), what, *work)


def _print_queues(found: list[Json]) -> None:
    names = ("messages", "runnable", "held", "retrying", "running", "per_minute", "workers")
    _print_table(
        ("queue", *(name.replace("_", " ") for name in names), "oldest since"),
        (
            (queue["name"], *(_number(queue[name]) for name in names), _time(queue["oldest_since"]))
            for queue in found
        ),
    )


def _print_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*names, box=box.SIMPLE)
    for row in rows:
        table.add_row(*map(plain, row))
    stdout().print(table)


def _process(owner: str | None) -> str:
    """host/pid of an owner, without what makes it unique over restarts."""
    if owner is None:
        return ""
    host, pid, _ = owner.rsplit("/", 2)
    return f"{host.partition(':')[0]}/{pid}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,}"


def _time(when: str | None) -> str:
    """The API's time to the second."""
    return when[:19].replace("T", " ") if when else ""
