"""`docmill down`: stop what `docmill up` started on this data directory."""

from __future__ import annotations

import psutil

from docmill.local.leftovers import end, started_for
from docmill.local.state import running_pid
from docmill.local.terminal import terminal
from docmill.settings import Settings

_PATIENCE = 15.0  # seconds; a stop takes ten at most


def down(settings: Settings) -> int:
    """Stop the product and return when all of it is gone; 0 also when nothing was running.

    1 when it had to be killed: nothing is lost by that, but it should not be necessary.
    """
    say = terminal()
    pid = running_pid(settings.home)
    if pid is None:
        end(started_for(settings.home), patience=0.0)
        say("docmill is not running on this data directory.")
        return 0
    stopped = _stop(pid)
    end(started_for(settings.home), patience=0.0)
    say("docmill has stopped." if stopped else "docmill did not stop in time and was killed.")
    return 0 if stopped else 1


def _stop(pid: int) -> bool:
    """Whether the supervisor ended by itself after it was asked to."""
    try:
        supervisor = psutil.Process(pid)
        supervisor.terminate()
        supervisor.wait(_PATIENCE)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        end([supervisor], patience=0.0)
        return False
    return True
