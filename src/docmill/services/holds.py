"""Holding one stage of the installation, or all of them for maintenance. Documents keep what they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from docmill.db import holds as rows
from docmill.db.engine import reaching_database
from docmill.domain.states import QUEUE_OF_STAGE, StageName
from docmill.domain.waiting import EVERY_STAGE
from docmill.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StageState:
    """A stage, its load over all tenants, and since when and why it is held, by itself or by a drain."""

    stage: StageName
    queue: str
    held: bool
    since: datetime | None
    reason: str | None
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
        """End this hold, and no other. The state that follows; messages are for the caller to send."""
        with self._engine.begin() as connection:
            changed = rows.release(connection, stage or EVERY_STAGE)
        log.info("released", stage=stage or EVERY_STAGE, changed=changed)
        return self.state()

    @reaching_database
    def state(self) -> StagesState:
        """What is held, and what waits and runs."""
        with self._engine.begin() as connection:
            held, loads = rows.holds(connection), rows.loads(connection)
        stages = tuple(_state(stage, held, loads.get(stage, rows.Load())) for stage in StageName)
        return StagesState(EVERY_STAGE in held, sum(each.running for each in stages), stages)


def _state(stage: StageName, held: Mapping[str, rows.Hold], load: rows.Load) -> StageState:
    hold = held.get(stage) or held.get(EVERY_STAGE)
    return StageState(
        stage=stage,
        queue=QUEUE_OF_STAGE[stage],
        held=hold is not None,
        since=hold.since if hold else None,
        reason=hold.reason if hold else None,
        queued=load.queued,
        running=load.running,
    )
