"""HTML on its way into the engine: decoded by us, told to be UTF-8, with nothing in it that runs."""

from __future__ import annotations

import re

_CHARSET = re.compile(r"(<meta\b[^>]*?charset\s*=\s*[\"']?)[\w-]+", re.I)
_HIDDEN = re.compile(r"<(script|style|template|iframe|object)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)


def as_utf8(html: str) -> bytes:
    """The page as UTF-8 that says so, without scripts, styles and embedded frames."""
    return _CHARSET.sub(r"\1utf-8", _HIDDEN.sub(" ", html)).encode("utf-8", "replace")
