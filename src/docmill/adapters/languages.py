"""Which language a text is written in, by two witnesses: py3langid and CLD2. They load when first needed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

LEAST_BYTES = 8  # of letters in UTF-8: 8 Latin ones, 3 Chinese ones
_PLENTY = re.compile(r"(?:[\W\d_]*+[^\W\d_]){8}")  # letters, each of a byte at least
LOOKED_AT_CHARACTERS = 4_000  # more text changes the answer no more
ENOUGH_CHARACTERS = 1_000  # for py3langid, where it is sure of what CLD2 finds in all
SURE = 0.9  # from here on py3langid is believed against CLD2

_NO_LETTER = re.compile(r"[\W\d_]+")
_NO_CHARACTERS = "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
_REFUSED_BY_CLD2 = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ud800-\udfff{_NO_CHARACTERS}]")
_NAMES = {"no": "nb", "iw": "he", "in": "id", "jw": "jv", "mo": "ro", "zh-Hant": "zh", "zh-TW": "zh"}
_UNKNOWN_TO_PY3LANGID = frozenset({"mi", "tn", "ts"})  # it takes them for their neighbours, and is sure of it
_UNKNOWN = frozenset({"un", "xxx"})


def detect_language(text: str, likely: str | None = None) -> tuple[str, float] | None:
    """(language, confidence from 0 to 1); None when there are too few letters to judge by.

    The language is an ISO 639 code, of two letters where there is one. A call takes less than half a
    millisecond; the first one loads the models, unless `load_languages` did. Where CLD2 finds the `likely`
    language, py3langid is not asked: it takes three times as long.
    """
    sample = text[:LOOKED_AT_CHARACTERS]
    if not _has_letters(sample):
        return None
    other, share = _by_cld2(sample)
    if likely is not None and other == likely:
        return other, share
    language, probability = _by_py3langid(sample[:ENOUGH_CHARACTERS])
    if len(sample) > ENOUGH_CHARACTERS and (language != other or probability <= SURE):
        language, probability = _by_py3langid(sample)
    if other is None:
        return language, probability
    if other == language:
        return language, 1 - (1 - probability) / 2
    if other in _UNKNOWN_TO_PY3LANGID:
        return other, share
    return (language, probability / 2) if probability > SURE else (other, share / 2)


def _has_letters(sample: str) -> bool:
    if _PLENTY.match(sample):
        return True
    return len(_NO_LETTER.sub("", sample).encode("utf-8", "replace")) >= LEAST_BYTES


def load_languages() -> None:
    """Load the models: 0.7 s of CPU and 95 MB, which processes that are forked from this one share."""
    _identifier()


def _by_py3langid(sample: str) -> tuple[str, float]:
    language, probability = _identifier().classify(sample)
    return _NAMES.get(str(language), str(language)), float(probability)


def _by_cld2(sample: str) -> tuple[str | None, float]:
    """The language, and which part of the text is in it; None where CLD2 knows of none."""
    import pycld2

    try:
        _, _, found = pycld2.detect(sample, bestEffort=True)
    except (pycld2.error, UnicodeEncodeError):
        _, _, found = pycld2.detect(_REFUSED_BY_CLD2.sub(" ", sample), bestEffort=True)
    code, percent = found[0][1], found[0][2]
    return (None, 0.0) if code in _UNKNOWN else (_NAMES.get(code, code), percent / 100)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
