"""`docmill config`: where each value came from, and no secret in sight."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docmill.cli.app import command_line
from docmill.cli.configuration import SettingLine, mask, setting_lines, settings
from docmill.domain.errors import InvalidSettings
from docmill.domain.masking import MASK
from docmill.settings import load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a settings file, and nothing set in the environment but its place."""
    (tmp_path / "docmill.env").write_text("DOCMILL_EMBED_BATCH=8\nDOCMILL_API_PORT=9000\n")
    monkeypatch.setenv("DOCMILL_HOME", str(tmp_path))
    return tmp_path


def line(name: str, environment: dict[str, str]) -> SettingLine:
    return next(found for found in setting_lines(load_settings(), environment) if found.name == name)


def test_a_value_of_the_environment_comes_before_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCMILL_API_PORT", "9100")
    found = line("DOCMILL_API_PORT", {"DOCMILL_API_PORT": "9100"})
    assert (found.value, found.source) == ("9100", "environment")


def test_a_value_of_the_file_says_so(home: Path) -> None:
    found = line("DOCMILL_EMBED_BATCH", {})
    assert (found.value, found.source) == ("8", "docmill.env")


def test_the_rest_is_default(home: Path) -> None:
    found = line("DOCMILL_DATABASE_URL", {"DOCMILL_DATABASE_URL": ""})
    assert (found.value, found.source) == (None, "default")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("dm_0123456789", MASK),
        ("postgresql://docmill:s3cret@db:5432/docmill", f"postgresql://{MASK}@db:5432/docmill"),
        ("redis://:s3cret@127.0.0.1:6379/0", f"redis://{MASK}@127.0.0.1:6379/0"),
        ("redis://s3cret@broker/0", f"redis://{MASK}@broker/0"),
        ("redis://:s3/cr#et@broker/0", f"redis://{MASK}@broker/0"),
        ("postgresql://docmill:s3?c=ret@db/docmill", f"postgresql://{MASK}@db/docmill"),
        ("amqp://docmill:s3 cret\n@broker", f"amqp://{MASK}@broker"),
        (
            "postgresql:///docmill?host=/run&password=s3cret",
            f"postgresql:///docmill?host=/run&password={MASK}",
        ),
        (
            "postgresql:///docmill?password=s3#cret&sslmode=require",
            f"postgresql:///docmill?password={MASK}&sslmode=require",
        ),
        ("postgresql://u:p@ss:w@db/d", f"postgresql://{MASK}@db/d"),
        ("http://127.0.0.1:8400", "http://127.0.0.1:8400"),
    ],
)
def test_what_lets_somebody_in_is_masked(value: str, shown: str) -> None:
    assert mask(value) == shown


def test_no_secret_is_printed(home: Path) -> None:
    secrets = {
        "DOCMILL_DATABASE_URL": "postgresql://docmill:hunter2@db/docmill",
        "DOCMILL_BROKER_URL": "redis://:hunter2@broker/0",
        "DOCMILL_API_KEY": "hunter2",
        "DOCMILL_API_URL": "https://docmill:hunter2@example.org",
    }
    for option in ([], ["--json"]):
        result = CliRunner().invoke(command_line(), ["config", *option], env=secrets)
        assert result.exit_code == 0
        assert "hunter2" not in result.output
        assert "db/docmill" in result.output


def test_a_wrong_value_is_named_and_not_repeated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCMILL_API_PORT", "secret-in-the-wrong-place")
    with pytest.raises(InvalidSettings) as caught:
        settings()
    assert "DOCMILL_API_PORT" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER_URL", "foo://host"),
        ("BROKER_URL", "host:6379"),
        ("BROKER_URL", "redis://host:hunter2"),
        ("BROKER_URL", "redis://host:70000"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "mysql://host/docmill"),
        ("DATABASE_URL", "postgresql://host:hunter2/docmill"),
        ("DATABASE_URL", "postgresql://host:70000/docmill"),
        ("WORKER_QUEUES", "extract,hunter2"),
        ("WORKER_QUEUES", ","),
    ],
)
def test_a_value_that_nothing_can_be_done_with_is_wrong_usage(home: Path, name: str, value: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "docmill", "config"],
        env={**os.environ, f"DOCMILL_{name}": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert f"DOCMILL_{name}: " in result.stderr
    assert "[invalid_settings]" in result.stderr
    assert "hunter2" not in result.stderr
    assert name != "WORKER_QUEUES" or "extract, ocr, text, embed, index, maintenance" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER_URL", "sentinel://one:26379;sentinel://two:26379"),
        ("BROKER_URL", "amqp://guest:guest@host:5672//"),
        ("BROKER_URL", "redis+socket:///run/redis.sock"),
        ("DATABASE_URL", "postgres://docmill@host/docmill"),
        ("DATABASE_URL", "postgresql+psycopg://u:pa?ss@host/docmill"),
        ("DATABASE_URL", "postgresql:///docmill?host=/run/postgresql"),
        ("WORKER_QUEUES", "extract, text"),
    ],
)
def test_every_usual_way_to_name_a_server_is_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DOCMILL_{name}", value)
    assert settings()


@pytest.mark.parametrize("command", [["up"], ["up", "--detach"], ["api"]])
def test_a_host_that_nobody_knows_is_wrong_usage(home: Path, command: list[str]) -> None:
    unused = {
        "DOCMILL_DATABASE_URL": "postgresql://127.0.0.1:9/x",
        "DOCMILL_BROKER_URL": "redis://127.0.0.1:9",
    }
    result = subprocess.run(
        [sys.executable, "-m", "docmill", *command],
        env={**os.environ, **unused, "DOCMILL_API_HOST": "no-such-host.invalid"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "DOCMILL_API_HOST: " in result.stderr
