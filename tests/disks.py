"""A disk of a test's own, which can be full: a file system in memory, which only root may mount."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docmill.local.accounts import server_account

MISSING = "only root may mount a file system, so no disk was filled"
_ROOM = (0, 2**16, 2**20, 2**24)  # bytes left, as it grows while its size is set


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of `size` bytes; what is not used takes no memory."""

    folder: Path
    size: int

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Within the block there is no more room than what is used already."""
        for room in _ROOM:
            if self._resize(self._used() + room):
                break
        else:
            raise OSError("the disk could not be filled")
        try:
            yield
        finally:
            self._resize(self.size)

    def place(self, name: str) -> Path:
        """A folder on it for the account that servers run as."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        account = server_account()
        if account:
            account.take(folder)
        return folder

    def _used(self) -> int:
        facts = os.statvfs(self.folder)
        return (facts.f_blocks - facts.f_bfree) * facts.f_frsize

    def _resize(self, size: int) -> bool:
        return _run("mount", "-o", f"remount,size={size}", str(self.folder))


@contextlib.contextmanager
def mounted_disk(size: int) -> Iterator[Disk | None]:
    """A disk until the block ends; None where it may not be mounted."""
    with tempfile.TemporaryDirectory(prefix="docmill-disk-") as name:
        options = f"size={size},mode=0711"
        if not _run("mount", "-t", "tmpfs", "-o", options, "docmill-test", name):
            yield None
            return
        try:
            yield Disk(Path(name), size)
        finally:
            _run("umount", "--lazy", name)


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
