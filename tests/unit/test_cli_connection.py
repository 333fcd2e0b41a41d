"""Which docmill the commands talk to, and which key it gets to see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from docmill.cli.connection import connect
from docmill.domain.errors import NotAuthenticated, NotRunning
from docmill.local.state import State, only_one, prepare_home, write_private, write_state

OWN = "http://127.0.0.1:8411"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a key; nothing else is set."""
    for name in [name for name in os.environ if name.startswith("DOCMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCMILL_HOME", str(tmp_path))
    prepare_home(tmp_path)
    write_private(tmp_path / "api_key", "dm_kept")
    return tmp_path


@pytest.fixture
def running(home: Path) -> Iterator[None]:
    """As after `docmill up`: this process holds the data directory and has said where its API is."""
    with only_one(home):
        write_state(home, State(os.getpid(), 0.0, OWN, "postgresql://", "redis://"))
        yield


def test_what_runs_here_gets_the_key_that_is_kept_here(running: None) -> None:
    with connect() as client:
        assert client.url == OWN


@pytest.mark.parametrize("url", [OWN, f"{OWN}/", f"{OWN}/api/v1"])
def test_its_address_may_also_be_set(running: None, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DOCMILL_API_URL", url)
    with connect() as client:
        assert client.url == OWN


@pytest.mark.parametrize("url", ["http://127.0.0.1:8412", f"{OWN}0", "https://docmill.example.org"])
def test_another_docmill_never_sees_that_key(
    running: None, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DOCMILL_API_URL", url)
    with pytest.raises(NotAuthenticated, match="Set DOCMILL_API_KEY"):
        connect()
    monkeypatch.setenv("DOCMILL_API_KEY", "dm_theirs")
    with connect() as client:
        assert client.url == url


def test_where_nothing_runs_there_is_nobody_to_talk_to(home: Path) -> None:
    with pytest.raises(NotRunning):
        connect()
