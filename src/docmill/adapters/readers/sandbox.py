"""Reading in a child process that may hang, grow or crash without harm to this one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from docmill.adapters.readers import wire
from docmill.adapters.readers.child_process import ChildProcess
from docmill.adapters.readers.registry import attempts
from docmill.domain import errors
from docmill.domain.documents import Part, ReadInfo

TEXT_CHARACTERS = 200_000_000


class ReadingChild:
    """Reads documents one at a time in a child process of its own, started when first needed.

    `timeout_seconds` is the longest time one document may take, not counting the time its consumer takes
    between parts; `memory_bytes` limits what the child may allocate; after `recycle_documents` documents, or
    when it has come to use half its memory, the child is renewed. Not for use by several threads at once.
    `interrupt` is called a few times a second while a document is read; what it raises ends the reading.
    """

    def __init__(
        self,
        timeout_seconds: float = 300.0,
        memory_bytes: int = 2 * 1024**3,
        recycle_documents: int = 200,
        text_characters: int = TEXT_CHARACTERS,
        interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        self._timeout = timeout_seconds
        self._memory = memory_bytes
        self._recycle = recycle_documents
        self._text_characters = text_characters
        self._interrupt = interrupt
        self._child: ChildProcess | None = None

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """As Reader.read, plus ReaderTimeout, ReaderTooLarge and ReaderCrashed.

        When the reader takes the child down before it yielded anything, the format's spare reader is tried.
        Leaving the iterator early ends the child.
        """
        for attempt in range(attempts(media_type)):
            started = False
            try:
                for item in self._read(path, media_type, attempt):
                    started = True
                    yield item
                return
            except errors.ReaderCrashed:
                if started or attempt + 1 == attempts(media_type):
                    raise

    def start(self) -> None:
        """Start the child now, so that the first document does not wait for its engines to load."""
        self._ready()

    def close(self) -> None:
        """End the child process, if one is alive."""
        child, self._child = self._child, None
        if child is not None and child.owner == os.getpid():
            child.kill()

    def _read(self, path: Path, media_type: str, attempt: int) -> Iterator[ReadInfo | Part]:
        child = self._ready()
        try:
            child.ask(path, self._timeout, media_type=media_type, attempt=attempt)
            yield from self._answers(child)
        finally:
            if not child.idle:
                self.close()

    def _answers(self, child: ChildProcess) -> Iterator[ReadInfo | Part]:
        left, characters = self._timeout, 0
        while True:
            asked = time.monotonic()
            message = child.answer(left, self._interrupt)
            left -= time.monotonic() - asked
            if "info" in message:
                yield wire.info_of(message["info"])
            elif "part" in message:
                part = wire.part_of(message["part"])
                characters += sum(len(block.lead) + len(block.text) for block in part.blocks)
                if characters > self._text_characters:
                    raise errors.ReaderTooLarge
                yield part
            elif "error" in message:
                raise error_of(*message["error"])
            else:
                return

    def _ready(self) -> ChildProcess:
        """The living child, or a new one where there is none, or none that is fit."""
        child = self._child
        if child is None or not child.is_fit(self._recycle, self._memory // 2):
            self.close()
            child = self._child = ChildProcess(self._memory)
        return child


def error_of(code: str, message: str) -> errors.DocmillError:
    """The typed error with this code, as the child told it."""
    kinds = (*errors.Unreadable.__subclasses__(), *errors.Refused.__subclasses__())
    return next((kind for kind in kinds if kind.code == code), errors.Unreadable)(message)
