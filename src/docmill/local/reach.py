"""The database and the broker without the rest of the application: the doctor works when parts are down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from docmill.adapters.broker import CeleryDispatcher
from docmill.adapters.embedders import make_embedder
from docmill.db.engine import connect
from docmill.domain.errors import SetupError
from docmill.services.diagnosis import Diagnosis
from docmill.settings import Settings


@dataclass(frozen=True, slots=True)
class Reach:
    """What the doctor asks, and what it repairs by."""

    engine: Engine
    dispatcher: CeleryDispatcher
    diagnosis: Diagnosis


@contextlib.contextmanager
def reaching(settings: Settings) -> Iterator[Reach]:
    """Both servers for as long as the block lasts. Raises NotConfigured."""
    engine = connect(settings.database, pool_size=1)
    dispatcher = CeleryDispatcher(settings.broker)
    diagnosis = Diagnosis(
        engine,
        dispatcher,
        model=_model(settings),
        sweep_seconds=settings.sweep_seconds,
        deaf_seconds=settings.worker_deaf_seconds,
    )
    try:
        yield Reach(engine, dispatcher, diagnosis)
    finally:
        engine.dispose()


def _model(settings: Settings) -> str | None:
    """The name of the model; None where it is not there, which is a finding of its own."""
    try:
        return make_embedder(settings).model
    except SetupError:
        return None
