"""Who owns a task: a process, named so that any other on the same host can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `host` names machine, boot and process namespace: a pid means something only inside."""

    host: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started:.2f}"

    @classmethod
    def parse(cls, text: str) -> Owner:
        """The owner that `str(owner)` came from."""
        host, pid, started = text.rsplit("/", 2)
        return cls(host, int(pid), float(started))


@cache
def this_host() -> str:
    """This host, boot and process namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    boot_id = boot.read_text().strip() if boot.exists() else f"{psutil.boot_time():.0f}"
    namespace = Path("/proc/self/ns/pid")
    inode = namespace.stat().st_ino if namespace.exists() else 0
    return f"{socket.gethostname()}:{boot_id}:{inode}"


def this_process() -> Owner:
    """The owner that this process is."""
    pid = os.getpid()
    return Owner(this_host(), pid, psutil.Process(pid).create_time())


def is_gone(owner: Owner) -> bool | None:
    """Whether that process has ended; None when it runs on another host and only its lease can tell."""
    if owner.host != this_host():
        return None
    try:
        process = psutil.Process(owner.pid)
        alive = abs(process.create_time() - owner.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return not alive
