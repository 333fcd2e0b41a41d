"""Programs of the tests' own that answer each line they are sent with another (JSON)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def answering(module: str) -> subprocess.Popen[str]:
    """`python -m MODULE`, started; it ends when its input does."""
    command = [sys.executable, "-m", module]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(program: subprocess.Popen[str], order: Mapping[str, object]) -> dict[str, Any]:
    """What it answers to an order."""
    assert program.stdin is not None
    assert program.stdout is not None
    print(json.dumps(order, default=str), file=program.stdin, flush=True)
    answer: dict[str, Any] = json.loads(program.stdout.readline())
    return answer
