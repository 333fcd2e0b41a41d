"""Sends documents in while faults strike, until everything has come to its end by itself; again and again."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import httpx
from tests.chaos.documents import File
from tests.chaos.keeper import patiently
from tests.chaos.schedule import Round, Strike
from tests.chaos.site import Site
from tests.chaos.truth import End, ends, finished_twice, id_of
from tests.chaos.watcher import Watcher

SECONDS_TO_END = 30.0
_PATIENCE = 90.0  # how much longer is waited for what is late, to tell late from lost
_LEFT = """SELECT count(*) AS n FROM document_tasks
WHERE document_id = ANY(:ids) AND status NOT IN ('succeeded', 'failed', 'cancelled')"""

Say = Callable[[str], object]


@dataclass
class Run:
    """What was done: faults by kind, the files that were sent and taken, how they ended, what readers saw."""

    struck: Counter[str] = field(default_factory=Counter)
    met_nothing: Counter[str] = field(default_factory=Counter)
    seconds_to_end: list[float] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    ends: dict[UUID, End] = field(default_factory=dict)
    finished_twice: list[str] = field(default_factory=list)
    seen_in_part: list[UUID] = field(default_factory=list)
    found: set[tuple[UUID, str]] = field(default_factory=set)
    looks: int = 0

    @property
    def faults(self) -> int:
        """How many faults met something."""
        return self.struck.total()


def run(
    site: Site,
    schedule: Iterator[Round],
    files: Iterator[File],
    *,
    faults: int,
    documents: int,
    say: Say = lambda _line: None,
) -> Run:
    """Rounds of faults until at least so many have struck over at least so many documents."""
    done = Run()
    with Watcher(site) as watcher:
        while done.faults < faults or len(done.files) < documents:
            _round(site, next(schedule), files, done, say)
        done.ends = ends(site.rows, done.files)
        done.finished_twice = finished_twice(site.rows)
    done.seen_in_part, done.found, done.looks = watcher.seen_in_part, watcher.found, watcher.looks
    return done


def _round(site: Site, plan: Round, files: Iterator[File], done: Run, say: Say) -> None:
    """Send files and strike at the same time, once all is up again; then wait until everything has ended."""
    if not patiently(site.is_ready, _PATIENCE, every=0.2):
        done.late.append(f"not all parts are up {_PATIENCE:g} s after fault {done.faults}")
    sending = list(islice(files, plan.documents))
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(_send, site, sending)
        hits = [(strike.fault.kind, pool.submit(_strike, site, strike)) for strike in plan.strikes]
        for kind, hit in hits:
            (done.struck if hit.result() else done.met_nothing)[kind] += 1
        seconds = _seconds_to_end(site, sending, sent)
    done.files += sent.result()
    done.seconds_to_end.append(seconds)
    names = " + ".join(kind for kind, _ in hits)
    if seconds > SECONDS_TO_END:
        done.late.append(f"{seconds:.0f} s after {names}")
    say(f"{done.faults:4} faults, {len(done.files):4} documents, all ended after {seconds:4.1f} s: {names}")


def _strike(site: Site, strike: Strike) -> bool:
    time.sleep(strike.after)
    return strike.fault.strike(site, random.Random(strike.seed))


def _seconds_to_end(site: Site, files: Sequence[File], sent: Future[list[File]]) -> float:
    """From now, the end of the last fault, until all that was sent has come to its own end."""
    over = time.monotonic()
    ids = [id_of(file) for file in files]
    patiently(lambda: sent.done() and site.rows(_LEFT, ids=ids)[0].n == 0, SECONDS_TO_END + _PATIENCE, 0.1)
    return time.monotonic() - over


def _send(site: Site, files: Sequence[File]) -> list[File]:
    """Upload each file until the API says that it has it; those that it did not refuse for what they are."""
    deadline = time.monotonic() + SECONDS_TO_END + _PATIENCE
    with site.client() as client:
        return [file for file in files if _is_accepted(client, file, deadline)]


def _is_accepted(client: httpx.Client, file: File, deadline: float) -> bool:
    while (status := _upload(client, file)) >= httpx.codes.INTERNAL_SERVER_ERROR:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file.name} was not taken: {status}")
        time.sleep(0.1)
    return status in (httpx.codes.OK, httpx.codes.ACCEPTED)


def _upload(client: httpx.Client, file: File) -> int:
    """The answer's status; 503 where there was none."""
    try:
        return client.post("/documents", files={"file": (file.name, file.content)}).status_code
    except httpx.TransportError:
        return int(httpx.codes.SERVICE_UNAVAILABLE)
