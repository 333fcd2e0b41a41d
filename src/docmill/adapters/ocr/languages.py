"""The language data that is on this machine, and which language needs which. Nothing is ever downloaded."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGED = Path(sys.prefix) / "share" / "tessdata"  # where the packages with language data put theirs
_SYSTEM = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
_CODE = re.compile(r"[a-z]{3}(_[a-z]+)*", re.ASCII)
_NO_LANGUAGES = frozenset({"osd", "equ"})
USUAL = "eng"
ORIENTATION = "osd"
WRITTEN_DOWNWARDS = frozenset(
    {"chi_sim", "chi_sim_vert", "chi_tra", "chi_tra_vert", "jpn", "jpn_vert", "kor", "kor_vert"}
)

# ISO 639-1 codes, as languages are detected, to Tesseract's.
_CODES: Mapping[str, str] = {
    "af": "afr", "am": "amh", "ar": "ara", "as": "asm", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben",
    "bs": "bos", "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "de": "deu", "el": "ell", "en": "eng",
    "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fo": "fao", "fr": "fra",
    "ga": "gle", "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv", "ht": "hat", "hu": "hun",
    "hy": "hye", "id": "ind", "is": "isl", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz",
    "km": "khm", "kn": "kan", "ko": "kor", "ky": "kir", "la": "lat", "lb": "ltz", "lo": "lao", "lt": "lit",
    "lv": "lav", "mk": "mkd", "ml": "mal", "mn": "mon", "mr": "mar", "ms": "msa", "mt": "mlt", "nb": "nor",
    "ne": "nep", "nl": "nld", "nn": "nor", "no": "nor", "oc": "oci", "or": "ori", "pa": "pan", "pl": "pol",
    "ps": "pus", "pt": "por", "qu": "que", "ro": "ron", "ru": "rus", "si": "sin", "sk": "slk", "sl": "slv",
    "sq": "sqi", "sr": "srp", "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel", "th": "tha", "tr": "tur",
    "ug": "uig", "uk": "ukr", "ur": "urd", "vi": "vie", "yi": "yid", "zh": "chi_sim",
}  # fmt: skip

# The scripts Tesseract tells apart, and languages that are written in them. The others are Latin.
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "Arabic": ("ara", "fas", "urd"),
    "Armenian": ("hye",),
    "Bengali": ("ben", "asm"),
    "Cyrillic": ("rus", "ukr", "bul", "srp", "bel", "mkd"),
    "Devanagari": ("hin", "mar", "nep", "san"),
    "Ethiopic": ("amh",),
    "Georgian": ("kat",),
    "Greek": ("ell",),
    "Gujarati": ("guj",),
    "Gurmukhi": ("pan",),
    "Han": ("chi_sim", "chi_tra", "jpn"),
    "Hangul": ("kor",),
    "Hebrew": ("heb", "yid"),
    "Hiragana": ("jpn",),
    "Japanese": ("jpn",),
    "Kannada": ("kan",),
    "Katakana": ("jpn",),
    "Khmer": ("khm",),
    "Korean": ("kor",),
    "Lao": ("lao",),
    "Malayalam": ("mal",),
    "Myanmar": ("mya",),
    "Oriya": ("ori",),
    "Sinhala": ("sin",),
    "Tamil": ("tam",),
    "Telugu": ("tel",),
    "Thai": ("tha",),
    "Tibetan": ("bod",),
}


class LanguageData:
    """The data files that are found: first in the folder of the installation's own, then in the others."""

    def __init__(self, own: Path | None = None) -> None:
        system = (folder for pattern in _SYSTEM for folder in sorted(Path("/").glob(pattern[1:])))
        self._files: dict[str, Path] = {}
        for folder in (*([own] if own else []), PACKAGED, *system):
            for file in sorted(folder.glob("*.traineddata")):
                self._files.setdefault(file.stem, file)

    def folders(self) -> tuple[Path, ...]:
        """Where the data lie."""
        return tuple({file.parent: None for file in self._files.values()})

    def languages(self) -> list[str]:
        """The codes of all languages that can be read, sorted."""
        return sorted(code for code in self._files if _CODE.fullmatch(code) and code not in _NO_LANGUAGES)

    def has(self, code: str) -> bool:
        """Whether there is data under this code."""
        return code in self._files

    def known(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Those of the codes that there is data for, in their order; else the usual one, else the first."""
        there = tuple(code for code in codes if self.has(code))
        return there or tuple(code for code in (USUAL, *self.languages()) if self.has(code))[:1]

    def name_from_root(self, codes: Iterable[str]) -> str:
        """What Tesseract is to load, as seen from the root: its files may lie in several folders."""
        return "+".join(str(self._files[code].with_suffix("")).removeprefix("/") for code in codes)

    def of_script(self, script: str) -> tuple[str, ...]:
        """The languages in this script that there is data for."""
        return tuple(code for code in wanted_for(script) if self.has(code))


def wanted_for(script: str) -> tuple[str, ...]:
    """The languages in a script, the most spoken first."""
    return _SCRIPTS.get(script, (USUAL,))


def code_of(language: str | None) -> str | None:
    """Tesseract's code for an ISO 639-1 one."""
    return _CODES.get(language or "")


def language_of(code: str) -> str | None:
    """The ISO 639-1 code for one of Tesseract's."""
    stem = code.partition("_")[0]
    return next((iso for iso, known in _CODES.items() if stem == known.partition("_")[0]), None)
