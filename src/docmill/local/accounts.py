"""Which account runs PostgreSQL, and where that account can go."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from docmill.domain.errors import SetupError


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system, by number."""

    uid: int
    gid: int

    def take(self, path: Path) -> None:
        """Give `path` to this account."""
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """Whom PostgreSQL runs as: ourselves (None), or `nobody` when we are root, because it refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise SetupError(
            "PostgreSQL does not run as root, and there is no account `nobody`. Run docmill as another user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def is_open_to_all(folder: Path) -> bool:
    """Whether every account may walk down to `folder`: each folder on the way lets others pass."""
    whole = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (whole, *whole.parents))
