"""Services that stages need: whether one is away, and the question that is asked again until it is back."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Engine

from docmill.db import outages as rows
from docmill.domain.errors import DocmillError, QuotaExceeded
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import QUEUE_OF_STAGE, Service, StageName
from docmill.logs import get_logger
from docmill.pipeline.owner import seconds_lived, this_host

log = get_logger(__name__)

_ANSWERED_WITHIN = 120.0  # seconds; whoever asks is taken for dead behind that

Services = Mapping[Service, Callable[[], object]]  # how each is asked; raises what it answers when it is away


def what_is_away(services: Services, error: DocmillError) -> DocmillError | None:
    """What the service that failed says when it is asked without any document; None if it answers.

    A quota need not be asked for: whoever has none left gets nothing.
    """
    if isinstance(error, QuotaExceeded):
        return error
    return _answer(services, error.service) if error.service else None


def _answer(services: Services, service: Service) -> DocmillError | None:
    try:
        services.get(service, lambda: None)()
    except DocmillError as said:
        return said if said.retryable and said.service is service else None
    return None


class Outages:
    """Asks for the stages of these queues on this host, where one process at a time asks a service."""

    def __init__(
        self, engine: Engine, services: Services, retries: RetryPolicy, queues: Collection[str]
    ) -> None:
        self._engine = engine
        self._services = services
        self._retries = retries
        self._host = this_host()
        self._is_new = True
        self._stages = [stage for stage, queue in QUEUE_OF_STAGE.items() if queue in queues]

    def ask(self) -> None:
        """Ask the services that are due; stages whose service answers are open again.

        The first time, what was away before is forgotten: this worker may have other settings.
        """
        with self._engine.begin() as connection:
            if self._is_new:
                rows.forget(connection, self._host, seconds_lived())
            due = rows.take_due(connection, self._host, self._stages, _ANSWERED_WITHIN)
        self._is_new = False
        for outage in due:
            self._ask(outage)

    def _ask(self, outage: rows.Due) -> None:
        away = _answer(self._services, outage.service)
        with self._engine.begin() as connection:
            if away is None:
                rows.end_here(connection, outage.stage, self._host)
            else:
                rows.go_on(connection, outage.stage, self._host, away, self._seconds(outage.stage, away))
        log.info("service_asked", service=outage.service, stage=outage.stage, away=away is not None)

    def _seconds(self, stage: StageName, away: DocmillError) -> float:
        return self._retries.rest(QUEUE_OF_STAGE[stage], random.random(), away)  # noqa: S311
