"""Uploads: bytes arrive in pieces, are hashed on the way, and lie in one temporary file when all are here."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from docmill.adapters.storage.directory import reaching_storage, sync
from docmill.domain.reading_errors import FileTooLarge
from docmill.services.intake import DEFAULT_DATASET, Arrival

_PREFIX = "upload-"
_FORGOTTEN_SECONDS = 24 * 3600


class Upload:
    """One file on its way in. Leaves nothing behind, however it ends, once `discard` was called."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._path: Path | None = None
        self._is_over = False
        self.size_bytes = 0

    @reaching_storage
    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes. Raises FileTooLarge, StorageFull, StorageUnavailable."""
        self.size_bytes += sum(map(len, pieces))
        if self.size_bytes > self.max_bytes:
            raise FileTooLarge
        if not pieces:
            return
        with self._open() as file:  # unbuffered, a full disk would take a part
            for piece in pieces:
                self._hash.update(piece)
                file.write(piece)
            file.flush()
            _begin_writing(file.fileno())

    @reaching_storage
    def sync(self) -> None:
        """Wait until the disk has what was written. Raises StorageFull, StorageUnavailable."""
        sync(self._file())

    @reaching_storage
    def arrival(
        self, name: str, dataset: str | None, metadata: Mapping[str, str], priority: int | None = None
    ) -> Arrival:
        """Everything is here: the file as intake wants it."""
        return Arrival(
            path=self._file(),
            name=name,
            size_bytes=self.size_bytes,
            sha256=self._hash.hexdigest(),
            dataset=dataset or DEFAULT_DATASET,
            metadata=metadata,
            priority=priority,
        )

    def discard(self) -> None:
        """Remove what is left of it; fine when intake has moved the file away. It takes no more bytes."""
        self._is_over = True
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        """The file, at its end. One that is gone is not made anew: it would lack what came before."""
        if self._is_over:
            raise FileNotFoundError(errno.ENOENT, "the upload was given up")
        if self._path is not None:
            return os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND), "ab")
        handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=self._folder)
        self._path = Path(name)
        return os.fdopen(handle, "wb")

    def _file(self) -> Path:
        """Where it lies, also when there was nothing to write."""
        if self._path is None:
            self._open().close()
        assert self._path is not None
        return self._path


def _begin_writing(handle: int) -> None:
    """Have the disk begin with what was written, so that whoever waits for it later waits less."""
    if hasattr(os, "posix_fadvise"):  # Linux
        with contextlib.suppress(OSError):  # what is unwritten stays, whatever it says
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


@reaching_storage
def open_landing(folder: Path) -> Path:
    """The folder where uploads land, made if needed, without what a killed process forgot there a day ago."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another process that starts clears up too
            if path.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                path.unlink()
    return folder
