"""A thread that does one thing again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from docmill.logs import get_logger

log = get_logger(__name__)


class Turns:
    """Calls `turn` at once and then every `seconds`; a turn that fails is logged and the next one comes."""

    def __init__(
        self,
        name: str,
        seconds: float,
        turn: Callable[[], object],
        after_the_last: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._turn = turn
        self._after_the_last = after_the_last
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first turn."""
        self._thread.start()

    def stop(self) -> None:
        """Make the present turn the last one. Waits for nothing: a signal handler may call it."""
        self._stop.set()

    def _run(self) -> None:
        self._try_turn()
        while not self._stop.wait(self._seconds):
            self._try_turn()
        self._after_the_last()

    def _try_turn(self) -> None:
        try:
            self._turn()
        except Exception as error:  # noqa: BLE001 - nobody else does this work: the thread must not end
            log.warning("turn_missed", of=self._name, reason=type(error).__name__)
