"""The database and the broker without the rest of the application: the doctor works when parts are down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from docmill.adapters.broker import CeleryDispatcher
from docmill.db.engine import connect
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
    sweep, deaf = settings.sweep_seconds, settings.worker_deaf_seconds
    try:
        yield Reach(engine, dispatcher, Diagnosis(engine, dispatcher, sweep_seconds=sweep, deaf_seconds=deaf))
    finally:
        engine.dispose()
