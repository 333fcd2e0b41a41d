"""Each reason why a document does not move has a name of its own, and each safe repair removes its reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine
from tests.installations import Installation, installation
from tests.model_servers import DOWN, serving_model
from tests.pipelines import execute, put_in_line, task_row

from docmill.db.revisions import head_revision
from docmill.domain.errors import DocumentNotFound
from docmill.domain.findings import ADVICE, Cause, Finding, Severity
from docmill.domain.states import StageName
from docmill.local.addresses import choose_port
from docmill.local.checks import clock, disk
from docmill.local.doctor import Report, examine
from docmill.pipeline.owner import this_host, this_process
from docmill.settings import load_settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path) as running:
        yield running


@pytest.fixture
def engine(here: Installation) -> Engine:
    """An installation on which recovery and Beat ran a moment ago."""
    execute(here.app.engine, "INSERT INTO sweeps (name) VALUES ('recovery'), ('beat')")
    return here.app.engine


def causes(report: Report) -> set[Cause]:
    return {finding.cause for finding in report.findings}


def about(report: Report, cause: Cause) -> Finding:
    return next(finding for finding in report.findings if finding.cause is cause)


def add_worker(
    engine: Engine,
    *,
    host: str = this_host(),
    queues: str = "{extract}",
    silent: float = 0,
    idle: float | None = None,
) -> None:
    execute(
        engine,
        """INSERT INTO workers (id, host, queues, version, started_at, seen_at, idle_since) VALUES
        (:host || '/1', :host, :queues, '', now() - interval '1 hour',
        now() - make_interval(secs => :silent), now() - make_interval(secs => :idle))""",
        host=host,
        queues=queues,
        silent=silent,
        idle=idle,
    )


def document_of(engine: Engine, task_id: UUID) -> UUID:
    return UUID(str(task_row(engine, task_id).document_id))


def make_older(engine: Engine, seconds: float) -> None:
    execute(
        engine,
        """UPDATE document_tasks SET updated_at = updated_at - make_interval(secs => :s),
        dispatched_at = dispatched_at - make_interval(secs => :s)""",
        s=seconds,
    )


def test_an_installation_without_trouble_is_healthy(here: Installation, engine: Engine) -> None:
    add_worker(engine)
    report = examine(here.settings)
    assert report.is_healthy
    assert report.findings == []


def test_a_document_without_a_worker_waits_for_one(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    add_worker(engine, queues="{embed}")
    report = examine(here.settings, document_of(engine, task))
    assert not report.is_healthy
    assert about(report, Cause.DOCUMENT_QUEUED).what.startswith("In line at extract for ")
    assert about(report, Cause.NO_CONSUMER).what == (
        "1 document at extract, and no living worker serves the queue."
    )


def test_messages_that_the_broker_lost_are_sent_again(here: Installation, engine: Engine) -> None:
    for _ in range(3):
        put_in_line(engine)
    make_older(engine, 60)
    add_worker(engine, queues="{extract}")
    assert Cause.QUEUE_LOST in causes(examine(here.settings))

    [repair] = fixed(here).repairs
    assert repair.what == "0 documents were taken from dead workers, 3 messages sent again."
    assert here.app.dispatcher.waiting("extract") >= 3  # type: ignore[operator]
    assert Cause.QUEUE_LOST not in causes(examine(here.settings))


def fixed(here: Installation) -> Report:
    """As `docmill doctor --fix`, without waiting for pings that nobody here can answer."""
    return examine(here.settings, fix=True, ping_seconds=0.1)


def test_a_worker_that_is_gone_is_forgotten(here: Installation, engine: Engine) -> None:
    add_worker(engine, silent=60)
    report = examine(here.settings)
    assert report.is_healthy
    assert about(report, Cause.WORKER_GONE).what.startswith("Its last sign of life is 6")
    assert Cause.WORKER_GONE not in causes(fixed(here))


def test_a_worker_that_is_idle_beside_messages_is_deaf(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    here.app.dispatcher.send(StageName.EXTRACT, task, 5)
    add_worker(engine, idle=60)
    assert Cause.WORKER_DEAF not in causes(examine(here.settings))  # the message has only just come
    make_older(engine, 60)
    report = examine(here.settings)
    assert about(report, Cause.WORKER_DEAF).what.startswith("Messages wait in extract")


def test_a_busy_worker_is_not_deaf(here: Installation, engine: Engine) -> None:
    here.app.dispatcher.send(StageName.EXTRACT, put_in_line(engine), 5)
    make_older(engine, 60)
    add_worker(engine, idle=None)
    assert causes(examine(here.settings)) == set()


def test_a_lease_that_nobody_takes_back_is_freed(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    execute(
        engine,
        """UPDATE document_tasks SET status = 'running', owner = :owner, fence = 1,
        lease_until = now() - interval '1 minute'""",
        owner=str(this_process()),
    )
    report = examine(here.settings, document_of(engine, task))
    assert [one.subject for one in report.findings if one.cause is Cause.LEASE_EXPIRED] == ["a.txt", "leases"]
    fixed(here)
    assert task_row(engine, task).status == "queued"


def test_recovery_and_beat_that_are_silent_are_told(here: Installation) -> None:
    add_worker(here.app.engine)
    report = examine(here.settings)
    assert about(report, Cause.RECOVERY_SILENT).what == "It has never run."
    assert Cause.BEAT_SILENT in causes(report)
    assert Cause.RECOVERY_SILENT not in causes(fixed(here))


def test_a_hold_and_a_drain_are_told_with_their_reason(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    execute(engine, "INSERT INTO stage_holds (stage, reason) VALUES ('extract', 'new reader')")
    report = examine(here.settings, document_of(engine, task))
    assert report.is_healthy
    assert [one.subject for one in report.findings] == ["a.txt", "stage extract"]
    assert about(report, Cause.STAGE_HELD).what.endswith("new reader.")
    execute(engine, "UPDATE stage_holds SET stage = '*'")
    assert about(examine(here.settings, document_of(engine, task)), Cause.DRAINING).subject == "a.txt"


def test_an_outage_is_told_of_its_stage_and_of_who_waits_there(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    execute(
        engine,
        """INSERT INTO stage_outages (stage, host, queue, service, code, message, until)
        VALUES ('extract', :host, 'extract', 'store', 'storage_full', 'No space.', now() + '1 minute')""",
        host=this_host(),
    )
    assert Cause.NO_CONSUMER in causes(examine(here.settings))  # which comes before what is away

    add_worker(engine)
    report = examine(here.settings, document_of(engine, task))
    told = [one for one in report.findings if one.cause is Cause.STORE_UNREACHABLE]
    assert [one.subject.partition(" on ")[0] for one in told] == ["a.txt", "stage extract"]
    assert all(one.what.endswith("No space. [storage_full]") for one in told)

    add_worker(engine, host="elsewhere:boot:1")
    waits = examine(here.settings, document_of(engine, task)).findings[0]
    assert waits.cause is Cause.DOCUMENT_QUEUED  # for a worker of the other host


ERROR = '{"code": "storage_unavailable", "message": "The storage cannot be read."}'
STATES = {
    "status = 'paused', desired = 'pause'": (Cause.DOCUMENT_PAUSED, "Paused at extract"),
    "next_attempt_at = now() + interval '40 s'": (Cause.STORE_UNREACHABLE, "The storage cannot be read."),
    "status = 'failed'": (Cause.DOCUMENT_FAILED, "[storage_unavailable]"),
    "status = 'cancelled'": (Cause.DOCUMENT_CANCELLED, "Cancelled at extract"),
    "status = 'succeeded'": (Cause.DOCUMENT_PUBLISHED, "Published"),
}


@pytest.mark.parametrize("state", STATES)
def test_a_document_is_told_where_it_stands(here: Installation, engine: Engine, state: str) -> None:
    task = put_in_line(engine)
    execute(engine, f"UPDATE document_tasks SET {state}, error = CAST(:error AS jsonb)", error=ERROR)
    cause, part = STATES[state]
    finding = examine(here.settings, document_of(engine, task)).findings[0]
    assert (finding.cause, finding.subject) == (cause, "a.txt")
    assert part in finding.what


def test_a_document_in_work_names_its_process(here: Installation, engine: Engine) -> None:
    task = put_in_line(engine)
    execute(
        engine,
        """UPDATE document_tasks SET status = 'running', owner = :owner,
        lease_until = now() + interval '1 minute'""",
        owner=str(this_process()),
    )
    finding = examine(here.settings, document_of(engine, task)).findings[0]
    assert finding.cause is Cause.DOCUMENT_RUNNING
    assert f"process {this_process().pid}" in finding.what


def test_a_document_that_does_not_exist_is_an_error(here: Installation) -> None:
    with pytest.raises(DocumentNotFound):
        examine(here.settings, uuid4())


def test_a_database_without_our_tables_is_migrated(here: Installation, engine: Engine) -> None:
    execute(engine, "DROP OWNED BY CURRENT_USER")
    what = f"The database is at nothing, the newest is {head_revision()}."
    assert about(examine(here.settings), Cause.MIGRATION_MISSING).what == what
    report = fixed(here)
    assert [repair.name for repair in report.repairs] == ["migrate"]
    assert Cause.MIGRATION_MISSING not in causes(report)


def test_servers_that_are_down_are_findings_and_not_crashes(here: Installation) -> None:
    nowhere = f"127.0.0.1:{choose_port(0, '')}"
    urls = {"database_url": f"postgresql://docmill@{nowhere}/docmill", "broker_url": f"redis://{nowhere}/0"}
    report = examine(here.settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()}))
    assert {Cause.DATABASE_UNREACHABLE, Cause.BROKER_UNREACHABLE} <= causes(report)
    assert not report.is_healthy
    assert about(report, Cause.DATABASE_UNREACHABLE).what == f"{nowhere} does not answer."


def test_the_report_is_all_that_a_program_reads(here: Installation) -> None:
    nowhere = f"redis://127.0.0.1:{choose_port(0, '')}/0"
    told = subprocess.run(
        [sys.executable, "-m", "docmill", "doctor", "--json"],
        env={
            **os.environ,
            "DOCMILL_HOME": str(here.settings.home),
            "DOCMILL_EMBEDDER": "hashing",
            "DOCMILL_DATABASE_URL": here.settings.database,
            "DOCMILL_BROKER_URL": nowhere,
        },
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert "broker_unreachable" in [finding["code"] for finding in json.loads(told.stdout)["findings"]]


def test_a_broker_that_drops_messages_when_it_is_full_is_told(
    here: Installation, engine: Engine, broker: str
) -> None:
    with redis.Redis.from_url(broker) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert about(examine(here.settings), Cause.BROKER_EVICTS).what == (
                "Its maxmemory-policy is allkeys-lru."
            )
        finally:
            client.config_set("maxmemory-policy", "noeviction")


def test_a_full_disk_a_wrong_clock_and_a_closed_folder_are_told(here: Installation, tmp_path: Path) -> None:
    assert isinstance(full := disk("storage", tmp_path, least=2**60), Finding)
    assert full.cause is Cause.DISK_FULL
    assert isinstance(skewed := clock(1000.0, 1060.0), Finding)
    assert skewed.what == "This host is +60 s from the database."
    (tmp_path / "a-file").touch()
    report = examine(here.settings.model_copy(update={"storage_dir": tmp_path / "a-file" / "storage"}))
    assert Cause.FOLDER_UNWRITABLE in causes(report)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("database_busy", Cause.RETRY_WAITING),
        ("storage_full", Cause.STORE_UNREACHABLE),
        ("model_unavailable", Cause.MODEL_UNREACHABLE),
        ("quota_exceeded", Cause.QUOTA_EXCEEDED),
    ],
)
def test_what_documents_wait_for_is_told_once_for_all(
    here: Installation, engine: Engine, code: str, cause: Cause
) -> None:
    for _ in range(2):
        put_in_line(engine)
    execute(
        engine,
        """UPDATE document_tasks SET next_attempt_at = now() + interval '40 s',
        error = jsonb_build_object('code', CAST(:code AS text), 'message', 'Away.')""",
        code=code,
    )
    what = about(examine(here.settings), cause).what
    assert re.fullmatch(rf"2 documents \[{code}\], the first is tried again in (39|40) s\.", what)


def test_a_model_elsewhere_is_asked(here: Installation) -> None:
    with serving_model() as server:
        remote = load_settings(**{**dict(here.settings), **server.settings})
        assert Cause.MODEL_UNREACHABLE not in causes(examine(remote))
        server.usual = DOWN
        finding = about(examine(remote), Cause.MODEL_UNREACHABLE)
    assert (finding.subject, finding.what) == ("model", "The server of the embedding model answers 500.")
    assert about(examine(remote), Cause.MODEL_UNREACHABLE).severity is Severity.ERROR


def test_a_model_that_is_not_there_is_told(here: Installation, tmp_path: Path) -> None:
    report = examine(here.settings.model_copy(update={"embedder": "minilm", "model_dir": tmp_path / "none"}))
    assert Cause.MODEL_UNREACHABLE in causes(report)


def test_every_cause_has_an_advice_and_is_described() -> None:
    assert ADVICE.keys() == set(Cause)
    page = (DOCS / "how-to" / "find-out-why.md").read_text()
    listed = {
        code: (severity, repaired == "yes")
        for code, severity, repaired in re.findall(r"^\| `(\w+)` \| (\w+) \| (yes|no) \|", page, re.M)
    }
    assert listed == {cause: (Severity(one.severity), one.can_be_fixed) for cause, one in ADVICE.items()}
