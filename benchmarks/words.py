"""Writes text that behaves like text: topics, a long tail of names. The same seed gives the same text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate


def _split(words: str) -> list[str]:
    return words.split()


_PLAIN = _split(
    "the of and to in a is that for it as was with be by on not this are or his from at which but have an "
    "had they you were their one all we can her has there been if more when will would who so no out up into "
    "after other some could time these two may then do first any my now such like our over new even most"
)

_TOPICS = tuple(
    _split(line)
    for line in (
        "harbour ferry pilot tide anchor cargo lighthouse captain deck mooring vessel current channel dock",
        "orchard apple harvest graft blossom frost pruning soil irrigation pest basket cider nursery root",
        "bridge steel beam load bolt bearing inspection corrosion arch span concrete crane survey girder",
        "library catalogue loan reader shelf archive manuscript binding index index-card fine branch donor",
        "turbine blade generator voltage grid inverter storage battery outage meter cable wind",
        "clinic patient nurse dosage symptom vaccine ward surgery diagnosis recovery therapy infection scan",
        "court appeal clause contract tenant lease notice damages judge hearing evidence statute settlement",
        "kitchen oven recipe flour butter simmer knife spice broth dough pastry menu apron whisk supper",
        "orbit satellite antenna payload launch telemetry thruster module docking crew rover sensor lens",
        "budget invoice ledger audit revenue margin forecast dividend asset tax payroll deficit treasury",
        "glacier valley ridge river basin erosion sediment rainfall drought forest meadow summit delta",
        "loom cotton thread weaver dye pattern fabric wool spindle garment tailor seam embroidery silk",
    )
)

_VERBS = _split("carries holds needs replaces measures follows delays supports checks limits")
_STARTS = _split("bal cor den fal gor hel jan kel lor mar nor pel quin ros sel tor ul vor wes yar")
_MIDDLES = _split("a e i o u an en in on ar er or il ad")
_ENDS = _split("ba cke da fel gen ham kin lund mere nau rick ster thal ville wick xon yer zin dorf stad")
_NAMES = 20_000
_MEDIAN_RANK = 400  # of the names used; the others are the long tail


class Writer:
    """Draws words from one random source."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._topic: Sequence[str] = _TOPICS[seed % len(_TOPICS)]
        self._plain_weights = list(accumulate(1 / (rank + 2) for rank in range(len(_PLAIN))))

    def sentence(self) -> str:
        """Eight to twenty-two words, a capital and a full stop."""
        words = [self._word() for _ in range(self._random.randint(8, 22))]
        return " ".join(words).capitalize() + "."

    def paragraph(self) -> str:
        """Three to seven sentences."""
        return " ".join(self.sentence() for _ in range(self._random.randint(3, 7)))

    def heading(self) -> str:
        """A few words of the topic."""
        return " ".join(self._random.sample(list(self._topic), 3)).capitalize()

    def text(self, words: int) -> str:
        """Paragraphs, one blank line apart, of at least so many words."""
        paragraphs: list[str] = []
        while sum(paragraph.count(" ") + 1 for paragraph in paragraphs) < words:
            paragraphs.append(self.paragraph())
        return "\n\n".join(paragraphs)

    def question(self) -> str:
        """A question such as somebody types it."""
        first, second = self._random.sample(list(self._topic), 2)
        verb = self._random.choice(_VERBS)
        return f"Who {verb} the {first} of {self._name()} when the {second} {self._random.choice(_VERBS)} it?"

    def _word(self) -> str:
        kind = self._random.random()
        if kind < 0.55:
            return self._random.choices(_PLAIN, cum_weights=self._plain_weights)[0]
        return self._random.choice(self._topic) if kind < 0.85 else self._name()

    def _name(self) -> str:
        """One of the names; low numbers are frequent, as names are in real text."""
        rank = min(int(_MEDIAN_RANK * self._random.paretovariate(1.0) / 2), _NAMES - 1)
        parts = random.Random(rank)
        return (parts.choice(_STARTS) + parts.choice(_MIDDLES) + parts.choice(_ENDS)).capitalize()
