"""Items of lists as blocks, the same for every reader that knows how deep an item stands."""

from __future__ import annotations

from docmill.domain.documents import BlockKind, RawBlock


def list_item(text: str, depth: int, marker: str, *, first: bool) -> RawBlock:
    """An item at `depth` (0 outside) with its marker; `first` of its outermost list stands apart."""
    lead = "\n\n" if first and depth == 0 else "\n"
    return RawBlock(BlockKind.LIST, f"{'  ' * depth}{marker} {text}", lead=lead)
