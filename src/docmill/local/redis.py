"""The broker on this machine: a Redis-protocol server that keeps its log of changes, on loopback only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from docmill.local.leftovers import end, servers_in
from docmill.local.process import Part, Stop
from docmill.local.programs import find_redis
from docmill.local.readiness import broker_answers
from docmill.local.state import secret, write_private


@dataclass(frozen=True, slots=True)
class Broker:
    """One server: its program, its folder and how to reach it. The URL holds the password."""

    program: Path
    folder: Path
    port: int
    url: str


def broker(home: Path, port: int, program: Path | None = None) -> Broker:
    """The broker of this data directory, its configuration written. Raises PartMissing.

    `program` is a Redis-protocol server; None looks in the installed wheel, then in PATH.
    """
    password = secret(home / "secrets" / "redis")
    folder = home / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "server.conf", _configuration(folder, port, password))
    return Broker(find_redis(program), folder, port, f"redis://:{password}@127.0.0.1:{port}/0")


def _configuration(folder: Path, port: int, password: str) -> str:
    """The password stands in this private file, never on the command line, which everybody can read."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(
        (
            "bind 127.0.0.1",
            f"port {port}",
            f'dir "{quoted}"',
            f"requirepass {password}",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "databases 64",
            "",
        )
    )


def part(where: Broker) -> Part:
    """The server as a part to supervise."""
    return Part(
        name="redis",
        command=[str(where.program), str(where.folder / "server.conf")],
        address=f"127.0.0.1:{where.port}",
        environment={},
        is_ready=lambda _pid: broker_answers(where.url),
        stops=(Stop(Signals.SIGTERM, 0), Stop(Signals.SIGKILL, 1.0)),
        folder=where.folder,
        death_signal=Signals.SIGTERM,
        before_start=lambda: end(servers_in(where.folder)),
    )
