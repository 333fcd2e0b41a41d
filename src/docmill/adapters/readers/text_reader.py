"""What all readers of text kinds do: decode, see that there is something, tell it and send it in parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docmill.adapters.readers.decoding import decode
from docmill.adapters.readers.parts import in_parts
from docmill.domain.documents import Part, RawBlock, ReadInfo
from docmill.domain.reading_errors import NoText


@dataclass(frozen=True, slots=True)
class Told:
    """What a text holds, and what is known of it."""

    blocks: Sequence[RawBlock]
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


class TextReader(ABC):
    """Reads files that are text; a kind says what its text tells, and what lacks where that is nothing."""

    name: str
    lacking: str = "The file holds no text. Send one with content."

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """One ReadInfo, then the blocks. Raises NoText, DamagedFile (unknown encoding), and as `tell`."""
        decoded = decode(path.read_bytes())
        if not decoded.text.strip():
            raise NoText(self.lacking)
        told = self.tell(decoded.text, media_type)
        if not told.blocks:
            raise NoText(self.lacking)
        yield ReadInfo(
            media_type,
            self.name,
            title=told.title,
            metadata=told.metadata,
            notices=decoded.notices + told.notices,
        )
        yield from in_parts(told.blocks)

    @abstractmethod
    def tell(self, text: str, media_type: str, /) -> Told:
        """What the text holds. Raises an Unreadable error where it is not of its kind."""
