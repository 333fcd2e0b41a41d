"""What a process of this host is called: as the owner of a task, and where it answers by itself."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_START_TIME = 19  # its place among the numbers behind the name, in /proc/PID/stat


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `host` names machine, boot and process namespace: a pid means something only inside.

    `started` is in seconds since that boot: by the clock of the day it would change when that is set.
    """

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
    return f"{socket.gethostname()}:{boot_id}:{_namespace()}"


def api_socket(pid: int) -> str:
    """Where this process of the API answers by itself: a Unix socket in Linux's abstract namespace.

    Containers that share a network, and so these names, have process namespaces of their own.
    """
    return f"\0docmill-api-{_namespace()}-{pid}"


@cache
def _namespace() -> int:
    """The process namespace; 0 where there are none."""
    namespace = Path("/proc/self/ns/pid")
    return namespace.stat().st_ino if namespace.exists() else 0


def this_process() -> Owner:
    """The owner that this process is."""
    return process_here(os.getpid())


def seconds_lived() -> float:
    """How long ago this process began."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME) if Path("/proc/self/stat").exists() else time.time()
    return now - this_process().started


def process_here(pid: int) -> Owner:
    """The owner that this process of this host is. Raises psutil.NoSuchProcess."""
    return Owner(this_host(), pid, _started(psutil.Process(pid)))


def _started(process: psutil.Process) -> float:
    """Seconds from the boot to the start of a process, where the system tells them."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return float(process.create_time())
    return int(stat.rpartition(")")[2].split()[_START_TIME]) / os.sysconf("SC_CLK_TCK")


def is_gone(owner: Owner) -> bool | None:
    """Whether that process has ended; None when it runs on another host and only its lease can tell."""
    if owner.host != this_host():
        return None
    try:
        process = psutil.Process(owner.pid)
        alive = abs(_started(process) - owner.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return not alive
