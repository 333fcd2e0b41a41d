"""What a child gives up before it opens a file. Each attempt is one that a taken-over parser would make."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docmill.adapters.readers import landlock
from docmill.adapters.readers.confinement import Protection, granted_here
from docmill.adapters.readers.scratch import SETTLED_SECONDS, Scratch

CONFINED = """
import os, signal, socket, subprocess, sys, threading
from pathlib import Path
from docmill.adapters.readers.confinement import confine
inbox, outbox, outside = map(Path, sys.argv[1:4])
confine([inbox], outbox)
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.remove()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("of somebody else")
    return path


def needs(protection: Protection) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not granted_here()[protection], reason=f"this kernel does not grant {protection}"
    )


def confined(scratch: Scratch, outside: Path, attempt: str) -> str:
    """What came of a line of Python that a confined process ran: its error, or ALLOWED."""
    lines = [*attempt.splitlines(), "print('ALLOWED')"]
    body = "\n    ".join(lines)
    code = f"{CONFINED}\ntry:\n    {body}\nexcept OSError as error:\n    print(type(error).__name__)"
    command = [sys.executable, "-P", "-c", code, str(scratch.inbox), str(scratch.outbox), str(outside)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@needs(Protection.CALLS)
@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "os.fork()",
        "subprocess.run(['/bin/true'])",
        "os.kill(os.getppid(), 0)",
        "os.chmod(outside, 0o777)",
        "os.utime(outside)",
        "os.symlink(outside, outbox / 'link')",
        "os.link(outside, outbox / 'link')",
    ],
)
def test_it_reaches_nobody(scratch: Scratch, secret: Path, attempt: str) -> None:
    assert confined(scratch, secret, attempt) == "PermissionError"


@needs(Protection.FILES)
@pytest.mark.parametrize(
    "attempt",
    [
        "outside.read_bytes()",
        "os.listdir(outside.parent)",
        "Path('/etc/passwd').read_bytes()",
        "Path(f'/proc/{os.getppid()}/environ').read_bytes()",
        "Path('/tmp/written-outside').write_bytes(b'')",
        "(outbox / 'folder').mkdir()",
    ],
)
def test_it_sees_no_file_that_is_not_its_own(scratch: Scratch, secret: Path, attempt: str) -> None:
    assert confined(scratch, secret, attempt) == "PermissionError"


@needs(Protection.FILES)
def test_it_reads_its_file_and_writes_into_its_folder(scratch: Scratch, secret: Path) -> None:
    placed = scratch.place(secret)
    assert placed.read_text() == "of somebody else"
    does = (
        "assert (inbox / 'file.txt').read_text()\n(outbox / 'found').write_bytes(b'12345')\n"
        "os.kill(os.getpid(), 0)\nthread = threading.Thread(target=int)\nthread.start()\nthread.join()"
    )
    assert confined(scratch, secret, does) == "ALLOWED"
    assert scratch.used_bytes() == 5
    assert confined(scratch, secret, "(inbox / 'file.txt').write_bytes(b'')") == "PermissionError"


def test_the_next_file_finds_the_folder_empty(scratch: Scratch, secret: Path) -> None:
    scratch.place(secret)
    (scratch.outbox / "found").write_bytes(b"12345")
    scratch.place(secret)
    assert scratch.used_bytes() == 0
    scratch.clear()
    assert list(scratch.folder.rglob("file*")) == []
    assert secret.exists()


def test_a_folder_that_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom docmill.adapters.readers.scratch import Scratch\n"
        "print(Scratch(Path(sys.argv[1])).folder, flush=True)\nos.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    left = Path(ended.stdout.strip())
    living = Scratch(tmp_path)
    long_ago = left.stat().st_mtime - 2 * SETTLED_SECONDS
    for folder in (left, living.folder):
        os.utime(folder, (long_ago, long_ago))
    following = Scratch(tmp_path)
    assert not left.exists()
    assert living.folder.exists()
    for scratch in (living, following):
        scratch.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_without_landlock_is_told_apart() -> None:
    assert granted_here()[Protection.FILES] == (landlock.version() > 0)
