"""Keeps the lease of the task in hand alive while a step computes longer than a lease should wait.

When a step does not return at all, it ends the process: nothing else can stop native code that hangs.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.db import tasks
from docmill.domain.errors import StepHung
from docmill.domain.limits import UNLIMITED, StepLimits
from docmill.logs import get_logger

log = get_logger(__name__)


class Heartbeat:
    """One thread a process, started with its first task. It renews only between steps that are long."""

    def __init__(self, engine: Engine, lease_seconds: float, limits: StepLimits = UNLIMITED) -> None:
        self._engine = engine
        self._lease_seconds = lease_seconds
        self._limits = limits
        self._pause_seconds = min([lease_seconds / 3, *(limit / 4 for limit in limits.hard.values())])
        self._step_began = self._renewed = 0.0
        self._claim: tasks.Claim | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, claim: tasks.Claim) -> Iterator[None]:
        """Renew this claim's lease until the block ends."""
        with self._lock:
            self._claim, self._step_began = claim, time.monotonic()
        self._start_once()
        try:
            yield
        finally:
            with self._lock:
                self._claim = None

    def begin_step(self) -> None:
        """Count the time of a step from now."""
        self._step_began = time.monotonic()

    def rest(self) -> None:
        """Count no time until the next step begins."""
        self._step_began = math.inf

    def step_seconds(self) -> float:
        """How long the step in work has taken so far."""
        return time.monotonic() - self._step_began

    def _start_once(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._pause_seconds):
            with self._lock:
                claim, seconds = self._claim, self.step_seconds()
            if claim is None:
                continue
            if seconds > self._limits.hard_of(claim.stage):
                self._end_process(claim, seconds)
            elif time.monotonic() - self._renewed > self._lease_seconds / 3 - self._pause_seconds:
                self._renew(claim)

    def _end_process(self, claim: tasks.Claim, seconds: float) -> None:
        """Recovery counts it as a death of this process, and tells of it what is noted here."""
        log.error("step_hung", task_id=str(claim.task_id), stage=claim.stage.value, seconds=round(seconds, 1))
        try:
            with self._engine.begin() as connection:
                tasks.blame(connection, claim, StepHung().as_row())
        except SQLAlchemyError as error:
            log.warning("reason_not_noted", reason=type(error).__name__)
        os.kill(os.getpid(), signal.SIGKILL)

    def _renew(self, claim: tasks.Claim) -> None:
        self._renewed = time.monotonic()
        try:
            with self._engine.begin() as connection:
                tasks.renew(connection, claim, self._lease_seconds)
        except SQLAlchemyError as error:
            log.warning("heartbeat_missed", reason=type(error).__name__)
