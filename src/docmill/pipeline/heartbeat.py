"""Keeps the lease of the task in hand alive while a step computes longer than a lease should wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from docmill.db import tasks
from docmill.logs import get_logger

log = get_logger(__name__)


class Heartbeat:
    """One thread a process, started with its first task. It renews only between steps that are long."""

    def __init__(self, engine: Engine, lease_seconds: float) -> None:
        self._engine = engine
        self._lease_seconds = lease_seconds
        self._claim: tasks.Claim | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, claim: tasks.Claim) -> Iterator[None]:
        """Renew this claim's lease until the block ends."""
        with self._lock:
            self._claim = claim
        self._start_once()
        try:
            yield
        finally:
            with self._lock:
                self._claim = None

    def _start_once(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._lease_seconds / 3):
            with self._lock:
                claim = self._claim
            if claim is not None:
                self._renew(claim)

    def _renew(self, claim: tasks.Claim) -> None:
        try:
            with self._engine.begin() as connection:
                tasks.renew(connection, claim, self._lease_seconds)
        except SQLAlchemyError as error:
            log.warning("heartbeat_missed", reason=type(error).__name__)
