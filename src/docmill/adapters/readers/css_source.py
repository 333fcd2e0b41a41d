"""The style sheets inside a web page, as far as they say whether text is seen.

Selectors that name elements, classes, ids and attributes count, also one inside another; those that depend on
neighbours, on where the mouse is or on the size of a window do not. All of it is bounded: a page is a
stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docmill.adapters.readers.css_rules import Compound, Declarations, Joined, Rule, Sheet

STYLE_CHARACTERS = 200_000  # of all style sheets of a page; what follows is not looked at
SELECTORS = 5_000
COMPOUNDS = 4  # of one selector, inside one another
VALUES = 50  # of one declaration
MEDIA_WORDS = 9
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

_STYLE = re.compile(r"<style\b((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>(.*?)(?:</style\s*>|\Z)", re.I | re.S)
_MEDIA = re.compile(r"""\bmedia\s*=\s*["']?([^"'>]*)""", re.I)
_ELSEWHERE = re.compile(r"<link\b[^<>]*\bstylesheet\b|@import\b", re.I)
_ON_SCREEN = frozenset(("", "all", "screen"))

Specificity = tuple[int, int, int]


def sheet_of(html: str) -> Sheet:
    """The rules of all style sheets inside a page that is shown on a screen."""
    source, left = [], STYLE_CHARACTERS
    for style in _STYLE.finditer(html):
        media = _MEDIA.search(style[1])
        if media is None or media[1].strip().lower() in _ON_SCREEN:
            source.append(style[2][:left])
            left -= len(source[-1])
    return Sheet(_rules("\n".join(source)), bool(_ELSEWHERE.search(html))) if source else Sheet()


def _rules(source: str) -> Iterator[Rule]:
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
    """Rules that always hold, also those between the braces of `@media screen`."""
    import tinycss2

    for rule in rules:
        if rule.type == "qualified-rule":
            yield rule
        elif _is_for_screens(rule):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield from (each for each in inner if each.type == "qualified-rule")


def _is_for_screens(rule: Any) -> bool:
    import tinycss2

    if rule.type != "at-rule" or rule.lower_at_keyword != "media" or rule.content is None:
        return False
    return tinycss2.serialize(rule.prelude[:MEDIA_WORDS]).strip().lower() in _ON_SCREEN


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


def _compounds(tree: Any) -> tuple[Joined, ...] | None:
    """From the element outwards; None for what is too long or asks for more than a path tells."""
    from cssselect2.parser import CombinedSelector

    found: list[Joined] = []
    joined = ""
    while True:
        is_combined = isinstance(tree, CombinedSelector)
        compound = _compound((tree.right if is_combined else tree).simple_selectors)
        if compound is None or len(found) == COMPOUNDS:
            return None
        found.append((joined, compound))
        if not is_combined:
            return tuple(found)
        joined, tree = tree.combinator, tree.left
        if joined not in (" ", ">"):
            return None


def _compound(simple: Iterable[Any]) -> Compound | None:
    from cssselect2 import parser

    name, identity = "", ""
    classes: set[str] = set()
    attributes: list[tuple[str, str | None]] = []
    for item in simple:
        if isinstance(item, parser.LocalNameSelector):
            name = item.lower_local_name
        elif isinstance(item, parser.IDSelector):
            identity = item.ident
        elif isinstance(item, parser.ClassSelector):
            classes.add(item.class_name)
        elif isinstance(item, parser.AttributeSelector) and item.operator in (None, "="):
            attributes.append((item.lower_name, item.value if item.operator else None))
        else:
            return None
    return Compound(name, identity, frozenset(classes), tuple(attributes))
