"""Lets those go first whom people wait for: the API and the servers, before the computing of documents."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_BEHIND = 5  # of nice: a third of what another gets who wants the same core, and all of it when nobody does
_SESSION = Path("/proc/self/autogroup")


def stand_back() -> None:
    """Give way, with all processes to come; so does our session, by which Linux may share the cores."""
    os.nice(_BEHIND)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # where it does not share them so
            _SESSION.write_text(str(_BEHIND), encoding="ascii")
