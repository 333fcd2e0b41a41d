"""Files found inside a document: each becomes a document of its own, in the dataset of its parent."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine

from docmill.db import attachments as rows
from docmill.db.attachments import Place
from docmill.db.engine import alone
from docmill.domain.documents import Attachment, Untaken
from docmill.domain.errors import Conflict, DatabaseBusy
from docmill.domain.ids import VersionRef
from docmill.domain.interruptions import LeaseLost
from docmill.domain.names import plain_name
from docmill.domain.reading_errors import DamagedFile, Refused, Unreadable
from docmill.services.intake import Intake
from docmill.sources.upload import Upload

_PIECE = 1024 * 1024


class Inside:
    """Takes the children of documents in, as an upload would be: copied and hashed, then intake's.

    The copy is no luxury: what lies in the scratch folder belongs to a process that reads a stranger's file.
    """

    def __init__(self, engine: Engine, intake: Intake, landing: Path, max_file_bytes: int) -> None:
        self._engine = engine
        self._intake = intake
        self._landing = landing
        self._max_file_bytes = max_file_bytes

    def take(self, parent: VersionRef, ordinal: int, attachment: Attachment) -> Untaken | None:
        """As `Children.take`."""
        self._landing.mkdir(mode=0o700, parents=True, exist_ok=True)
        upload = Upload(self._landing, self._max_file_bytes)
        place = Place(parent, ordinal, attachment.name, attachment.size_bytes)
        try:
            _copy(Path(attachment.path), upload)
            self._accept(place, upload)
        except (Refused, Unreadable) as error:
            return Untaken(error.code, error.message)
        except Conflict as error:
            raise DatabaseBusy from error  # somebody deletes the same document just now
        finally:
            upload.discard()
            Path(attachment.path).unlink(missing_ok=True)
        return None

    def _accept(self, place: Place, upload: Upload) -> None:
        with alone(self._engine) as connection:
            above = rows.parent_of(connection, place.parent)
        if above is None:
            raise LeaseLost
        arrival = upload.arrival(
            plain_name(place.name), str(place.parent.dataset_id), above.metadata, above.priority
        )
        self._intake.accept_child(place, arrival, above.depth + 1)


def _copy(path: Path, upload: Upload) -> None:
    with _opened(path) as file:
        while piece := file.read(_PIECE):
            upload.write(piece)


def _opened(path: Path) -> BinaryIO:
    """The file itself, never what a link leads to. Raises DamagedFile for what is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DamagedFile from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DamagedFile
    return os.fdopen(handle, "rb")
