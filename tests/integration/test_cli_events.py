"""`docmill events` and `docmill history`: what is stored, and what happens, also while the API is away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.forking import FORKING
from tests.installations import Installation, Program, installation
from tests.polling import eventually
from tests.serving import KEY

from docmill.local.addresses import choose_port
from docmill.local.readiness import api_answers

DOCMILL = [sys.executable, "-m", "docmill"]


def environment(here: Installation) -> dict[str, str]:
    return {**os.environ, "DOCMILL_API_URL": address(here), "DOCMILL_API_KEY": KEY}


def address(here: Installation) -> str:
    return f"http://127.0.0.1:{here.settings.api_port}"


def says(here: Installation, *words: str) -> str:
    done = FORKING.run(*words, environment=environment(here))
    done.check_returncode()
    return done.stdout


def start_api(here: Installation) -> Program:
    api = here.start("api")
    eventually(lambda: api_answers(address(here)), 30)
    return api


def test_who_follows_misses_nothing_while_the_api_is_away(
    fresh_database: str, broker: str, tmp_path: Path
) -> None:
    port, told = choose_port(0, "DOCMILL_API_PORT"), tmp_path / "told"
    with (
        installation(fresh_database, broker, tmp_path, api_key=KEY, api_port=port) as here,
        told.open("w") as output,
    ):
        api = start_api(here)
        follow = [*DOCMILL, "events", "--follow", "--last-id", "0-0", "--jsonl"]
        with subprocess.Popen(follow, env=environment(here), stdout=output) as following:
            here.accept("before.txt", b"before")
            eventually(lambda: "accepted" in told.read_text(), 30)
            api.kill()
            api.wait(10)
            here.accept("meanwhile.txt", b"meanwhile")
            start_api(here)
            last = here.accept("after.txt", b"after").document_id
            eventually(lambda: str(last) in told.read_text(), 30)
            following.terminate()

        assert says(here, "events", "--jsonl") == told.read_text()
        events = [json.loads(line) for line in told.read_text().splitlines()]
        assert len({event["document_id"] for event in events}) == len(events) == 3
        assert "Taken in" in says(here, "events", "--kind", "accepted", "--last-id", events[1]["id"])
        assert says(here, "history", str(last)).endswith("accepted         Taken in; it waits in line.\n")
