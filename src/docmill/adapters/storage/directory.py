"""Original files in a directory. A file appears under its key whole and on disk, or not at all."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from docmill.domain.errors import FileNotStored, StorageFull, StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def reaching_storage(call: Callable[P, T]) -> Callable[P, T]:
    """Turn what the file system says into StorageFull or StorageUnavailable."""

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except OSError as error:
            raise (StorageFull if error.errno in _FULL else StorageUnavailable) from error

    return guarded


class DirectoryStorage:
    """Keys are relative paths below `root`, such as originals/ab/<sha256>."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    @reaching_storage
    def put(self, key: str, source: Path) -> None:
        """Move the file at `source` to `key`, durably: on disk are its bytes, its name and their folders."""
        target = self._path(key)
        if target.exists():
            source.unlink()
            return
        self._make_folder(target.parent)
        source = self._on_same_disk(source)
        sync(source)
        os.replace(source, target)
        sync(target.parent)

    @reaching_storage
    def open(self, key: str) -> BinaryIO:
        """The bytes at `key`, for reading. Raises FileNotStored."""
        return self.local_path(key).open("rb")

    @reaching_storage
    def local_path(self, key: str) -> Path:
        """The file that holds the bytes at `key`; it is read, never written. Raises FileNotStored."""
        path = self._path(key)
        if not path.is_file():
            raise FileNotStored
        return path

    @reaching_storage
    def delete(self, key: str) -> None:
        """Forget `key`; fine when it is not there."""
        self._path(key).unlink(missing_ok=True)

    @reaching_storage
    def keys(self, folder: str, older_than_seconds: float) -> list[str]:
        """The keys below `folder` whose bytes are at least this old; none when there is no such folder."""
        latest = time.time() - older_than_seconds
        files = (path for path in self._path(folder).rglob("*") if path.is_file())
        return [str(path.relative_to(self._root)) for path in files if path.stat().st_mtime <= latest]

    @reaching_storage
    def check(self, folder: str) -> None:
        """See that the folder is there and can be read; it is gone with the disk that it lies on."""
        with os.scandir(self._path(folder)) as entries:
            next(entries, None)

    def _path(self, key: str) -> Path:
        """Where a key lies. A key with empty, dotted or absolute parts could lead outside and is nowhere."""
        parts = key.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise FileNotStored
        return self._root.joinpath(*parts)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each one's name on disk before anything is put into it."""
        if folder.is_dir():
            return
        if folder != self._root:
            self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, parents=folder == self._root, exist_ok=True)
        sync(folder.parent)

    def _on_same_disk(self, source: Path) -> Path:
        """`source`, or its copy next to the keys when it lies on another file system."""
        if source.stat().st_dev == self._root.stat().st_dev:
            return source
        handle, copy = tempfile.mkstemp(prefix=".incoming-", dir=self._root)
        with source.open("rb") as reader, os.fdopen(handle, "wb") as writer:
            shutil.copyfileobj(reader, writer, 1024 * 1024)
        source.unlink()
        return Path(copy)


def sync(path: Path) -> None:
    """Wait until the disk has what was written to a file, or to a folder: the names in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
