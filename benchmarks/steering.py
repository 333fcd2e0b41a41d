"""How soon a pause or a cancel takes effect while documents are in work."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure, at_most, info, percentile
from benchmarks.installation import eventually, product
from benchmarks.latency import Caller, caller_of
from benchmarks.scale import Scale
from benchmarks.words import Writer

_PATIENCE = 60.0
_WORDS = 25_000  # about 150 passages, so that most moments fall into embedding, whose steps are the longest
_LONGEST_SOONER = 1.5  # seconds of work between resume and the next pause


@dataclass(frozen=True, slots=True)
class Stop:
    """One pause: seconds until the API answered and until the worker had let go, and where it was."""

    answered: float
    settled: float
    stage: str


def measure(scale: Scale) -> list[Figure]:
    """Pause to settled, the answers to pause and cancel, and the end of what was cancelled."""
    with product(worker_processes=2) as installation:
        caller = caller_of(installation, installation.state.api_url)
        moments = random.Random(7)
        stops = list(_stops(caller, scale.pauses, moments))
        cancels = [_cancelled(caller, number, moments) for number in range(scale.cancels)]
    return [*_pauses(stops), *_cancels(cancels)]


def _pauses(stops: Sequence[Stop]) -> list[Figure]:
    settled = [stop.settled for stop in stops]
    longest = max(stops, key=lambda stop: stop.settled)
    return [
        at_most("pause_settled_p50_s", percentile(settled, 0.5), 0.5, f"{len(stops)} pauses"),
        at_most(
            "pause_settled_p99_s",
            percentile(settled, 0.99),
            1.2,
            f"longest {longest.settled:.2f} s, in {longest.stage}",
        ),
        at_most("pause_answer_p99_ms", percentile([stop.answered * 1000 for stop in stops], 0.99), 50),
    ]


def _cancels(cancels: Sequence[tuple[float, float]]) -> list[Figure]:
    """The state is the last one when the answer comes: it is told by it, and by every look from then on."""
    ended = [milliseconds for milliseconds, _ in cancels]
    seen = [milliseconds for _, milliseconds in cancels]
    return [
        at_most(
            "cancel_terminal_p99_ms", percentile(ended, 0.99), 50, f"{len(cancels)} answers, all CANCELLED"
        ),
        info("cancel_terminal_p50_ms", percentile(ended, 0.5)),
        info("cancel_and_status_p99_ms", percentile(seen, 0.99)),
    ]


def _stops(caller: Caller, count: int, moments: random.Random) -> Iterator[Stop]:
    """Pauses at random moments: a document is resumed and paused again until it is published."""
    number, made = 0, 0
    while made < count:
        document = _in_work(caller, number)
        number += 1
        while made < count and (stop := _stop(caller, document, moments)) is not None:
            yield stop
            made += 1
            caller.say("resume", document)
        caller.say("cancel", document)


def _stop(caller: Caller, document: str, moments: random.Random) -> Stop | None:
    """Pause it a moment from now, when it runs; None when it was published before."""
    moment = time.perf_counter() + moments.uniform(0, _LONGEST_SOONER)
    if eventually(lambda: _is_working(caller, document, moment), _PATIENCE, pause=0.01) == "ended":
        return None
    stage = str(_state(caller, document)["current_stage"])
    asked = time.perf_counter()
    if caller.say("pause", document) is None:
        return None
    answered = time.perf_counter() - asked
    eventually(lambda: _state(caller, document)["settled"], _PATIENCE, pause=0.005)
    return Stop(answered, time.perf_counter() - asked, stage)


def _is_working(caller: Caller, document: str, moment: float) -> str:
    """What holds at the moment: "working" or, when it is too late, "ended"; nothing before."""
    if _state(caller, document)["task_status"] == "SUCCESS":
        return "ended"
    return "working" if time.perf_counter() >= moment else ""


def _cancelled(caller: Caller, number: int, moments: random.Random) -> tuple[float, float]:
    """Milliseconds until a cancel is answered, and until a look at the status behind it is too."""
    document = _in_work(caller, 1_000 + number)
    time.sleep(moments.uniform(0, _LONGEST_SOONER) / 2)
    asked = time.perf_counter()
    told = caller.say("cancel", document)
    answered = time.perf_counter()
    if told != "CANCELLED" or _state(caller, document)["task_status"] != "CANCELLED":
        raise RuntimeError(f"a cancelled document is {told}")
    return (answered - asked) * 1000, (time.perf_counter() - asked) * 1000


def _in_work(caller: Caller, number: int) -> str:
    """A new document that a worker has begun with."""
    text = Writer(4_000_000 + number).text(_WORDS).encode()
    url = caller.upload(f"steered-{number}.txt", text)
    document = url.split("/")[-2]
    eventually(lambda: _state(caller, document)["task_status"] == "STARTED", _PATIENCE, pause=0.01)
    return document


def _state(caller: Caller, document: str) -> dict[str, object]:
    return caller.shown(f"/api/v1/documents/{document}/status")
