"""Draws pages in child processes that may hang, grow or crash without harm to this one."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docmill.adapters.pictures.messages import picture_request
from docmill.adapters.readers.child_process import ChildProcess
from docmill.domain.errors import DocmillError, NoPicture, RendererBusy
from docmill.domain.pictures import Picture, can_be_drawn
from docmill.domain.reading_errors import PageNotDrawn, ReaderCrashed, ReaderTimeout, ReaderTooLarge

PROGRAM = "docmill.adapters.pictures.child"
PICTURES_A_CHILD = 500
WAITING = 16


class ChildRenderer:
    """Draws `processes` pages at a time, each in a child of its own, started when first needed.

    A child dies with the thread that made it, so threads are kept as long as this is open. More than a few
    who wait are sent away: each of them holds a thread of the caller. For use by many threads at once.
    """

    def __init__(
        self,
        timeout_seconds: float,
        memory_bytes: int,
        processes: int = 2,
        waiting: int = WAITING,
        scratch_dir: Path | None = None,
    ) -> None:
        self._scratch_dir = scratch_dir
        self._timeout = timeout_seconds
        self._memory = memory_bytes
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="drawing")
        self._places = threading.BoundedSemaphore(processes + waiting)
        self._closed = threading.Event()
        self._mine = threading.local()
        self._children: set[ChildProcess] = set()

    def draw(self, path: Path, media_type: str, picture: Picture) -> bytes:
        """As Renderer.draw."""
        if not can_be_drawn(media_type):
            raise NoPicture
        if not self._places.acquire(blocking=False):
            raise RendererBusy
        try:
            return self._threads.submit(self._draw, path, media_type, picture).result()
        finally:
            self._places.release()

    def close(self) -> None:
        """End the child processes; what they draw now is given up."""
        self._closed.set()
        self._threads.shutdown(cancel_futures=True)
        while self._children:
            self._children.pop().kill()

    def _draw(self, path: Path, media_type: str, picture: Picture) -> bytes:
        child = self._ready()
        try:
            child.ask(path, self._timeout, media_type=media_type, **picture_request(picture))
            return self._answer(child)
        except ReaderTimeout as error:
            raise PageNotDrawn("This page takes too long to be drawn. Ask for fewer dpi.") from error
        except ReaderTooLarge as error:
            raise PageNotDrawn(
                "Drawing this page needs more memory than allowed. Ask for fewer dpi."
            ) from error
        except ReaderCrashed as error:
            raise PageNotDrawn from error
        finally:
            if not child.idle:
                self._end(child)

    def _answer(self, child: ChildProcess) -> bytes:
        drawn = b""
        while not child.idle:
            message = child.answer(self._timeout, self._check_open)
            if "error" in message:
                raise _error_of(*message["error"])
            drawn = base64.b64decode(message["drawn"]) if "drawn" in message else drawn
        return drawn

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise RendererBusy

    def _ready(self) -> ChildProcess:
        """The living child of this thread, or a new one where there is none that is fit."""
        child: ChildProcess | None = getattr(self._mine, "child", None)
        if child is None or not child.is_fit(PICTURES_A_CHILD, self._memory // 2):
            if child is not None:
                self._end(child)
            child = self._mine.child = ChildProcess(self._memory, PROGRAM, self._scratch_dir)
            self._children.add(child)
        return child

    def _end(self, child: ChildProcess) -> None:
        self._mine.child = None
        self._children.discard(child)
        child.kill()


def _error_of(code: str, message: str) -> DocmillError:
    """What the child said; it may be one that lacked memory."""
    return ReaderTooLarge() if code == ReaderTooLarge.code else PageNotDrawn(message)
