"""Keeps parts running: starts them in order, restarts what ends, stops all of them in reverse order."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docmill.domain.errors import SetupError
from docmill.local.forks import Fork
from docmill.local.health import watching_health
from docmill.local.process import Part, Process, describe_end, stop_together
from docmill.local.signals import StopSignals
from docmill.local.state import RunningPart
from docmill.local.terminal import Say

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_HEALTHY_AFTER = 20.0  # seconds of running that make an end a new story
_LOOK_EVERY = 0.5  # seconds; the end of a child wakes us sooner


class StopAsked(BaseException):
    """Somebody wants the product to stop while it is still starting. Not an error."""


def next_delay(last: float, ran: float, code: int | None = None) -> float:
    """Seconds to wait before a restart: half a second, then twice the `last`, up to half a minute.

    What ended with EX_TEMPFAIL wants nothing but a new start, and found that out while it ran well.
    """
    if ran >= _HEALTHY_AFTER or last == 0.0 or code == os.EX_TEMPFAIL:
        return _FIRST_DELAY
    return min(last * 2, _LONGEST_DELAY)


@dataclass
class Kept:
    """A part, its latest process, and when the next one is due."""

    process: Process
    delay: float = 0.0
    due: float | None = None


class Supervisor:
    """Owns the process tree. For the main thread only: a child is tied to the thread that starts it."""

    def __init__(self, logs: Path, say: Say, signals: StopSignals) -> None:
        self._logs = logs
        self._say = say
        self._signals = signals
        self._elsewhere: list[RunningPart] = []
        self._steps: list[list[Kept]] = []

    def note(self, part: RunningPart) -> None:
        """Remember a part that runs elsewhere, for the list of all."""
        self._elsewhere.append(part)

    @property
    def running(self) -> tuple[RunningPart, ...]:
        """The parts elsewhere, then ours in the order of their start, with the processes they have now."""
        ours = (RunningPart(one.part.name, one.pid, one.part.address) for one in self._processes())
        return (*self._elsewhere, *ours)

    def start(self, *parts: Part) -> None:
        """Start parts that do not need each other, and wait for all. Raises SetupError, StopAsked."""
        self.wait_for(self.begin(*parts))

    def begin(self, *parts: Part) -> list[Kept]:
        """Start parts; somebody has to wait for them. Raises SetupError."""
        step: list[Kept] = []
        self._steps.append(step)
        for part in parts:
            step.append(Kept(_process(part, self._logs)))  # noqa: PERF401 - known even if the next one fails
        return step

    def wait_for(self, step: list[Kept]) -> None:
        """Wait until all of them are ready. Raises SetupError, StopAsked."""
        waiting = step
        while waiting := [kept for kept in waiting if not kept.process.is_ready]:
            self._signals.wait(0.05)
            if self._signals.asked:
                raise StopAsked
            self._check(step, waiting)

    def _check(self, step: list[Kept], waiting: list[Kept]) -> None:
        """Raise SetupError when a part has ended, or takes too long."""
        for process in (kept.process for kept in step):
            if process.exit_code is not None:
                process.finish()
                end = f"{process.part.name} {describe_end(process.exit_code)} while starting"
                raise SetupError(f"{end}: {process.last_line}. {_log_hint(process.part)}")
        for process in (kept.process for kept in waiting):
            if time.monotonic() - process.began > process.part.patience:
                raise SetupError(f"{process.part.name} was not ready in time. {_log_hint(process.part)}")

    def watch(self, changed: Callable[[], object]) -> None:
        """Restart what ends, with growing delays, until asked to stop; calls `changed` after each restart.

        A machine without a free process or byte does not end the watch: the restart is tried again later.
        What runs and does not do its work is ended, and so started again.
        """
        with watching_health(self._processes, self._say):
            while not self._signals.asked:
                for kept in self._kept():
                    self._look_after(kept, changed)
                self._signals.wait(_LOOK_EVERY, self._forks())

    def _forks(self) -> list[Fork]:
        """Those that run as far as we know."""
        running = [kept.process for kept in self._kept() if kept.due is None]
        return [process.fork for process in running if process.fork is not None]

    def _processes(self) -> list[Process]:
        return [kept.process for kept in self._kept()]

    def _kept(self) -> list[Kept]:
        return [kept for step in self._steps for kept in step]

    def _look_after(self, kept: Kept, changed: Callable[[], object]) -> None:
        now = time.monotonic()
        if kept.process.exit_code is None:
            return
        if kept.due is None:
            self._plan(kept, now - kept.process.began, kept.process.exit_code)
        elif now >= kept.due and kept.process.part.can_start():
            self._start_again(kept, changed)

    def _plan(self, kept: Kept, ran: float, code: int | None, why: str | None = None) -> None:
        part, what = kept.process.part, why or describe_end(code)
        kept.delay = next_delay(kept.delay, ran, code)
        kept.due = time.monotonic() + kept.delay
        self._say(f"{part.name} {what}; it is started again in {kept.delay:g} s. {_log_hint(part)}")

    def _start_again(self, kept: Kept, changed: Callable[[], object]) -> None:
        part = kept.process.part
        try:
            kept.process, kept.due = Process(part, self._logs), None
        except OSError as error:
            self._plan(kept, 0.0, None, f"could not be started: {error.strerror}")
            return
        self._say(f"{part.name} is started again (process {kept.process.pid}).")
        try:
            changed()
        except OSError as error:
            self._say(f"The change could not be written down: {error.strerror}.")

    def stop(self) -> None:
        """Stop everything, the last started first. Returns when nothing runs."""
        for step in reversed(self._steps):
            stop_together([kept.process for kept in reversed(step)])


def _process(part: Part, logs: Path) -> Process:
    try:
        return Process(part, logs)
    except OSError as error:
        raise SetupError(f"{part.name} could not be started: {error.strerror}.") from error


def _log_hint(part: Part) -> str:
    return f"See logs/{part.name}.log in the data directory."
