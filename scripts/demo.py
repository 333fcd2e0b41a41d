"""`make demo`: docmill's own commands, each shown as it runs, from nothing to cited passages.

python scripts/demo.py [--question TEXT] [FILE_OR_FOLDER …]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from docmill.cli.files import find_files
from docmill.local.state import State, read_state
from docmill.settings import load_settings

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
QUESTIONS = 3
PASSAGES = "2"


def main() -> int:
    """Run the demo; 0 when every file is published and every question was asked."""
    arguments = _arguments()
    failed = _start()
    if failed:
        return failed
    failed = _ingest(arguments.files)
    for question in [arguments.question] if arguments.question else _questions(arguments.files):
        failed |= _run("search", question, *_only(arguments.files), "--limit", PASSAGES)
    _say_where()
    return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--question", help="ask this instead")
    parser.add_argument("files", nargs="*", type=Path, help="your own files instead of the samples")
    return parser.parse_args()


def _start() -> int:
    """Start docmill unless it runs already, beside whatever else has its port."""
    if _state():
        print("docmill is already running; going on with it.", flush=True)
        return 0
    if "DOCMILL_API_PORT" not in os.environ and not _is_free(load_settings().api_port):
        os.environ["DOCMILL_API_PORT"] = "0"
    return _run("up", "--detach")


def _ingest(files: Sequence[Path]) -> int:
    if files:
        return _run("ingest", *map(str, files), "--dataset", "mine")
    failed = _run("ingest", "samples/ferry", "--dataset", "ferry")
    return failed | _run("ingest", "docs", "README.md", "--dataset", "docmill")


def _only(files: Sequence[Path]) -> tuple[str, str]:
    return ("--dataset", "mine" if files else "ferry")


def _questions(files: Sequence[Path]) -> list[str]:
    """The samples' questions; for other files, what their first headings promise."""
    if not files:
        return [item["question"] for item in json.loads((SAMPLES / "questions.json").read_text())]
    by_file = map(_topics, find_files(files).files[:QUESTIONS])
    topics = dict.fromkeys(topic for row in zip_longest(*by_file) for topic in row if topic)
    return [f"What is said about {topic}?" for topic in list(topics)[:QUESTIONS]]


def _topics(path: Path) -> list[str]:
    """The first headings below the title; else the title; else the first words."""
    headings: list[str] = []
    beginning = ""
    for block in _blocks(path):
        beginning = beginning or textwrap.shorten(block["text"], 60)
        if block["kind"] == "heading":
            headings.append(re.sub(r"^[#\d.\s]+", "", " ".join(block["text"].split())))
        if len(headings) > QUESTIONS:
            break
    return headings[1:] or headings or [beginning]


def _blocks(path: Path) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        _command("read", str(path)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout is not None
        yield from map(json.loads, child.stdout)
        child.terminate()


def _say_where() -> None:
    state = _state()
    if state is None:
        return
    settings = load_settings()
    print(f"""
docmill goes on running.
  API     {state.api_url}/api/v1
  docs    {state.api_url}/docs
  key     {"as DOCMILL_API_KEY says" if settings.api_key else f"kept in {settings.home / 'api_key'}"}
  more    docmill --help  (in .venv/bin; DOCMILL_HOME={settings.home})
  stop    make down""")


def _run(*arguments: str) -> int:
    print(f"\n$ docmill {shlex.join(arguments)}", flush=True)
    return subprocess.run(_command(*arguments), cwd=ROOT, check=False).returncode


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "docmill", *arguments]


def _state() -> State | None:
    return read_state(load_settings().home)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main())
