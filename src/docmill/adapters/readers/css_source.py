"""The style sheets of a web page, in it or beside it in its file, as far as they say whether text is seen.

Selectors that name elements, classes, ids and attributes count, also one inside another or behind a
neighbour; those that depend on where the mouse is or on what follows do not. All of it is bounded: a page is
a stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from docmill.adapters.readers.css_rules import Compound, Declarations, Joined, Rule, Sheet, tag_of
from docmill.adapters.readers.css_values import may_hide

STYLE_CHARACTERS = 200_000  # of all style sheets of a page; what follows is not looked at
SELECTORS = 5_000
COMPOUNDS = 4  # of one selector, inside one another
VALUES = 50  # of one declaration
CONDITION_WORDS = 40
WINDOW_PIXELS = 1_280  # the width of the window that a page is thought to be shown in
LETTER_PIXELS = 16
PROPERTIES = frozenset(
    (
        "display",
        "visibility",
        "opacity",
        "font-size",
        "text-indent",
        "left",
        "top",
        "margin-left",
        "position",
        "clip",
        "clip-path",
        "color",
        "background",
        "background-color",
        "background-image",
        "background-clip",
        "-webkit-background-clip",
    )
)

_STYLE = re.compile(
    r"<(?:(link)|style)\b((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>(?(1)|(.*?)(?:</style\s*>|\Z))",
    re.I | re.S,
)
_IMPORT = re.compile(r"@import\b", re.I)
_ON_SCREEN = frozenset(("", "all", "screen", "only all", "only screen"))
_WIDTH = re.compile(r"\(\s*(min|max)-width\s*:\s*(\d{1,6}(?:\.\d{1,6})?)(px|em|rem)\s*\)")

Specificity = tuple[int, int, int]
Linked = Callable[[str], str | None]  # from the address of a style sheet to its source


def nothing_linked(_address: str) -> None:
    """The style sheets in files of their own that lie beside a page which came alone."""


def sheet_of(html: str, linked: Linked = nothing_linked) -> Sheet:
    """The rules of all style sheets of a page that is shown on a screen.

    `linked` gives the source of a style sheet by its address, None where that does not lie in the file.
    """
    sources, left, elsewhere = [], STYLE_CHARACTERS, False
    for style in _STYLE.finditer(html):
        source = _source(style, linked)
        elsewhere |= source is None or bool(_IMPORT.search(source)) or len(source) > left
        sources.append((source or "")[:left])
        left -= len(sources[-1])
    rules, hides = _rules("\n".join(sources))
    return Sheet(rules, elsewhere, may_hide=hides)


def _source(style: re.Match[str], linked: Linked) -> str | None:
    """The source of a style sheet that is always shown; None where it lies elsewhere."""
    attributes = tag_of("style", style[2]).attributes
    kinds = attributes.get("rel", "").lower().split()
    if style[1] and ("stylesheet" not in kinds or "alternate" in kinds):
        return ""
    if not _is_shown(attributes.get("media", "")):
        return ""
    return linked(attributes.get("href", "")) if style[1] else style[3]


@lru_cache(maxsize=2)
def _rules(source: str) -> tuple[Sequence[Rule], bool]:
    """The rules, which the chapters of a book have in common, and whether they may hide a text."""
    rules = list(_parsed(source)) if source else []
    return rules, may_hide([{**rule.normal, **rule.important} for rule in rules])


def _parsed(source: str) -> Iterator[Rule]:
    import tinycss2

    count = 0
    for rule in _shown_on_screen(tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True)):
        normal, important = _declarations(tinycss2.parse_blocks_contents(rule.content))
        if not normal and not important:
            continue
        for compounds, specificity in _selectors(rule.prelude):
            count += 1
            if count > SELECTORS:
                return
            yield Rule(compounds, (specificity, count), normal, important)


def _shown_on_screen(rules: Iterable[Any]) -> Iterator[Any]:
    """Rules that hold, also those between the braces of `@media screen`."""
    import tinycss2

    for rule in rules:
        if rule.type == "qualified-rule":
            yield rule
        elif _holds(rule):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield from (each for each in inner if each.type == "qualified-rule")


def _holds(rule: Any) -> bool:
    """Whether the rules in this one hold. What `@supports` asks for, browsers can do."""
    import tinycss2

    if rule.type != "at-rule" or rule.content is None or len(rule.prelude) > CONDITION_WORDS:
        return False
    try:
        condition = tinycss2.serialize(rule.prelude).lower()
    except RecursionError:
        return False
    if rule.lower_at_keyword == "supports":
        return re.search(r"\bnot\b", condition) is None
    return rule.lower_at_keyword == "media" and _is_shown(condition)


def _is_shown(media: str) -> bool:
    """Whether one of these media is a screen with a window of that width."""
    queries = (re.split(r"\band\b", query) for query in media.lower().split(","))
    return any(all(_fits_window(condition.strip()) for condition in query) for query in queries)


def _fits_window(condition: str) -> bool:
    width = _WIDTH.fullmatch(condition)
    if width is None:
        return condition in _ON_SCREEN
    pixels = float(width[2]) * (1 if width[3] == "px" else LETTER_PIXELS)
    return pixels <= WINDOW_PIXELS if width[1] == "min" else pixels >= WINDOW_PIXELS


def _declarations(found: Iterable[Any]) -> tuple[Declarations, Declarations]:
    import tinycss2

    normal: dict[str, str] = {}
    important: dict[str, str] = {}
    for item in found:
        if item.type == "declaration" and item.lower_name in PROPERTIES and len(item.value) <= VALUES:
            try:
                value = tinycss2.serialize(item.value).strip().lower()
            except RecursionError:
                continue
            (important if item.important else normal)[item.lower_name] = value
    return normal, important


def _selectors(prelude: Sequence[Any]) -> Iterator[tuple[tuple[Joined, ...], Specificity]]:
    """The selectors of a rule that are understood; none where one of them is not valid, as in browsers."""
    from cssselect2 import SelectorError
    from cssselect2.parser import parse

    try:
        parsed = list(parse(prelude))
    except (SelectorError, RecursionError):
        return
    for selector in parsed:
        compounds = None if selector.pseudo_element else _compounds(selector.parsed_tree)
        if compounds is not None:
            yield compounds, selector.specificity


def _compounds(tree: Any, *, negated: bool = False) -> tuple[Joined, ...] | None:
    """From the element backwards; None for what is too long or asks for more than its place tells."""
    from cssselect2.parser import CombinedSelector

    found: list[Joined] = []
    joined = ""
    while True:
        is_combined = isinstance(tree, CombinedSelector)
        compound = _compound((tree.right if is_combined else tree).simple_selectors, negated)
        if compound is None or len(found) == COMPOUNDS:
            return None
        found.append((joined, compound))
        if not is_combined:
            return tuple(found)
        joined, tree = tree.combinator, tree.left


def _compound(simple: Iterable[Any], negated: bool) -> Compound | None:
    from cssselect2 import parser

    name, identity = "", ""
    classes: set[str] = set()
    attributes: list[tuple[str, str | None]] = []
    unlike: list[Compound] = []
    for item in simple:
        if isinstance(item, parser.LocalNameSelector):
            name = item.lower_local_name
        elif isinstance(item, parser.IDSelector):
            identity = item.ident
        elif isinstance(item, parser.ClassSelector):
            classes.add(item.class_name)
        elif isinstance(item, parser.AttributeSelector) and item.operator in (None, "="):
            attributes.append((item.lower_name, item.value if item.operator else None))
        elif isinstance(item, parser.NegationSelector) and not negated:
            if (others := _alone(item.selector_list)) is None:
                return None
            unlike += others
        else:
            return None
    return Compound(name, identity, frozenset(classes), tuple(attributes), tuple(unlike))


def _alone(selectors: Sequence[Any]) -> list[Compound] | None:
    """What an element must not be; None where they are many, or ask for more than the element alone."""
    paths = [_compounds(selector.parsed_tree, negated=True) for selector in selectors[:COMPOUNDS]]
    found = [path[0][1] for path in paths if path is not None and len(path) == 1]
    return found if len(found) == len(selectors) else None
