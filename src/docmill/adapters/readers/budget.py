"""How much may be unpacked of one file: what unpacks to far more than its size is a trap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from docmill.domain.documents import Unpacking
from docmill.domain.reading_errors import ReaderTooLarge

PIECE = 1024 * 1024
HARMLESS_BYTES = 16 * 1024**2  # up to here it does not matter how tightly a file was packed


class Source(Protocol):
    """Something that is read to its end."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


@dataclass(slots=True)
class Budget:
    """What was unpacked so far of a file of `packed_bytes`."""

    unpacking: Unpacking
    packed_bytes: int
    spent: int = 0

    def spend(self, size: int) -> None:
        """Count unpacked bytes. Raises ReaderTooLarge when they are too many, also for the file's size."""
        self.spent += size
        self.check(self.spent, self.packed_bytes)

    def check(self, unpacked: int, packed: int) -> None:
        """Raises ReaderTooLarge for so many bytes that were packed into so few."""
        if unpacked > self.unpacking.total_bytes:
            raise ReaderTooLarge(
                "What is packed into this file is larger than allowed. Send it in portions, "
                "or raise DOCMILL_UNPACK_BYTES."
            )
        self.check_ratio(unpacked, packed)

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Raises ReaderTooLarge for bytes that were packed as tightly as only a trap is."""
        if unpacked > HARMLESS_BYTES and unpacked > self.unpacking.ratio * max(packed, 1):
            raise ReaderTooLarge(
                f"This file unpacks to more than {self.unpacking.ratio} times its size, as a trap does. "
                "Send what it holds unpacked, or raise DOCMILL_UNPACK_RATIO."
            )


@dataclass(slots=True)
class Spending:
    """A source whose bytes are counted against a budget."""

    source: Source
    budget: Budget

    def read(self, size: int, /) -> bytes:
        """The next bytes. Raises ReaderTooLarge."""
        data = self.source.read(size)
        self.budget.spend(len(data))
        return data


def pieces(source: Source) -> Iterator[bytes]:
    """The bytes of a source, in pieces."""
    while piece := source.read(PIECE):
        yield piece
