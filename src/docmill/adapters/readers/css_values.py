"""What the declarations for an element say of whether its text is seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import isfinite

from docmill.adapters.readers.css_rules import Declarations

Colour = tuple[int, int, int]  # red, green, blue: 0-255

BLACK, WHITE, LINK = (0, 0, 0), (255, 255, 255), (0, 0, 238)
NEAR = 0x17  # colours that differ by no more than this in each part look the same
FAR_PIXELS, FAR_LETTERS = -999.0, -99.0
TINY_PIXELS = 1.0
PAIRS = 10_000  # of colours; of more it is not said that no two of them look alike

_NUMBER = re.compile(r"(-?\d*\.?\d+)\s*([a-z%]*)")
_PICTURE = re.compile(r"url\(|gradient\(|image\(", re.I)
_CLIPPED = re.compile(r"rect\(\s*(0|1px)|inset\(\s*(50|100)%")
_ABSOLUTE = frozenset(("px", "pt", "pc", "cm", "mm", "in", "q", "rem", "vw", "vh"))
_SIZES = frozenset(
    ("xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large", "initial")
)
_PLACED = frozenset(("absolute", "fixed", "relative", "sticky"))


@lru_cache(maxsize=1024)
def inline(style: str) -> tuple[Declarations, Declarations]:
    """The declarations of a `style` attribute, and those that are important."""
    normal: dict[str, str] = {}
    important: dict[str, str] = {}
    for piece in style.lower().split(";"):
        name, _, value = piece.partition(":")
        value, mark, _ = value.partition("!")
        (important if mark else normal)[name.strip()] = value.strip()
    return normal, important


def is_gone(said: Declarations) -> bool:
    """Whether the element and all inside it is not displayed, quite transparent, far outside or cut away."""
    if said.get("display") == "none" or _amount(said.get("opacity", ""), 1.0)[0] < 0.1:
        return True
    placed = said.get("position") in _PLACED
    moved = ("text-indent", "margin-left", *(("left", "top") if placed else ()))
    if any(_is_far(said[name]) for name in moved if name in said):
        return True
    cut = said.get("clip", "") if said.get("position") in ("absolute", "fixed") else ""
    return bool(_CLIPPED.match(cut) or _CLIPPED.match(said.get("clip-path", "")))


def is_invisible(said: Declarations, outer: bool) -> bool:
    """Whether it is invisible; what is inside may be visible again."""
    value = said.get("visibility", "inherit")
    return outer if value == "inherit" else value in ("hidden", "collapse")


def is_tiny(said: Declarations, outer: bool) -> bool:
    """Whether its letters are of a pixel at most; sizes in percent of nothing are nothing too."""
    value = said.get("font-size", "")
    size, unit = _amount(value, -1.0)
    if size < 0:
        return outer and value not in _SIZES
    if size == 0 or (unit in ("px", "pt") and size <= TINY_PIXELS):
        return True
    return outer and unit not in _ABSOLUTE


def text_colour(said: Declarations, outer: Colour | None) -> Colour | None:
    """The colour of its text; None where that is not known."""
    value = said.get("color", "inherit")
    return outer if value in ("inherit", "currentcolor") else colour_of(value)


def is_clear(said: Declarations, outer: bool) -> bool:
    """Whether its text has no colour at all, and what is behind it is not cut out in its shape."""
    value = said.get("color", "inherit")
    shaped = "text" in (said.get("background-clip"), said.get("-webkit-background-clip"))
    return not shaped and (outer if value == "inherit" else 0.0 <= _alpha(value) < 0.1)


def ground_colour(said: Declarations, outer: Colour | None) -> Colour | None:
    """The colour behind its text; None where that is not known, as over a picture."""
    behind = [said[name] for name in ("background", "background-color", "background-image") if name in said]
    if any(_PICTURE.search(value) for value in behind):
        return None
    words = [word for value in behind for word in _words(value)]
    known = [word for word in words if _alpha(word) >= 0.1]
    if known:
        return colour_of(known[-1])
    understood = all(_alpha(word) >= 0.0 or word in ("none", "inherit", "initial", "unset") for word in words)
    return outer if understood else None


def may_hide(rules: Sequence[Declarations]) -> bool:
    """Whether any of these, alone or with others, may hide a text that is black or a link on white paper."""
    if any(is_gone({**said, "position": "absolute"}) or is_invisible(said, False) for said in rules):
        return True
    if any(is_tiny(said, False) or is_clear(said, False) for said in rules):
        return True
    texts = {BLACK, LINK, *(text_colour(said, BLACK) for said in rules)}
    grounds = {WHITE, *(ground_colour(said, WHITE) for said in rules)}
    pairs = product(texts, grounds)
    return len(texts) * len(grounds) > PAIRS or any(look_alike(text, ground) for text, ground in pairs)


def look_alike(one: Colour | None, other: Colour | None) -> bool:
    """Whether two colours are known and so near each other that nobody tells them apart."""
    return (
        one is not None
        and other is not None
        and all(abs(a - b) <= NEAR for a, b in zip(one, other, strict=True))
    )


@lru_cache(maxsize=1024)
def colour_of(value: str) -> Colour | None:
    """A colour as it is written; None for what is none or cannot be known here."""
    from tinycss2.color3 import parse_color

    found = parse_color(value)
    if found is None or isinstance(found, str) or not all(map(isfinite, found)):
        return None
    red, green, blue = (min(max(round(255 * part), 0), 255) for part in found[:3])
    return red, green, blue


@lru_cache(maxsize=1024)
def _alpha(value: str) -> float:
    """How opaque a colour is, 0-1; -1 for what is none."""
    from tinycss2.color3 import parse_color

    found = parse_color(value)
    return -1.0 if found is None or isinstance(found, str) else float(found[3])


def _words(value: str) -> Sequence[str]:
    """The parts of a value; what stands in brackets is one with the name before it."""
    return re.findall(r"[^\s(]+(?:\([^)]*\))?", value)


def _is_far(value: str) -> bool:
    size, unit = _amount(value, 0.0)
    return size <= (FAR_LETTERS if unit in ("em", "rem", "vw") else FAR_PIXELS)


def _amount(value: str, otherwise: float) -> tuple[float, str]:
    found = _NUMBER.fullmatch(value.strip())
    return (float(found[1]), found[2]) if found else (otherwise, "")
