"""What a web page holds and does not show, between marks. Styles in elements count, style sheets do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from docmill.adapters.readers.unseen_marks import BEGIN, END, unmarked

PALEST = 0xE8
NESTED = 10_000
NEAR = 64  # how far up the element is looked for that an end tag ends

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][\w:-]*)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>", re.S)
_HINT = re.compile(r"\bhidden\b|display|visibility|opacity|font-size|-\d{3,}px|color", re.I)
_STYLE = re.compile(r"""\bstyle\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.I)
_HIDDEN = re.compile(r"""\s+hidden(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?(?=[\s/>]|$)""", re.I)
_COLOUR_OF_FONT = re.compile(r"""(?:^|\s)color\s*=\s*["']?([#\w]+)""", re.I)
_GROUND = re.compile(r"""(?:^|\s)bgcolor\s*=\s*["']?([#\w]+)""", re.I)
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|opacity\s*:\s*0?(\.0\d*)?\s*(;|!|$)"
    r"|font-size\s*:\s*(0(\.\d+)?\s*(px|pt|em|rem|%)?|1(\.0)?\s*(px|pt))\s*(;|!|$)"
    r"|(text-indent|left|top|margin-left)\s*:\s*-\d{3,}px",
    re.I,
)
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]+)", re.I)
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color|-image)?\s*:\s*([^;!]+)", re.I)
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))
_SHUT = frozenset(("p", "li", "dt", "dd", "td", "th", "tr", "option"))  # what the next of its name ends


@dataclass(frozen=True, slots=True)
class _Element:
    name: str
    hidden: bool
    pale: bool  # its text is white or nearly so
    bright: bool  # and what is behind it too


def marked(html: str) -> str:
    """The page with the text that it does not show between marks; as it is where it shows all."""
    html = unmarked(html)
    return "".join(_pieces(html)) if _HINT.search(html) else html


def _pieces(html: str) -> list[str]:
    pieces: list[str] = []
    stack = [_Element("", hidden=False, pale=False, bright=True)]
    at = 0
    for tag in _TAG.finditer(html):
        pieces.append(_text(html[at : tag.start()], stack[-1]))
        at = tag.end()
        if tag[2]:
            _follow(stack, bool(tag[1]), tag[2].lower(), tag[3])
        pieces.append(_opened(tag[0]) if stack[-1].hidden and tag[2] else tag[0])
    return [*pieces, _text(html[at:], stack[-1])]


def _text(text: str, within: _Element) -> str:
    unseen = within.hidden or (within.pale and within.bright)
    return f"{BEGIN}{text}{END}" if unseen and text.strip() else text


def _opened(tag: str) -> str:
    """A tag without what hides its text, which the engine would leave out."""
    return _HIDDEN.sub(" ", _STYLE.sub(" ", tag))


def _follow(stack: list[_Element], closing: bool, name: str, attributes: str) -> None:
    if closing:
        lowest = max(len(stack) - NEAR, 1)
        at = next((at for at in range(len(stack) - 1, lowest - 1, -1) if stack[at].name == name), None)
        del stack[at or len(stack) :]
        return
    if name in _VOID or len(stack) > NESTED:
        return
    if name in _SHUT and stack[-1].name == name:
        stack.pop()
    stack.append(_inside(stack[-1], name, attributes))


def _inside(outer: _Element, name: str, attributes: str) -> _Element:
    match = _STYLE.search(attributes)
    style = unescape(match[1].strip("\"'")) if match else ""
    bare = _STYLE.sub(" ", attributes)
    colour = _COLOUR.search(style) or (_COLOUR_OF_FONT.search(bare) if name == "font" else None)
    ground = _BACKGROUND.search(style) or _GROUND.search(bare)
    return _Element(
        name,
        hidden=outer.hidden or bool(_UNSEEN.search(style)) or bool(_HIDDEN.search(bare)),
        pale=_is_pale(colour[1]) if colour else outer.pale,
        bright=_is_pale(ground[1]) if ground else outer.bright,
    )


def _is_pale(colour: str) -> bool:
    """Whether a colour is white or nearly so; one that is not understood is not."""
    colour = colour.strip().lower()
    if colour in ("white", "snow", "ivory", "transparent"):
        return True
    if digits := _HEX.fullmatch(colour):
        return _is_pale_hex(digits[1])
    if colour.startswith("rgb"):
        numbers = [float(number) for number in _NUMBERS.findall(colour)][:4]
        return len(numbers) >= 3 and (min(numbers[:3]) >= PALEST or (len(numbers) == 4 and numbers[3] == 0))
    return False


def _is_pale_hex(digits: str) -> bool:
    step = 1 if len(digits) < 6 else 2
    return min(int(digits[at : at + step] * (3 - step), 16) for at in range(0, 3 * step, step)) >= PALEST
