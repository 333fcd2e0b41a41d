"""Pictures in the parts of a message that its page shows: of mails and of saved web pages.

A picture is called after its part, `part:3`, or after its place in the page of a part, `part:1/data:0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from itertools import islice
from urllib.parse import unquote, urljoin

from docmill.adapters.readers.data_pictures import picture_in
from docmill.adapters.readers.mime import content_of, part_text
from docmill.adapters.readers.picture_names import READ, Naming, name_in_text, name_inside

PARTS = 10_000

_ADDRESS = re.compile(r"""\bsrc\s*=\s*["']?([^"'\s>]+)|\b(cid:[^"'\s<>)\]]+)""", re.I)


def naming(message: EmailMessage, page: EmailMessage) -> Naming:
    """How a page in a message names the pictures that lie in other parts, or in itself."""
    parts = dict(named_parts(message))
    names = {address: name for name, part in parts.items() if is_read(part) for address in addresses_of(part)}
    own = next((name for name, part in parts.items() if part is page), None)
    base = str(page.get("Content-Location", ""))

    def name_of(target: str) -> str | None:
        if inside := name_in_text(target):
            return f"{own}/{inside}"
        return names.get(_plain(target)) or names.get(_plain(_joined(base, target)))

    return name_of


def picture_of(message: EmailMessage, name: str) -> bytes | None:
    """The bytes of the picture of this name; None where the message has none. Raises ValueError."""
    place, _, inside = name.partition("/")
    part = dict(named_parts(message)).get(place)
    if part is None:
        return None
    return picture_in(part_text(part), inside) if inside else content_of(part)


def named_parts(message: EmailMessage) -> Iterator[tuple[str, EmailMessage]]:
    """The parts of a message in their order, each with its name."""
    return ((f"part:{number}", part) for number, part in enumerate(islice(message.walk(), PARTS)))


def holds_pictures(message: EmailMessage, page: EmailMessage) -> bool:
    """Whether a page may show pictures that the message holds."""
    return any(is_read(part) for part in message.walk()) or b"data:image/" in content_of(page)


def is_read(part: EmailMessage) -> bool:
    """Whether a part is a picture of a kind that is looked at."""
    return bool(READ.fullmatch(part.get_content_type()) or name_inside(part.get_filename()))


def addresses_of(part: EmailMessage) -> Iterator[str]:
    """By what a page may show this part."""
    if identity := str(part.get("Content-ID", "")).strip(" <>"):
        yield _plain(f"cid:{identity}")
    if location := str(part.get("Content-Location", "")):
        yield _plain(location)


def addresses_in(page: str) -> Iterable[str]:
    """What a page shows or mentions."""
    return (_plain(found[1] or found[2]) for found in _ADDRESS.finditer(page))


def _plain(address: str) -> str:
    return unquote(address).strip()


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:
        return target
