"""How an `ingest` is shown while it runs: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from docmill.cli.client import Json
from docmill.cli.console import printable, stderr
from docmill.cli.uploads import Outcome
from docmill.domain.states import TaskStatus

# Lines of the terminal that are left to the prompt, the count and the documents in work.
RESERVED_LINES = 12
NAME_WIDTH = 36
_COLOURS = {"published": "green", "unchanged": "cyan", "accepted": "cyan", "failed": "red", "refused": "red"}


class Bars:
    """One bar for each document in work; finished ones stay while there is room, else only their count."""

    def __init__(self, total: int) -> None:
        console = stderr()
        self._keep = total <= console.height - RESERVED_LINES
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(width=NAME_WIDTH, no_wrap=True)),
            TextColumn("{task.fields[stage]}", table_column=Column(width=10)),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[right]}"),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._all = self._progress.add_task("", total=total, stage="", right="", visible=total > 0)
        self._total = total
        self._sent = 0
        self._finished = 0
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._count()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None
    ) -> None:
        self._progress.stop()

    def sent(self) -> None:
        """Count it."""
        self._sent += 1
        self._count()

    def found(self, count: int) -> None:
        """Expect so many more."""
        self._total += count
        self._sent += count
        self._progress.update(self._all, total=self._total)
        self._count()

    def moved(self, file: str, status: Json) -> None:
        """Move its bar, which appears with its first step."""
        percent = float(status["percent_complete"])
        right = f"{percent:3.0f} %{_time_left(status['eta_seconds'])}"
        stage = "waiting" if status["task_status"] == TaskStatus.PENDING else status["current_stage"]
        self._progress.update(self._bar(file), completed=percent, stage=stage, right=right)

    def finished(self, outcome: Outcome) -> None:
        """Close its bar and count it."""
        self._finished += 1
        self._count()
        if self._keep:
            stage = f"[{_COLOURS[outcome.outcome]}]{outcome.outcome}[/]"
            self._progress.update(self._bar(outcome.file), completed=100, stage=stage, right=_counts(outcome))
        elif outcome.file in self._bars:
            self._progress.remove_task(self._bars.pop(outcome.file))

    def _bar(self, file: str) -> TaskID:
        if file not in self._bars:
            name = escape(_shortened(printable(Path(file).name)))
            self._bars[file] = self._progress.add_task(name, total=100, stage="", right="")
        return self._bars[file]

    def _count(self) -> None:
        text = f"{self._finished:,} of {self._total:,} documents"
        waiting = f"{self._sent - self._finished:,} in work"
        self._progress.update(self._all, completed=self._finished, description=text, right=waiting)


class Lines:
    """One plain line for each finished document."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._finished = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None
    ) -> None:
        """Nothing is left open."""

    def sent(self) -> None:
        """Not worth a line."""

    def found(self, count: int) -> None:
        """Expect so many more."""
        self._total += count

    def moved(self, file: str, status: Json) -> None:
        """Not worth a line."""

    def finished(self, outcome: Outcome) -> None:
        """Say so."""
        self._finished += 1
        place = f"{self._finished}/{self._total}"
        text = f"{place} {outcome.outcome} {outcome.file}: {outcome.reason or _counts(outcome)}"
        stderr().print(printable(text), markup=False, soft_wrap=True)


def _counts(outcome: Outcome) -> str:
    """What it came to, short enough to stand beside a bar."""
    if outcome.code:
        return outcome.code
    counts = ((outcome.pages, "page"), (outcome.chunks, "chunk"))
    parts = [f"{n:,} {word if n == 1 else word + 's'}" for n, word in counts if n is not None]
    return ", ".join([*parts, f"{outcome.seconds:.1f} s"])


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    return f" · {minutes} min {rest:02} s left" if minutes else f" · {rest} s left"


def _shortened(name: str) -> str:
    """A long name keeps its beginning and its extension."""
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 9]}…{name[-8:]}"
