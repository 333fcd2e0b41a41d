"""Uploads: bytes arrive in pieces, are hashed on the way, and lie in one temporary file when all are here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from docmill.adapters.storage.directory import reaching_storage
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
        self.size_bytes = 0

    @reaching_storage
    def write(self, data: bytes | bytearray) -> None:
        """Take the next bytes. Raises FileTooLarge, StorageFull, StorageUnavailable."""
        self.size_bytes += len(data)
        if self.size_bytes > self.max_bytes:
            raise FileTooLarge
        self._hash.update(data)
        with (self._path or self._begin()).open("ab") as file:  # unbuffered, a full disk would take a part
            file.write(data)

    @reaching_storage
    def arrival(
        self, name: str, dataset: str | None, metadata: Mapping[str, str], priority: int | None = None
    ) -> Arrival:
        """Everything is here: the file as intake wants it."""
        return Arrival(
            path=self._path or self._begin(),
            name=name,
            size_bytes=self.size_bytes,
            sha256=self._hash.hexdigest(),
            dataset=dataset or DEFAULT_DATASET,
            metadata=metadata,
            priority=priority,
        )

    def discard(self) -> None:
        """Remove what is left of it; fine when intake has moved the file away."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _begin(self) -> Path:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=self._folder)
        os.close(handle)
        self._path = Path(name)
        return self._path


@reaching_storage
def open_landing(folder: Path) -> Path:
    """The folder where uploads land, made if needed, without what a killed process forgot there a day ago."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another process that starts clears up too
            if path.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                path.unlink()
    return folder
