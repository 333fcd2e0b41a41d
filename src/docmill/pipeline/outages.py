"""Services that stages need: whether one is away, and the question that is asked again until it is back."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Engine

from docmill.db import outages as rows
from docmill.domain.errors import DocmillError
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import QUEUE_OF_STAGE, Service, StageName
from docmill.logs import get_logger

log = get_logger(__name__)

Services = Mapping[Service, Callable[[], object]]  # how each is asked; raises what it answers when it is away


def what_is_away(services: Services, service: Service | None) -> DocmillError | None:
    """What this service says when it is asked without any document; None if it answers, or is not known."""
    ask = services.get(service) if service else None
    if ask is None:
        return None
    try:
        ask()
    except DocmillError as said:
        return said if said.retryable and said.service is service else None
    return None


class Outages:
    """Asks for the stages of these queues. Many processes may do so: each question is asked by one."""

    def __init__(
        self, engine: Engine, services: Services, retries: RetryPolicy, queues: Collection[str]
    ) -> None:
        self._engine = engine
        self._services = services
        self._retries = retries
        self._stages = [stage for stage, queue in QUEUE_OF_STAGE.items() if queue in queues]

    def ask(self) -> None:
        """Ask the services that are due; stages whose service answers are open again."""
        with self._engine.begin() as connection:
            due = rows.take_due(connection, self._stages, self._retries.first_seconds)
        for outage in due:
            self._ask(outage)

    def _ask(self, outage: rows.Due) -> None:
        away = what_is_away(self._services, outage.service)
        with self._engine.begin() as connection:
            if away is None:
                rows.end(connection, outage.stage)
            else:
                rows.record(connection, outage.stage, away, self._seconds(outage.stage, away))
        log.info("service_asked", service=outage.service, stage=outage.stage, away=away is not None)

    def _seconds(self, stage: StageName, away: DocmillError) -> float:
        return self._retries.rest(QUEUE_OF_STAGE[stage], away, random.random())  # noqa: S311
