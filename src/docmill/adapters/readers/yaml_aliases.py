"""What a YAML file would come to with its aliases followed: counted, never built."""

from __future__ import annotations

from docmill.domain.reading_errors import ReaderTooLarge

NODES = 10_000_000  # that aliases may stand for; no file that people write comes near


class Aliases:
    """Counts nodes as they are read. Each method raises ReaderTooLarge where aliases stand for too many."""

    def __init__(self) -> None:
        self._sizes: dict[str, int | None] = {}  # by anchor: its nodes with all aliases followed; None: open
        self._open: list[tuple[str | None, int]] = []
        self._told = 0

    def scalar(self, anchor: str | None) -> None:
        """A value."""
        self._count(anchor, 1)

    def begin(self, anchor: str | None) -> None:
        """A collection; its nodes follow until `end`."""
        if anchor is not None:
            self._sizes[anchor] = None
        self._open.append((anchor, 1))

    def end(self) -> None:
        """The end of the collection that was begun last."""
        self._count(*self._open.pop())

    def follow(self, anchor: str) -> None:
        """An alias. One of what is still open stands for itself without end."""
        size = self._sizes.get(anchor, 1)
        self._told += size or 0
        if size is None or self._told > NODES:
            raise ReaderTooLarge(
                "The aliases of this YAML file stand for millions of values, as in a trap. "
                "Write out what they stand for, or send it in portions."
            )
        self._count(None, size)

    def _count(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
        if self._open:
            name, so_far = self._open[-1]
            self._open[-1] = name, so_far + size
