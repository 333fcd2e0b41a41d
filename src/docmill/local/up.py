"""`docmill up`: the whole product as one process tree, until somebody wants it to stop."""

from __future__ import annotations

import os
from collections.abc import Sequence

import psutil
from pydantic import SecretStr

from docmill.db.migrate import upgrade
from docmill.domain.errors import BrokerUnavailable, DatabaseUnavailable
from docmill.local import daemon, postgres, product, redis
from docmill.local.addresses import address_of, choose_port, shared_port
from docmill.local.forks import ForkServer
from docmill.local.leftovers import end, started_for
from docmill.local.readiness import broker_answers, database_answers
from docmill.local.signals import StopSignals
from docmill.local.state import RunningPart, State, only_one, prepare_home, write_state
from docmill.local.supervisor import StopAsked, Supervisor
from docmill.local.terminal import Announce, Say, logged, terminal, welcome
from docmill.settings import Settings


def up(settings: Settings, *, detach: bool) -> int:
    """Run the product until a stop signal, or with `detach` until it is ready; returns the exit code.

    Raises InvalidSettings, AlreadyRunning, PortTaken, PartMissing, SetupError, DatabaseUnavailable,
    BrokerUnavailable.
    """
    settings.check_api_host()
    prepare_home(settings.home)
    show = terminal()
    if not detach:
        return _run(settings, show, lambda lines: _print(show, lines, "Ctrl-C stops everything."))
    log = settings.home / "logs" / "supervisor.log"
    lines = daemon.detach(log, lambda announce: _run(settings, _nobody_listens, announce))
    _print(show, lines, "`docmill down` stops everything.")
    return 0


def _nobody_listens(_line: str) -> None:
    """A detached supervisor speaks to its log alone."""


def _print(show: Say, lines: Sequence[str], last: str) -> None:
    for line in (*lines, last):
        show(line)


def _run(settings: Settings, show: Say, announce: Announce) -> int:
    with only_one(settings.home), logged(settings.home / "logs", show) as say, StopSignals() as signals:
        end(started_for(settings.home), patience=1.0)
        supervisor = Supervisor(settings.home / "logs", say, signals)
        try:
            _serve(supervisor, settings, announce)
        except StopAsked:
            say("docmill stops while starting.")
        finally:
            supervisor.stop()
            end(started_for(settings.home), patience=0.0)
        say("docmill has stopped.")
    return 0


def _serve(supervisor: Supervisor, settings: Settings, announce: Announce) -> None:
    """Start everything in order, say so, and keep it running, with the API's port kept for it."""
    with shared_port(settings.api_port, "DOCMILL_API_PORT", settings.api_host) as port:
        _serve_at(port, supervisor, settings, announce)


def _serve_at(port: int, supervisor: Supervisor, settings: Settings, announce: Announce) -> None:
    is_first = not product.has_key(settings)
    server = ForkServer()
    loading = supervisor.begin(product.forks(settings, server))
    ready = settings.model_copy(
        update={
            "api_port": port,
            "api_key": product.api_key(settings),
            "broker_url": SecretStr(_broker(supervisor, settings)),
            "database_url": SecretStr(_database(supervisor, settings)),
        }
    )
    supervisor.wait_for(loading)
    supervisor.start(product.worker(ready, server), product.beat(ready, server), *product.api(ready, server))
    state = _publish(supervisor, ready)
    new_key = product.api_key(ready).get_secret_value() if is_first else None
    announce(welcome(state, settings, new_key))
    supervisor.watch(changed=lambda: _publish(supervisor, ready))


def _broker(supervisor: Supervisor, settings: Settings) -> str:
    """The URL of the user's broker, or of ours, which is started."""
    if settings.broker_url:
        url = settings.broker_url.get_secret_value()
        if not broker_answers(url):
            raise BrokerUnavailable("The broker at DOCMILL_BROKER_URL does not answer. Check the URL.")
        supervisor.note(RunningPart("broker", None, f"yours, {address_of(url)}"))
        return url
    port = choose_port(settings.broker_port, "DOCMILL_BROKER_PORT")
    own = redis.broker(settings.home, port, settings.redis_bin)
    supervisor.start(redis.part(own))
    return own.url


def _database(supervisor: Supervisor, settings: Settings) -> str:
    """The URL of the user's database, or of ours, which is started; migrated in both cases."""
    if settings.database_url:
        url = settings.database_url.get_secret_value()
        if not database_answers(url):
            raise DatabaseUnavailable("The database at DOCMILL_DATABASE_URL does not answer. Check the URL.")
        supervisor.note(RunningPart("database", None, f"yours, {address_of(url)}"))
    else:
        port = choose_port(settings.database_port, "DOCMILL_DATABASE_PORT")
        own = postgres.cluster(settings.home, port, settings.postgres_bin)
        supervisor.start(postgres.part(own))
        postgres.prepare(own)
        url = own.url
    upgrade(url)
    return url


def _publish(supervisor: Supervisor, settings: Settings) -> State:
    """Write down who runs where."""
    state = State(
        pid=os.getpid(),
        started_at=psutil.Process().create_time(),
        api_url=product.api_url(settings),
        database_url=settings.database,
        broker_url=settings.broker,
        parts=supervisor.running,
    )
    write_state(settings.home, state)
    return state
