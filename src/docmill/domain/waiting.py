"""What a task can wait for, and what around it decides that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from docmill.domain.errors import ModelBusy, ModelUnavailable, QuotaExceeded, StorageFull, StorageUnavailable
from docmill.domain.states import QUEUE_OF_STAGE, StageName

EVERY_STAGE = "*"  # held: the installation drains


class WaitingFor(StrEnum):
    """What a task waits for. Who waits for several of them waits for the first that is named here."""

    RESUME = "resume"  # somebody paused it
    HOLD = "hold"  # its stage is held, or the installation drains
    STORE = "store"  # a store could not be reached; it is tried again
    MODEL = "model"  # the server of the model could not be reached, or has too much to do; it is asked again
    QUOTA = "quota"  # the quota for the model is used up; it is asked again, much later
    RETRY = "retry"  # another error that passes; it is tried again
    BROKER = "broker"  # the broker does not answer, so no worker hears of it
    NO_WORKER = "no_worker"  # no living worker serves its queue
    WORKER = "worker"  # its turn in the line


_NEEDED: Mapping[str, WaitingFor] = {
    StorageUnavailable.code: WaitingFor.STORE,
    StorageFull.code: WaitingFor.STORE,
    ModelUnavailable.code: WaitingFor.MODEL,
    ModelBusy.code: WaitingFor.MODEL,
    QuotaExceeded.code: WaitingFor.QUOTA,
}
TRIED_AGAIN = frozenset({WaitingFor.RETRY, *_NEEDED.values()})


def waits_for(code: str | None) -> WaitingFor:
    """What a task waits for that is tried again after the error with this code."""
    return _NEEDED.get(code or "", WaitingFor.RETRY)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a task waits for and since when.

    `place` is its place in the line, from 1; `until` when it is tried again, for the `attempt`th of at most
    `attempts` times; `detail` why a stage is held, or what went wrong.
    """

    reason: WaitingFor
    since: datetime
    place: int | None = None
    until: datetime | None = None
    attempt: int | None = None
    attempts: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Since when a stage is held, and why (may be empty). `drains`: every stage is."""

    since: datetime
    reason: str = ""
    drains: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that a stage needs is away from a host; it said `message`, and is asked again at `until`."""

    host: str
    since: datetime
    until: datetime
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands in the way of tasks at this moment of the database's clock; by default nothing does.

    `served` are the queues with a living worker.
    """

    now: datetime | None = None
    holds: Mapping[str, Held] = field(default_factory=dict)
    outages: Mapping[str, Outage] = field(default_factory=dict)
    served: frozenset[str] = frozenset(QUEUE_OF_STAGE.values())
    broker_answers: bool = True

    def hold_of(self, stage: StageName) -> Held | None:
        """The hold that keeps tasks of this stage back."""
        return self.holds.get(EVERY_STAGE) or self.holds.get(stage)

    def serves(self, stage: StageName) -> bool:
        """Whether a living worker takes tasks of this stage."""
        return QUEUE_OF_STAGE[stage] in self.served


NOTHING_IN_THE_WAY = Surroundings()
