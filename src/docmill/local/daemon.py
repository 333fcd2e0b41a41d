"""Running on without the terminal: the starter waits until the product is ready, or learns why it is not."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from docmill.domain.errors import DocmillError, SetupError
from docmill.local.terminal import Announce


def detach(log: Path, run: Callable[[Announce], int]) -> Sequence[str]:
    """Run in a process of its own session; returns the lines it announces once it is ready.

    `run` must call what it is given when it is ready. Raises SetupError with its reason when it cannot start.
    """
    reader, writer = os.pipe()
    if (starter := os.fork()) == 0:
        os.close(reader)
        os.setsid()
        if os.fork() != 0:
            os._exit(0)  # so that the product can never get a terminal again
        _run_alone(log, writer, run)
    os.close(writer)
    os.waitpid(starter, 0)
    with os.fdopen(reader) as answers:
        answer = json.loads(answers.read() or "{}")
    if "lines" not in answer:
        raise SetupError(answer.get("error", "docmill ended while starting; logs/supervisor.log says more."))
    return list(answer["lines"])


def _run_alone(log: Path, writer: int, run: Callable[[Announce], int]) -> None:
    """Never returns: this process has the caller's memory, but must not go on with the caller's work."""
    code = 1
    try:
        _leave_the_terminal(log)
        code = run(lambda lines: _answer(writer, {"lines": list(lines)}))
    except DocmillError as error:
        _answer(writer, {"error": error.message})
    except Exception:
        logging.getLogger(__name__).exception("docmill ended by an error of its own")
    finally:
        os._exit(code)


def _leave_the_terminal(log: Path) -> None:
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    words = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard, target in ((0, nowhere), (1, words), (2, words)):
        os.dup2(target, standard)


def _answer(writer: int, answer: dict[str, object]) -> None:
    with os.fdopen(writer, "w") as starter:
        json.dump(answer, starter)
