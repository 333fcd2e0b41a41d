"""How long `docmill up` takes until it is ready, what its parts cost beside the same run alone, and idle."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from benchmarks.figures import Figure, info
from benchmarks.installation import as_environment, eventually, temporary_home
from benchmarks.processes import cpu_seconds, running
from benchmarks.scale import Scale

from docmill.local.readiness import api_process_answers, worker_answers
from docmill.local.state import State, read_state

_MB = 1e6
_SETTLING = 8.0  # seconds in which worker processes still load what their first document would wait for
# The embedder without a model: its weights would drown what is measured.
_SETTINGS = {"api_port": 0, "embedder": "hashing", "worker_processes": 1}


@dataclass(frozen=True, slots=True)
class _Cost:
    """Processor seconds and proportional memory (MB) of worker, Beat and two processes of the API, ready."""

    cpu: float
    memory: float


def measure(scale: Scale) -> list[Figure]:
    """Medians of a first start, of one on the same data directory, of what the parts cost, and of idling."""
    runs = [_run(scale.idle_seconds) for _ in range(scale.repeat)]
    first, again, idle, *costs = zip(*runs, strict=True)
    forked, alone = map(_median, costs)
    return [
        info("start_first_s", statistics.median(first)),
        info("start_again_s", statistics.median(again)),
        info("start_parts_cpu_s", forked.cpu, alone.cpu),
        info("start_parts_memory_mb", forked.memory, alone.memory),
        info("idle_cpu_percent", statistics.median(idle)),
    ]


def _median(costs: Sequence[_Cost]) -> _Cost:
    return _Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("cpu", "memory")))


def _run(idle_seconds: float) -> tuple[float, float, float, _Cost, _Cost]:
    with temporary_home() as home:
        with _up(home) as (first, _):
            pass
        with _up(home) as (again, state):
            [server] = [part.pid for part in state.parts if part.name == "forks"]
            forked = _cost([server or 0])
            return first, again, _idle(state, idle_seconds), forked, _alone(home, state)


@contextmanager
def _up(home: Path) -> Iterator[tuple[float, State]]:
    """`docmill up`: the seconds it took until it was ready, and what runs where."""
    began = time.perf_counter()
    with running(["docmill", "up"], as_environment({**_SETTINGS, "home": home}), home / "up.log"):
        state = eventually(lambda: read_state(home), 120.0)
        assert state is not None
        yield time.perf_counter() - began, state


def _idle(state: State, seconds: float) -> float:
    """Percent of one core that all processes of `docmill up` take with nothing to do."""
    time.sleep(_SETTLING)
    before, began = cpu_seconds([state.pid]), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu_seconds([state.pid]) - before) / (time.perf_counter() - began)


def _alone(home: Path, state: State) -> _Cost:
    """The same parts on the same servers, each started by itself."""
    urls = {"database_url": state.database_url, "broker_url": state.broker_url}
    key = (home / "api_key").read_text()
    environment = as_environment({**_SETTINGS, **urls, "home": home, "api_key": key})
    with ExitStack() as stack:
        worker, beat, *apis = (
            stack.enter_context(running(["docmill", part], environment, home / f"alone-{number}.log")).pid
            for number, part in enumerate(("worker", "beat", "api", "api"))
        )
        eventually(lambda: worker_answers(state.database_url, worker), 120.0)
        eventually(lambda: all(map(api_process_answers, apis)), 120.0)
        return _cost([worker, beat, *apis])


def _cost(pids: Sequence[int]) -> _Cost:
    roots = [psutil.Process(pid) for pid in pids]
    trees = [one for root in roots for one in (root, *root.children(recursive=True))]
    return _Cost(cpu_seconds(pids), sum(one.memory_full_info().pss for one in trees) / _MB)
