"""Signals as facts to look at: has somebody asked us to stop, and a sleep that a signal cuts short."""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self

from docmill.local.forks import Fork

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Within the `with` block the stop signals only set `asked`; the handlers take no lock."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._old_descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old_handlers = {number: signal.signal(number, self._ask) for number in _STOPS}
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_descriptor)
        self._reader.close()
        self._writer.close()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def wait(self, seconds: float, ends: Sequence[Fork] = ()) -> None:
        """Sleep until a signal comes, that of a child's end too, one of these ends, or the time is over."""
        watched: list[socket.socket | Fork] = [self._reader, *ends]
        readable, _, _ = select.select(watched, [], [], seconds)
        if self._reader in readable:
            self._reader.recv(4096)
