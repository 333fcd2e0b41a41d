"""The marks inside a line of AsciiDoc: taken off, so that what people would see is left."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINK = re.compile(r"(?:(?:link|mailto|xref):|https?://|ftp://|irc://)[^\s\[\]<>]*\[([^\]]*)\]")
_CROSS = re.compile(r"<<([^<>,]+)(?:,\s*([^<>]*))?>>")
_MACRO = re.compile(
    r"\b(?:btn|kbd|menu|pass|footnote|stem|latexmath|indexterm2?|image|icon):([\w./-]*)\[([^\]]*)\]"
)
_ANCHOR = re.compile(r"\[\[[^\]]*\]\]|\(\(\([^)]*\)\)\)|\[#[^\]]*\](?=[#*_`])")
_REFERENCE = re.compile(r"\{([\w-]+)\}")
_PAIRS = tuple(
    re.compile(
        rf"(?<![\w{re.escape(mark[0])}\\]){re.escape(mark)}(?=\S)([^\n]{{1,2000}}?)(?<=\S){re.escape(mark)}(?![\w{re.escape(mark[0])}])"
    )
    for mark in ("**", "*", "__", "_", "``", "`", "##", "#", "++", "+")
)
_HARD_BREAK = re.compile(r"[ \t]\+$", re.M)


def plain(text: str, attributes: Mapping[str, str]) -> str:
    """The words of a text, with the attributes of the document in place of `{name}`."""
    text = _REFERENCE.sub(lambda match: attributes.get(match[1].lower(), match[0]), text)
    if not re.search(r"[\[<*_`#+(]", text):
        return text
    text = _LINK.sub(lambda match: match[1].removesuffix("^") or match[0].partition("[")[0], text)
    text = _CROSS.sub(lambda match: match[2] or match[1], text)
    text = _MACRO.sub(lambda match: " ".join(part for part in match.groups() if part), text)
    text = _HARD_BREAK.sub("", _ANCHOR.sub("", text))
    for pair in _PAIRS:
        text = pair.sub(r"\1", text)
    return text
