"""What would let somebody in is not told: not in a log, not in an error."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "********"

_NAME = re.compile(r"(?i)(?:^|_)(?:password|passwd|secret|token|credentials?|authorization|cookie|api_key)$")

# In free text a URL ends at a blank; all before its last @ may be a password or a token.
_USER_INFO = re.compile(r"(?<=://)\S*@")
_PARAMETER = re.compile(r"(?i)(?<=[?&])(?P<name>[a-z_]*(?:password|secret|token|key))=[^&\s]*")
_KEY = re.compile(r"\b(?P<kind>dm_|whsec_|Bearer )[\w\-.+/=]{8,}")


def masked(text: str) -> str:
    """A text for people, without the passwords in its URLs and without keys of ours."""
    if "://" in text:
        text = _PARAMETER.sub(rf"\g<name>={MASK}", _USER_INFO.sub(f"{MASK}@", text))
    return _KEY.sub(rf"\g<kind>{MASK}", text)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _NAME.search(name) is not None


def masked_fact(name: str, value: object) -> object:
    """A fact of a log line, without what would let somebody in: the whole value where its name says so."""
    if _is_secret(name):
        return MASK
    if isinstance(value, dict):
        return {key: masked_fact(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_fact("", item) for item in value]
    return masked(value) if isinstance(value, str) else value
