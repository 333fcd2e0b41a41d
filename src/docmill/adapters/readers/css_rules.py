"""Which rules of a style sheet hold for an element, from its names and those of the elements around it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import NamedTuple, Protocol

NEIGHBOURS = 100  # of an element, before it, that are looked at
TESTS = 300_000  # of selectors on the elements of a page; then its style sheets no longer count

_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]+))?""")

Declarations = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tag:
    """An element as selectors see it."""

    name: str
    attributes: Mapping[str, str]
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Compound:
    """What a selector asks of one element, and what it must not be."""

    name: str
    identity: str
    classes: frozenset[str]
    attributes: tuple[tuple[str, str | None], ...]
    unlike: tuple[Compound, ...] = ()

    def fits(self, tag: Tag) -> bool:
        """Whether an element is what is asked for."""
        known = tag.attributes
        return (
            self.name in ("", tag.name)
            and self.identity in ("", known.get("id", ""))
            and self.classes <= tag.classes
            and all(name in known and value in (None, known[name]) for name, value in self.attributes)
            and not any(other.fits(tag) for other in self.unlike)
        )


Joined = tuple[str, Compound]  # what joins it to the element it leads to: a space, ">", "+" or "~"


class Placed(NamedTuple):
    """An element among its neighbours."""

    tag: Tag
    before: Sequence[Tag] = ()


class HasTag(Protocol):
    """Something that stands for an element."""

    @property
    def tag(self) -> Tag:
        """The element."""
        ...

    @property
    def before(self) -> Sequence[Tag]:
        """Its neighbours before it, the nearest last."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """The compounds from the element backwards, each with what joins it to the one before."""

    compounds: tuple[Joined, ...]
    rank: tuple[tuple[int, int, int], int]  # how specific, then which of all
    normal: Declarations
    important: Declarations


class Sheet:
    """The rules of a page. `elsewhere` says that the page has style sheets that are not in it.

    `may_hide` says whether one of them may hide a text; the others may still show one.
    """

    def __init__(
        self, rules: Iterable[Rule] = (), elsewhere: bool = False, *, may_hide: bool = False
    ) -> None:
        self.elsewhere = elsewhere
        self.may_hide = may_hide
        self._tests = 0
        self._rules: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._rules[_key(rule.compounds[0][1])].append(rule)

    def __bool__(self) -> bool:
        return bool(self._rules) and self._tests <= TESTS

    def declared(self, around: Sequence[HasTag], element: HasTag) -> tuple[Declarations, Declarations]:
        """What is declared for an element inside others, the outermost first, and what importantly."""
        tag = element.tag
        keys = ("", tag.name, f"#{tag.attributes.get('id', '')}", *(f".{name}" for name in tag.classes))
        rules = (rule for key in keys for rule in self._rules.get(key, ()))
        found = [rule for rule in rules if self._fits(rule, around, element)]
        normal: dict[str, str] = {}
        important: dict[str, str] = {}
        for rule in sorted(found, key=lambda rule: rule.rank):
            normal.update(rule.normal)
            important.update(rule.important)
        return normal, important

    def _fits(self, rule: Rule, around: Sequence[HasTag], element: HasTag) -> bool:
        (_, compound), *outer = rule.compounds
        return self._is(compound, element.tag) and self._leads(outer, around, len(around), element.before)

    def _is(self, compound: Compound, tag: Tag) -> bool:
        self._tests += 1
        return self._tests <= TESTS and compound.fits(tag)

    def _leads(
        self, outer: Sequence[Joined], around: Sequence[HasTag], end: int, before: Sequence[Tag]
    ) -> bool:
        """Whether these compounds, from within, fit elements around before `end`, or neighbours."""
        if not outer or self._tests > TESTS:
            return not outer
        (joined, compound), *rest = outer
        if joined in ("+", "~"):
            lowest = max(len(before) - (1 if joined == "+" else NEIGHBOURS), 0)
            nearest = range(len(before) - 1, lowest - 1, -1)
            return any(
                self._is(compound, before[at]) and self._leads(rest, around, end, before[:at])
                for at in nearest
            )
        lowest = 0 if joined == " " else max(end - 1, 0)
        return any(
            self._is(compound, around[at].tag) and self._leads(rest, around, at, around[at].before)
            for at in range(end - 1, lowest - 1, -1)
        )


def tag_of(name: str, attributes: str) -> Tag:
    """An element from its name and the source of its attributes."""
    known = {key.lower(): unescape(value.strip("\"'")) for key, value in _ATTRIBUTE.findall(attributes)}
    return Tag(name, known, frozenset(known.get("class", "").split()))


def _key(compound: Compound) -> str:
    """The most telling thing a compound asks for; rules are looked up by it."""
    if compound.identity:
        return f"#{compound.identity}"
    return f".{min(compound.classes)}" if compound.classes else compound.name
