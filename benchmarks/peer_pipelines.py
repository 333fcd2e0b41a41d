"""The product beside LlamaIndex and Haystack: the same files, the same weights, the same PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_least, info, median_ratio
from benchmarks.files import CHECKOUT, PEERS_PYTHON, sample_files
from benchmarks.installation import product
from benchmarks.processes import stop
from benchmarks.scale import Scale

NAMES = ("llamaindex", "haystack")
CORES = 2
_QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}


def measure(scale: Scale) -> list[Figure]:
    """Product ÷ each peer as its documentation sets it up, and with docmill's reader and model in it."""
    with (
        sample_files(scale.peer_long_files, scale.peer_short_files) as (long, short),
        product(worker_processes=CORES) as installation,
        contextlib.ExitStack() as stack,
    ):
        installation.ingest([*long, *short], "warm-up")  # as many as each peer warms up with
        enter = stack.enter_context
        folder, url = long[0].parent.parent, installation.settings.database
        peers = [enter(_running(name, set_up, folder, url)) for set_up in SET_UPS for name in NAMES]
        for peer in peers:
            peer.run()
        batches, answers = [], []
        for number in range(scale.repeat):
            installation.empty_index()  # as theirs is; a place in a fuller one takes longer to find
            batches.append(installation.ingest([*long, *short], f"run-{number}"))
            answers.append([peer.run() for peer in peers])
    seconds = [batch.seconds for batch in batches]
    rate = batches[0].documents / statistics.median(seconds)
    figures = [info("peers_documents_per_second", rate, f"{batches[0].chunks:.0f} chunks")]
    for at, peer in enumerate(peers):
        figures.append(_figure(peer, seconds, [row[at] for row in answers]))
    return figures


@dataclass(frozen=True, slots=True)
class SetUp:
    """Whose reader and model a peer uses, in how many processes; `goal` is its time ÷ ours."""

    row: str
    engines: str
    processes: int
    goal: float


SET_UPS = (
    SetUp("ratio", "own", 1, 2.0),
    SetUp("with_our_engines_ratio", "docmill", 1, 1.0),
    SetUp("with_our_engines_in_two_processes_ratio", "docmill", CORES, 1.0),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One run of a peer."""

    seconds: float
    chunks: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's running programs, each with its share of the files."""

    name: str
    set_up: SetUp
    version: str
    programs: Sequence[subprocess.Popen[str]]

    def run(self) -> Answer:
        """All programs at once; the slowest one's time counts."""
        for program in self.programs:
            assert program.stdin is not None
            program.stdin.write("run\n")
            program.stdin.flush()
        answers = [_line(program) for program in self.programs]
        return Answer(max(a["seconds"] for a in answers), sum(a["chunks"] for a in answers))


@contextlib.contextmanager
def _running(name: str, set_up: SetUp, folder: Path, database: str) -> Iterator[Peer]:
    words = [str(PEERS_PYTHON), "-W", "ignore", "-m", f"benchmarks.peers.{name}_pipeline"]
    shares = set_up.processes
    wanted = ["--files", str(folder), "--database", database, "--engines", set_up.engines]
    wanted += ["--shares", str(shares), "--cores", str(CORES // shares)]
    environment = {**os.environ, **_QUIET, "PYTHONPATH": str(CHECKOUT / "src")}
    programs = [
        subprocess.Popen(
            [*words, *wanted, "--share", str(share)],
            cwd=CHECKOUT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        for share in range(shares)
    ]  # fmt: skip
    try:
        version, *_ = [_line(program)["ready"] for program in programs]
        yield Peer(name, set_up, version, programs)
    finally:
        for program in programs:
            stop(program)


def _line(program: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line of JSON a program says; what else its libraries print is left out."""
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    raise RuntimeError("A peer's program ended. Run it by hand to see why: benchmarks/peers.")


def _figure(peer: Peer, seconds: Sequence[float], answers: Sequence[Answer]) -> Figure:
    theirs = [answer.seconds for answer in answers]
    name, ratio = f"{peer.name}_{peer.set_up.row}", median_ratio(theirs, seconds)
    told = f"{peer.version}: {statistics.median(theirs):.3g} s, {answers[0].chunks} chunks"
    return at_least(name, ratio, peer.set_up.goal, told)
