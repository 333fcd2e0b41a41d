"""`docmill doctor`: what runs, whether it can do its work, and why a document does not move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from pydantic import SecretStr

from docmill.adapters.broker import QUEUES
from docmill.db.workers import Ping
from docmill.domain.errors import DatabaseUnavailable
from docmill.domain.findings import Cause, Finding, Severity
from docmill.local.checks import Fact, Look, look_at_machine, look_at_servers
from docmill.local.reach import reaching
from docmill.local.repair import Repair, repair
from docmill.local.state import State, read_state
from docmill.services.pings import ping_all
from docmill.settings import Settings

_PING_SECONDS = 10.0
_NO_WORK = frozenset({Cause.DATABASE_UNREACHABLE, Cause.MIGRATION_MISSING, Cause.PGVECTOR_MISSING})
_NO_PING = frozenset({Cause.DATABASE_UNREACHABLE, Cause.BROKER_UNREACHABLE, Cause.PGVECTOR_MISSING})


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at. `repairs` and `pings` are empty where nothing was to be repaired."""

    facts: Sequence[Fact]
    findings: Sequence[Finding]
    repairs: Sequence[Repair] = ()
    pings: Sequence[Ping] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found; what is merely told (a notice) does not count."""
        return all(finding.severity is Severity.NOTICE for finding in self.findings)

    def as_row(self) -> dict[str, object]:
        """The report as JSON shows it."""
        return {
            "healthy": self.is_healthy,
            "findings": [finding.as_row() for finding in self.findings],
            "facts": [asdict(fact) for fact in self.facts],
            "repairs": [asdict(repair) for repair in self.repairs],
            "pings": [
                {"queue": ping.queue, "seconds": ping.seconds, "worker": ping.worker_id}
                for ping in self.pings
            ],
        }


def examine(
    settings: Settings,
    document_id: UUID | None = None,
    *,
    fix: bool = False,
    ping_seconds: float = _PING_SECONDS,
) -> Report:
    """Look at everything, whether docmill runs or not; with `fix`, repair what can be and look again.

    Without `fix` it changes nothing; with it, a ping goes through every queue, and its answer is waited for
    up to `ping_seconds`. Raises DocumentNotFound.
    """
    state = read_state(settings.home)
    known = _as_running(settings, state)
    report = _look(known, state, document_id)
    if not fix:
        return report
    repairs = repair(known, state, report.findings)
    pings, unanswered = _ping(known, report, ping_seconds)
    after = _look(known, read_state(settings.home), document_id)
    return Report(after.facts, [*after.findings, *unanswered], repairs, pings)


def _as_running(settings: Settings, state: State | None) -> Settings:
    """The settings with the addresses of what runs here."""
    if state is None:
        return settings
    urls = {"database_url": SecretStr(state.database_url), "broker_url": SecretStr(state.broker_url)}
    return settings.model_copy(update=urls)


def _look(settings: Settings, state: State | None, document_id: UUID | None) -> Report:
    looks: list[Look] = [*look_at_machine(settings, state), *look_at_servers(settings)]
    findings = [look for look in looks if isinstance(look, Finding)]
    if settings.database_url and settings.broker_url and not _NO_WORK & {one.cause for one in findings}:
        findings = [*_work(settings, document_id), *findings]
    return Report([look for look in looks if isinstance(look, Fact)], findings)


def _work(settings: Settings, document_id: UUID | None) -> list[Finding]:
    """The document first, if one is asked for; then what stands in the way of all."""
    with reaching(settings) as reach:
        try:
            about = [] if document_id is None else [reach.diagnosis.document(document_id)]
            return [*about, *reach.diagnosis.work()]
        except DatabaseUnavailable as error:  # it answered a moment ago
            return [Finding(Cause.DATABASE_UNREACHABLE, "database", error.message)]


def _ping(settings: Settings, report: Report, seconds: float) -> tuple[list[Ping], list[Finding]]:
    """A message through every queue and back, and what the missing answers say."""
    causes = {finding.cause for finding in report.findings}
    if not (settings.database_url and settings.broker_url) or causes & _NO_PING:
        return [], []
    with reaching(settings) as reach:
        pings = ping_all(reach.engine, reach.dispatcher.ping, QUEUES, seconds)
        lost = [ping.queue for ping in pings if ping.seconds is None]
        return pings, reach.diagnosis.unanswered(lost)
