"""What `docmill up` keeps in the data directory: the lock, who runs at which address, and the secrets."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from docmill.domain.errors import AlreadyRunning, SetupError

_PATIENCE = 1.0  # seconds: somebody who only looks at the lock holds it for a moment


@dataclass(frozen=True, slots=True)
class RunningPart:
    """One part of the product; `pid` is None where it runs elsewhere."""

    name: str
    pid: int | None
    address: str


@dataclass(frozen=True, slots=True)
class State:
    """A running `docmill up`; `started_at` is in seconds since 1970. The URLs hold passwords."""

    pid: int
    started_at: float
    api_url: str
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    parts: tuple[RunningPart, ...] = ()


def prepare_home(home: Path) -> None:
    """Make the data directory and its folders, for our eyes only. Raises SetupError where we may not."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        for folder in (home, home / "run", home / "logs", home / "secrets"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
    except OSError as error:
        raise SetupError(
            f"The data directory cannot be used: {error.strerror}. Set DOCMILL_HOME to a folder of your own."
        ) from error


def secret(path: Path, prefix: str = "") -> str:
    """The secret kept at `path`, readable by us alone; made at first use: `prefix` and 43 characters."""
    if not path.exists():
        write_private(path, prefix + secrets.token_urlsafe(32))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, readable by us alone."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _lock_file(home: Path) -> Path:
    return home / "run" / "lock"


def _state_file(home: Path) -> Path:
    return home / "run" / "up.json"


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises AlreadyRunning, with the process that holds it."""
    lock = _locked(home)
    try:
        yield
    finally:
        _state_file(home).unlink(missing_ok=True)
        _lock_file(home).unlink(missing_ok=True)
        os.close(lock)


def _locked(home: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while (lock := _try_lock(_lock_file(home))) is None:
        if time.monotonic() > deadline:
            raise AlreadyRunning(
                f"docmill already runs on this data directory (process {running_pid(home)}). "
                "Use it, or stop it with `docmill down`."
            )
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    _state_file(home).unlink(missing_ok=True)  # one that was killed may have left it
    os.write(lock, str(os.getpid()).encode())
    return lock


def _try_lock(path: Path) -> int | None:
    """The locked file, or None where another holds it or has just removed it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass  # the caller tries again
    os.close(lock)
    return None


def running_pid(home: Path) -> int | None:
    """The process of the `docmill up` that holds this data directory; None when nothing runs."""
    try:
        with _lock_file(home).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _number_in(_lock_file(home))
    except FileNotFoundError:
        return None
    return None


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None  # it is just ending, or just starting


def write_state(home: Path, state: State) -> None:
    """Say who runs where, for `docmill down`, `docmill doctor` and every command that needs the API."""
    write_private(_state_file(home), json.dumps(asdict(state), indent=1))


def read_state(home: Path) -> State | None:
    """The `docmill up` that is ready on this data directory; None when there is none, or not yet."""
    if running_pid(home) is None:
        return None
    try:
        facts = json.loads(_state_file(home).read_text())
    except FileNotFoundError:
        return None
    parts = tuple(RunningPart(**part) for part in facts.pop("parts"))
    return State(**facts, parts=parts)
