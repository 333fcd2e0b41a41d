"""Pictures that were drawn, in a directory of bounded size. What was not asked for longest goes first."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from docmill.logs import get_logger

log = get_logger(__name__)

_UNFINISHED = ".drawn-"
_ROOM = 0.9  # of the limit stays in use when room is made
_LOOKS = 20  # room is looked for whenever a share of one in so many of the limit was written


class DirectoryPictures:
    """Files called FOLDER/ORIGINAL/PICTURE. Where the disk does not take one, it is drawn again next time."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._written = limit_bytes  # what is there of an earlier life is not known

    def get(self, original: str, picture: str) -> bytes | None:
        """As PictureCache.get."""
        path = self._folder / original / picture
        try:
            os.utime(path)
            return path.read_bytes()
        except OSError:
            return None

    def put(self, original: str, picture: str, drawn: bytes) -> None:
        """As PictureCache.put."""
        if len(drawn) > self._limit:
            return
        try:
            _write(self._folder / original / picture, drawn)
            self._written += len(drawn)
            if self._written >= self._limit / _LOOKS:
                self._written = 0
                self._make_room()
        except OSError as error:
            log.warning("picture_not_kept", reason=error.strerror)

    def _make_room(self) -> None:
        """Remove the oldest while all are more than allowed, and empty folders. Others may do the same."""
        kept = sorted(self._kept())
        total = sum(size for _, size, _ in kept)
        over = total - self._limit * _ROOM if total > self._limit else 0
        for _, size, path in kept:
            if over <= 0:
                break
            path.unlink(missing_ok=True)
            over -= size
        for folder in self._folder.iterdir():
            with contextlib.suppress(OSError):
                folder.rmdir()  # fails unless it is empty

    def _kept(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        return found


def _write(path: Path, drawn: bytes) -> None:
    """Whole under its name, or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(drawn)
        os.replace(unfinished, path)
    except OSError:
        Path(unfinished).unlink(missing_ok=True)
        raise
