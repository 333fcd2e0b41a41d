"""The scratch folder of a child: the file it reads, and room for what it writes, emptied for every file."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from docmill.domain.errors import StorageUnavailable
from docmill.domain.reading_errors import Unreadable

PREFIX = "docmill-reading-"
SETTLED_SECONDS = 60.0  # a folder this old without an owner was left behind


class Scratch:
    """A folder of its own, held by a lock as long as this process lives; no other user may enter.

    `inbox` is read and `outbox` written by the child. Made beside the folders of others, of whom it removes
    those that were killed. Raises StorageUnavailable where it cannot be made.
    """

    def __init__(self, root: Path | None = None) -> None:
        place = root or Path(tempfile.gettempdir())
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_left_behind(place)
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
            self._lock = _locked(self.folder)
            self.inbox, self.outbox = self.folder / "in", self.folder / "out"
            self.inbox.mkdir(mode=0o700)
            self.outbox.mkdir(mode=0o700)
        except OSError as error:
            raise StorageUnavailable from error

    def place(self, path: Path) -> Path:
        """Empty the folder and put this file into the inbox, linked where that can be.

        Raises Unreadable, and StorageUnavailable where it is the folder that is not usable.
        """
        self.clear()
        placed = self.inbox / f"file{path.suffix[:16]}"
        try:
            if not _is_linked(path, placed):
                shutil.copyfile(path, placed)
        except OSError as error:
            raise (Unreadable if self.is_there() else StorageUnavailable) from error
        return placed

    def is_there(self) -> bool:
        """Whether its path leads to it still, and not to nothing or to another one, as after a remount."""
        try:
            return os.path.samestat(os.stat(self.folder), os.fstat(self._lock))
        except OSError:
            return False

    def size_of(self, placed: Path) -> int:
        """The size in bytes of a file that was placed here. Raises StorageUnavailable when it is gone."""
        try:
            return placed.stat().st_size
        except OSError as error:
            raise StorageUnavailable from error

    def used_bytes(self) -> int:
        """How much the child has written for this file, as far as it is still there.

        Raises StorageUnavailable, as `clear`.
        """
        return sum(_size(self.outbox / name) for name in _names_in(self.outbox))

    def clear(self) -> None:
        """Remove the file and all that was written."""
        for folder in (self.inbox, self.outbox):
            for name in _names_in(folder):
                _remove(folder / name)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        _remove(self.folder)
        os.close(self._lock)


def remove_left_behind(root: Path) -> None:
    """Remove the scratch folders of processes that were killed."""
    for folder in root.glob(f"{PREFIX}*"):
        try:
            facts = folder.lstat()
            ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
            if not ours or time.time() - facts.st_mtime < SETTLED_SECONDS:
                continue
            lock = _locked(folder)
        except OSError:
            continue  # its owner lives, or another process removes it just now
        _remove(folder)
        os.close(lock)


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise StorageUnavailable from error


def _size(path: Path) -> int:
    """In bytes; nothing of what the child has just removed."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _locked(folder: Path) -> int:
    """The lock that says a folder has an owner. Raises BlockingIOError when it has another."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _is_linked(path: Path, placed: Path) -> bool:
    """A link costs nothing, but only leads to files of our own on the same disk; a pipe is never copied."""
    facts = path.stat()
    if facts.st_uid == os.geteuid():
        try:
            os.link(path.resolve(), placed)
        except OSError:
            return not stat.S_ISREG(facts.st_mode)
        return True
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
