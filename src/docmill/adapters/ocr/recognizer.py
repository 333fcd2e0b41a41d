"""Recognises pages in a child process that may hang, grow or crash without harm to this one."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from docmill.adapters.ocr.languages import LanguageData, code_of
from docmill.adapters.ocr.messages import recognised_of, request_of
from docmill.adapters.readers.child_process import ChildProcess
from docmill.adapters.readers.wire import error_of
from docmill.domain.reading_errors import RecognizerMissing
from docmill.domain.recognition import Recognised, Wish

PROGRAM = "docmill.adapters.ocr.child"
PAGES_A_CHILD = 500


def is_installed() -> bool:
    """Whether the extra that recognises is there."""
    return find_spec("tesserocr") is not None


class RecognisingChild:
    """One page at a time, in a child process of its own that is started when first needed.

    `timeout_seconds` is the longest time one page may take; `memory_bytes` limits what the child may
    allocate; `data_dir` is a folder with language data of the installation's own. `interrupt` is called a few
    times a second meanwhile; what it raises ends the recognising. Not for use by several threads at once.
    """

    def __init__(
        self,
        timeout_seconds: float = 60.0,
        memory_bytes: int = 1024**3,
        data_dir: Path | None = None,
        interrupt: Callable[[], None] = lambda: None,
        scratch_dir: Path | None = None,
    ) -> None:
        self._timeout = timeout_seconds
        self._memory = memory_bytes
        self._data_dir = data_dir
        self._scratch_dir = scratch_dir
        self._interrupt = interrupt
        self._child: ChildProcess | None = None

    def recognise(self, path: Path, media_type: str, wish: Wish) -> Recognised:
        """As Recognizer.recognise."""
        child = self._ready()
        try:
            request = request_of(wish, self._data_dir)
            child.ask(path, self._timeout, media_type=media_type, **request)
            return self._answer(child)
        finally:
            if not child.idle:
                self.close()

    def can_read(self, language: str) -> bool:
        """As Recognizer.can_read."""
        return LanguageData(self._data_dir).has(code_of(language) or "")

    def close(self) -> None:
        """End the child process, if one is alive."""
        child, self._child = self._child, None
        if child is not None and child.owner == os.getpid():
            child.kill()

    def _answer(self, child: ChildProcess) -> Recognised:
        message = child.answer(self._timeout, self._interrupt)
        if "error" in message:
            raise error_of(*message["error"])
        child.answer(self._timeout, self._interrupt)  # its end
        return recognised_of(message)

    def _ready(self) -> ChildProcess:
        """The living child, or a new one where there is none, or none that is fit."""
        child = self._child
        if child is None or not child.is_fit(PAGES_A_CHILD, self._memory * 2 // 3):
            self.close()
            data = LanguageData(self._data_dir)
            if not is_installed() or not data.languages():
                raise RecognizerMissing
            child = self._child = ChildProcess(self._memory, PROGRAM, self._scratch_dir, data.folders())
        return child
