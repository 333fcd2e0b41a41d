"""Holding one stage of the installation, or all of them for maintenance. Documents keep what they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from docmill.db import holds as rows
from docmill.db import outages
from docmill.db.engine import reaching_database
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.domain.waiting import EVERY_STAGE, Outage
from docmill.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StageState:
    """A stage, its load over all tenants, and since when and why it takes no work.

    It is `held`, by itself or by a drain, or it rests `until` a service it needs is asked again.
    """

    stage: StageName
    queue: str
    held: bool
    since: datetime | None
    reason: str | None
    until: datetime | None
    queued: int
    running: int


@dataclass(frozen=True, slots=True)
class StagesState:
    """Every stage, in order. `draining` tells that all are held; `running` counts tasks in work."""

    draining: bool
    running: int
    stages: tuple[StageState, ...]


class Holds:
    """The holds of this installation. `stage` None means every stage; saying it twice is fine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @reaching_database
    def hold(self, stage: StageName | None, reason: str = "") -> StagesState:
        """Claim no more tasks of this stage; what runs lets go at its next step. The state that follows."""
        with self._engine.begin() as connection:
            changed = rows.hold(connection, stage or EVERY_STAGE, reason)
        log.info("held", stage=stage or EVERY_STAGE, changed=changed)
        return self.state()

    @reaching_database
    def release(self, stage: StageName | None) -> StagesState:
        """End this hold, and no other; a stage that rests is open too. The state that follows.

        Messages are for the caller to send.
        """
        with self._engine.begin() as connection:
            changed = rows.release(connection, stage or EVERY_STAGE)
            if stage is not None:
                changed = outages.end(connection, stage) or changed
        log.info("released", stage=stage or EVERY_STAGE, changed=changed)
        return self.state()

    @reaching_database
    def state(self) -> StagesState:
        """What is held, and what waits and runs."""
        with self._engine.begin() as connection:
            held, loads = rows.holds(connection), rows.loads(connection)
            away = outages.everywhere(connection)
        stages = tuple(
            _state(stage, held.get(stage) or held.get(EVERY_STAGE), away.get(stage), loads.get(stage))
            for stage in StageName
        )
        return StagesState(EVERY_STAGE in held, sum(each.running for each in stages), stages)


def _state(
    stage: StageName, hold: rows.Hold | None, outage: Outage | None, load: rows.Load | None
) -> StageState:
    load = load or rows.Load()
    return StageState(
        stage=stage,
        queue=QUEUE_OF_STAGE[stage],
        held=hold is not None,
        since=hold.since if hold else outage.since if outage else None,
        reason=hold.reason if hold else outage.message if outage else None,
        until=None if hold or not outage else outage.until,
        queued=load.queued,
        running=load.running,
    )
