"""What happened, in the order in which everybody may learn of it, and in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from docmill.domain.errors import UnknownEvent
from docmill.domain.states import EventKind

_POSITION = re.compile(r"(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the stream of events: everything up to and with it is known.

    Ids are given before the commit, so the stream goes by transaction first: once no transaction below
    `xid` is open, nothing can come in before it any more.
    """

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that `str(position)` came from. Raises UnknownEvent."""
        found = _POSITION.fullmatch(text)
        if found is None:
            raise UnknownEvent
        return cls(int(found[1]), int(found[2]))


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a document. `kind` is an EventKind, or one of a newer docmill."""

    position: Position
    tenant: str
    dataset_id: UUID | None
    document_id: UUID
    task_id: UUID
    at: datetime
    kind: str
    stage: str | None
    data: Mapping[str, Any]

    @property
    def message(self) -> str:
        """One sentence for people."""
        return sentence(self.kind, self.stage, self.data)


_SENTENCES: Mapping[str, str] = {
    EventKind.ACCEPTED: "Taken in; it waits in line.",
    EventKind.CLAIMED: "A worker began with {stage}.",
    EventKind.STAGE_FINISHED: "Finished {stage}.",
    EventKind.PUBLISHED: "Published: it can be found now.",
    EventKind.RETRY_SCHEDULED: "Failed at {stage}, and is tried again by itself: {reason}",
    EventKind.FAILED: "Failed at {stage}: {reason}",
    EventKind.PAUSE_REQUESTED: "A pause was asked for; the step in work is finished first.",
    EventKind.PAUSED: "Paused at {stage}. Everything done so far is kept.",
    EventKind.RESUMED: "Resumed at {stage}.",
    EventKind.CANCELLED: "Cancelled; what this run wrote is discarded.",
    EventKind.RETRIED: "A retry was asked for; it goes on with {stage}.",
    EventKind.OWNER_LOST: "Its worker was lost; it is back in line with all it had done.",
    EventKind.PRIORITY_CHANGED: "Its priority was changed.",
    EventKind.YIELDED: "Something more urgent goes first; it is back in line with all it had done.",
    EventKind.HELD: "The stage {stage} is held; it waits with all it had done.",
    EventKind.LET_GO: "Its worker let it go unharmed; it is back in line.",
    EventKind.DELETED: "Deleted with everything made from it.",
}
_UNKNOWN_REASON = "The reason was not recorded; see the log of the worker."


def sentence(kind: str, stage: str | None, data: Mapping[str, Any]) -> str:
    """What happened, for people; a kind of a newer docmill is said by its name."""
    words = _SENTENCES.get(kind)
    if words is None:
        return f"{kind.replace('_', ' ').capitalize()}."
    return words.format(stage=stage, reason=data.get("message", _UNKNOWN_REASON))
