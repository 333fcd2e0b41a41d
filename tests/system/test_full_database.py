"""PostgreSQL on a disk that is full: what was accepted waits, and goes on when there is room again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import DiskFull
from tests.disks import MISSING, Disk, mounted_disk
from tests.polling import eventually
from tests.servers import IN_A_HURRY, temporary_home
from tests.serving import Served, serving

from docmill.db.migrate import upgrade
from docmill.local.postgres import Cluster
from docmill.local.readiness import conninfo
from docmill.local.servers import start_postgres


@pytest.fixture
def disk() -> Iterator[Disk]:
    with mounted_disk(1024**3) as own:
        if own is None:
            pytest.skip(MISSING)
        yield own


@pytest.fixture
def cluster(disk: Disk) -> Iterator[Cluster]:
    """A PostgreSQL of this test's own on that disk."""
    with temporary_home() as home:
        (home / "postgres").symlink_to(disk.place("postgres"))
        settings = {**IN_A_HURRY, "max_wal_size": "128MB"}
        with start_postgres(home, settings=settings) as running:
            upgrade(running.url)
            yield running


@pytest.fixture
def served(cluster: Cluster, broker: str, tmp_path: Path) -> Iterator[Served]:
    """The API and a worker over it, whose retries come after a second and do not end."""
    with serving(
        cluster.url, broker, tmp_path, retry_seconds=1, retry_limit=100, lease_seconds=5, step_seconds=0.05
    ) as running:
        running.here.start("worker")
        yield running


def test_documents_wait_for_room_and_nothing_is_lost(served: Served, cluster: Cluster, disk: Disk) -> None:
    undisturbed = served.publish("first.txt", text_about("streams"))
    accepted = served.upload("second.txt", text_about("harbour")).json()
    eventually(lambda: served.here.rows("SELECT id FROM document_tasks WHERE status = 'running'"))
    with disk.full():
        with pytest.raises(DiskFull):
            take_room(cluster)
        assert served.upload("third.txt", text_about("bridges")).status_code in (202, 503)
        assert served.client.get(f"/api/v1/documents/{undisturbed}").is_success
        eventually(lambda: "database_" in log_of_worker(served), 30)

    third = eventually(lambda: taken(served, "third.txt", text_about("bridges")), 30)
    tasks = [UUID(accepted["task_id"]), UUID(third["task_id"])]
    assert served.here.wait_until_ended(*tasks) == ["succeeded", "succeeded"]
    whole = len(served.here.content(UUID(undisturbed)))
    for document in (accepted, third):
        assert len(served.here.content(UUID(document["document_id"]))) == whole


def text_about(what: str) -> bytes:
    """Long enough to be in work for seconds; as many chunks whatever it is about (seven letters)."""
    sentence = "Paragraph {n} tells of token{n} and of {what}. "
    return "\n\n".join(sentence.format(n=n, what=what) * 3 for n in range(800)).encode()


def take_room(cluster: Cluster) -> None:
    """A table that is written to no log, so that the server stays up when it finds no room."""
    with psycopg.connect(conninfo(cluster.administrator_url)) as connection:
        connection.execute(
            "CREATE TEMP TABLE filling AS SELECT repeat('x', 500) FROM generate_series(1, 100000)"
        )


def log_of_worker(served: Served) -> str:
    return (served.here.settings.home / "worker.log").read_text()


def taken(served: Served, name: str, content: bytes) -> dict[str, Any]:
    """What the upload was answered with; empty while the database has not come back."""
    answer = served.upload(name, content)
    return dict(answer.json()) if answer.is_success else {}
