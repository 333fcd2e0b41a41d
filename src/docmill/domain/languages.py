"""In which language a passage is written, when its document is known."""

from __future__ import annotations

Detected = tuple[str, float]  # ISO 639 code, and how sure that is, 0 to 1

SHORT_CHARACTERS = 300
CLEARLY = 0.9  # how sure a passage has to be that it is in another language than its document


def of_passage(text: str, own: Detected | None, document: Detected | None) -> Detected | None:
    """The passage's own language, or the document's where the passage is too short to say another one."""
    if own is None or document is None:
        return own or document
    if own[0] == document[0] or own[1] >= CLEARLY or (len(text) >= SHORT_CHARACTERS and own[1] > document[1]):
        return own
    return document
