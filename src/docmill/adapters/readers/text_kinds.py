"""What a text is: what its content shows, then what its name says, where the content leaves it open."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.parsers import expat

from docmill.adapters.readers.delimited import delimiter_of
from docmill.domain import media_types as types
from docmill.domain.source_languages import BY_COMMAND, TEMPLATES

MARKUP = frozenset((types.HTML, types.XML, types.SVG, types.VTT))
# Read as text, to the character or nearly so: a name may say which of them a text is.
TEXT_TYPES = MARKUP | types.SOURCE_TYPES | {
    types.TEXT, types.MARKDOWN, types.ASCIIDOC, types.RST, types.CSV, types.TSV, types.JSON, types.JSONL,
    types.YAML, types.NOTEBOOK, types.EML, types.MHTML, types.SRT,
}  # fmt: skip
# (what the name says, what the content shows): the one may well be called the other.
AGREE = frozenset(
    {
        (types.XML, types.SVG),
        (types.JSON, types.NOTEBOOK),
        (types.YAML, types.JSON),
        (types.YAML, types.NOTEBOOK),
        *((packed, types.TAR) for packed in types.PACKED),
    }
)

_SHOWN_CHARACTERS = 4_096
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_PAGE_PIECE = re.compile(
    r"\s*<(title|meta|link|script|style|div|p|table|ul|ol|h[1-6]|span|section|article|main|nav|center|font)\b",
    re.I,
)
_XML_START = re.compile(r"\s*(<\?xml\b|(<!--.*?-->\s*)*<(?:!DOCTYPE\s+)?[A-Za-z_][\w.:-]*)", re.S)
_TIMING = re.compile(r"(?m)^\s*(\d+:)?\d?\d:\d\d[.,]\d{1,3}\s*-->\s*(\d+:)?\d?\d:\d\d[.,]\d{1,3}")
_SUBTITLES = re.compile(r"\s*\d+[ \t]*\r?\n\s*\d+:\d\d:\d\d[.,]\d{1,3}\s*-->\s*\d+:\d\d:\d\d[.,]\d{1,3}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]*:(\s|$)")
_MAY_BE_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]*:|From |\s")
_MAIL = re.compile(
    r"(received|from|to|subject|date|message-id|mime-version|return-path|delivered-to|content-type):\s", re.I
)
_SENT = re.compile(r"(?im)^(received|message-id|mime-version|return-path):\s")
_SAVED_PAGE = re.compile(r"(?im)^(snapshot-content-location:|from:\s*<?saved by\b)")
_JSON_START = re.compile(r'\s*(\{\s*("|\}|$)|\[\s*([\[{"\d\]-]|$))')
_CELLS = re.compile(r'"cells"\s*:\s*\[|"cell_type"\s*:\s*"')
_COMMAND = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?([\w.+-]+)")
_MARKDOWN = re.compile(r"(?m)^(#{1,6} \S|```|[*-] \S|\d+\. \S|\|.*\|\s*$|\[[^\]]+\]\([^)\s]+\))")
_RST = re.compile(r"(?m)^(?:\.\. [\w:-]+::|\.\. _[^:]+:|(?:=|-|~|\^){4,}\s*$)")


def text_kind(text: str, whole: bool, claimed: str | None) -> str | None:
    """The media type of a text (`whole`, or its beginning only) whose name claims `claimed`.

    None when the name claims something that no text can be, and the text shows nothing else.
    """
    shown = _shown(text, whole)
    if claimed is None:
        return shown or _guess(text)
    if claimed not in TEXT_TYPES:
        return shown or (_table(text) if claimed == types.XLS else None)
    if shown is None:
        return claimed if _may_be(claimed, text) else types.TEXT
    return claimed if _name_decides(claimed, shown, text) else shown


def _shown(text: str, whole: bool) -> str | None:
    """What the text is beyond doubt; None when it leaves that open."""
    start = text[:_SHOWN_CHARACTERS]
    if re.match(r"WEBVTT(\s|$)", start):
        return types.VTT
    if _HTML.match(start):
        return types.HTML
    if _SUBTITLES.match(start):
        return types.SRT
    if _XML_START.match(start):
        return _xml_kind(text, whole)
    if _JSON_START.match(start):
        return _json_kind(text, whole)
    return _mail_kind(text[: 4 * _SHOWN_CHARACTERS])


def _xml_kind(text: str, whole: bool) -> str | None:
    """By the root element. Without a declaration it has to be XML to its end."""
    roots: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    parser.DefaultHandler = lambda _: None  # keeps entities from being expanded
    declared = text.lstrip().startswith("<?xml")
    try:
        parser.Parse(re.sub(r"^\s*<\?xml[^>]*>", "", text, count=1), whole)
    except (expat.ExpatError, ValueError):
        if not declared:
            return types.HTML if _PAGE_PIECE.match(text) else None
    root = roots[0].rpartition(":")[2].lower() if roots else ""
    if not declared and root and _PAGE_PIECE.match(f"<{root} "):
        return types.HTML
    return {"svg": types.SVG, "html": types.HTML}.get(root, types.XML)


def _json_kind(text: str, whole: bool) -> str | None:
    if whole and _parses(text):
        return types.NOTEBOOK if _CELLS.search(text) and '"nbformat"' in text else types.JSON
    lines = [line for line in text[: 16 * _SHOWN_CHARACTERS].splitlines() if line.strip()]
    if len(lines) > 1 and all(line[:1] in "{[" and _parses(line) for line in lines[:2]):
        return types.JSONL
    if not whole and lines[0].strip()[-1] in "{[,":
        return types.NOTEBOOK if _CELLS.search(text) else types.JSON
    return None


def _parses(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _mail_kind(start: str) -> str | None:
    """Mail has three of its usual fields in its first lines, one of them from being sent."""
    start = start.lstrip("\r\n")
    if not _MAY_BE_FIELD.match(start):
        return None  # nearly every text, and known from its first word
    head = re.split(r"\r?\n\r?\n", start, maxsplit=1)[0]
    lines = [line for line in head.splitlines() if line[:1] not in " \t"]
    if not lines or not all(_FIELD.match(line) or line.startswith("From ") for line in lines[:3]):
        return None
    if sum(bool(_MAIL.match(line)) for line in lines) < 3:
        return None
    return types.MHTML if _is_saved_page(head) else types.EML


def _is_saved_page(head: str) -> bool:
    return "multipart/related" in head.lower() and bool(_SAVED_PAGE.search(head))


def _name_decides(claimed: str, shown: str, text: str) -> bool:
    """Whether a text that shows one thing may be read as what its name says."""
    if claimed in types.SOURCE_TYPES:
        return shown not in MARKUP or claimed in TEMPLATES
    if claimed == types.YAML:
        return shown in (types.JSON, types.JSONL)
    if claimed == types.MHTML:
        return shown == types.EML and "multipart/related" in text[: 4 * _SHOWN_CHARACTERS].lower()
    if claimed == types.EML:
        return shown == types.MHTML and not _SAVED_PAGE.search(text)
    if shown == types.EML:
        return not _SENT.search(text[: 4 * _SHOWN_CHARACTERS])
    if shown in (types.XML, types.HTML) and claimed in (
        types.TEXT,
        types.MARKDOWN,
        types.ASCIIDOC,
        types.RST,
    ):
        return not (text.lstrip().startswith("<?xml") or _HTML.match(text[:_SHOWN_CHARACTERS]))
    return claimed == types.HTML and shown in (types.SVG, types.XML) and bool(_PAGE_PIECE.match(text))


def _may_be(claimed: str, text: str) -> bool:
    """Whether a text that shows nothing may be what its name says."""
    tests: dict[str, Callable[[str], object]] = {
        types.VTT: _TIMING.search,
        types.SRT: _TIMING.search,
        types.XML: re.compile(r"\s*<").match,
        types.SVG: re.compile(r"\s*<").match,
        types.EML: lambda start: _FIELD.match(start.lstrip()) or start.startswith("From "),
        types.MHTML: lambda start: _FIELD.match(start.lstrip()) or start.startswith("From "),
    }
    return claimed not in tests or bool(tests[claimed](text[: 16 * _SHOWN_CHARACTERS]))


def _guess(text: str) -> str:
    """The likeliest kind of a text without a name that says it."""
    start = text[: 4 * _SHOWN_CHARACTERS]
    if command := _COMMAND.match(start):
        language = BY_COMMAND.get(command[1].lower()) or BY_COMMAND.get(
            command[1].lower().rstrip("0123456789.")
        )
        return language.media_type if language else types.TEXT
    if re.match(r"%YAML |---[ \t]*\r?\n[\w\"'-]+:(\s|$)", start):
        return types.YAML
    if re.match(r"= \S.*\r?\n", start) and re.search(r"(?m)^==+ \S", start):
        return types.ASCIIDOC
    return _table(start) or _markup_guess(start)


def _markup_guess(start: str) -> str:
    kinds = {match[0][:2] for match in _MARKDOWN.finditer(start)}
    if len(kinds) > 1 and any(kind.startswith("#") for kind in kinds):
        return types.MARKDOWN
    return types.RST if len(_RST.findall(start)) > 1 and re.search(r"(?m)^\.\. \w", start) else types.TEXT


def _table(text: str) -> str | None:
    """CSV or TSV when the first rows are cut evenly into three columns or more."""
    lines = [line for line in text.splitlines()[:12] if line.strip()]
    if len(lines) < 4:
        return None
    mark = delimiter_of(text)
    counts = {line.count(mark) for line in lines[:-1]}
    if len(counts) != 1 or min(counts) < 2 or mark == "|":
        return None
    return types.TSV if mark == "\t" else types.CSV
