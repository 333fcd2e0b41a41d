"""Files found inside the document that is read: handed to intake before their step, told in its commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from docmill.db.attachments import Place, insert_untaken
from docmill.db.versions import add_notice
from docmill.domain.documents import Attachment, Untaken
from docmill.domain.ids import VersionRef
from docmill.ports import Children


@dataclass(slots=True)
class FoundFiles:
    """The files found so far, in this run and in those before, and how many did not become documents.

    A run that dies between two steps has taken in what belongs to a step that does not exist. That does no
    harm: the next run meets the same documents under the same ids.
    """

    children: Children
    version: VersionRef
    count: int
    left_out: int
    pending: list[tuple[Place, Untaken]] = field(default_factory=list)

    @classmethod
    def since(cls, cursor: Mapping[str, Any], children: Children, version: VersionRef) -> FoundFiles:
        """Where the last committed step ended."""
        return cls(children, version, cursor.get("files", 0), cursor.get("left_out", 0))

    def take(self, attachments: Sequence[Attachment]) -> None:
        """Have each become a document, or note why it does not."""
        for attachment in attachments:
            ordinal, self.count = self.count, self.count + 1
            why = attachment.untaken or self.children.take(self.version, ordinal, attachment)
            if why is not None:
                place = Place(self.version, ordinal, attachment.name, attachment.size_bytes)
                self.pending.append((place, why))
                self.left_out += 1

    def cursor(self) -> dict[str, int]:
        """Where the next step starts."""
        return {"files": self.count, "left_out": self.left_out} if self.count else {}

    def has_news(self, *, last: bool) -> bool:
        """Whether there is anything to tell."""
        return bool(self.pending) or (last and self.left_out > 0)

    def save(self, connection: Connection, *, last: bool) -> None:
        """Tell what did not become a document; with the last step, also in one sentence for people."""
        insert_untaken(connection, self.pending)
        self.pending = []
        if last and self.left_out:
            add_notice(
                connection,
                self.version,
                f"Of {self.count} files found inside, {self.left_out} did not become documents; "
                "`attachments` says why.",
            )


def put_away(attachments: Sequence[Attachment]) -> None:
    """Make room for the next files: an earlier run has taken these."""
    for attachment in attachments:
        if attachment.path:
            Path(attachment.path).unlink(missing_ok=True)
