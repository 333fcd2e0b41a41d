"""Pictures in the parts of a message that its page shows: of mails and of saved web pages.

A picture is called after its part, `part:3`, or after its place in the page of a part, `part:1/data:0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from itertools import islice
from urllib.parse import unquote, urljoin

from docmill.adapters.readers.data_pictures import picture_in
from docmill.adapters.readers.mime import content_of, part_text
from docmill.adapters.readers.picture_names import READ, name_in_text, name_inside

PARTS = 10_000

_ADDRESS = re.compile(r"""\bsrc\s*=\s*["']?([^"'\s>]+)|\b(cid:[^"'\s<>)\]]+)""", re.I)


class Parts:
    """The parts of a message, looked at once: their names, and the addresses by which pages show them."""

    def __init__(self, message: EmailMessage) -> None:
        self.names: dict[int, str] = {}
        self.addressed: dict[str, EmailMessage] = {}
        self.hold_pictures = False
        for name, part in named_parts(message):
            self.names[id(part)] = name
            self.addressed |= dict.fromkeys(addresses_of(part), part)
            self.hold_pictures |= is_read(part)

    def name(self, part: EmailMessage) -> str:
        """What a part is called."""
        return self.names.get(id(part), "")

    def may_show(self, page: EmailMessage) -> bool:
        """Whether a page may show pictures that the message holds."""
        return self.hold_pictures or b"data:image/" in content_of(page)


class Beside:
    """What lies in a message beside a page of it, by the addresses that the page uses."""

    def __init__(self, parts: Parts, page: EmailMessage) -> None:
        self._parts = parts
        self._page = page
        self._base = str(page.get("Content-Location", ""))

    def picture(self, address: str) -> str | None:
        """The name of a picture that the page shows: in another part, or in the page itself."""
        if inside := name_in_text(address):
            return f"{self._parts.name(self._page)}/{inside}"
        part = self._part(address)
        return self._parts.name(part) if part is not None and is_read(part) else None

    def style_sheet(self, address: str) -> str | None:
        """The source of a style sheet that the page links to; None where that lies elsewhere."""
        part = self._part(address)
        return content_of(part).decode("utf-8", "replace") if part is not None else None

    def _part(self, address: str) -> EmailMessage | None:
        known = self._parts.addressed
        return next((known[place] for place in _places(address, self._base) if place in known), None)


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


def is_read(part: EmailMessage) -> bool:
    """Whether a part is a picture of a kind that is looked at."""
    return bool(READ.fullmatch(part.get_content_type()) or name_inside(part.get_filename()))


def addresses_of(part: EmailMessage) -> Iterator[str]:
    """By what a page may show this part."""
    if identity := str(part.get("Content-ID", "")).strip(" <>"):
        yield _plain(f"cid:{identity}")
    if location := str(part.get("Content-Location", "")):
        yield _plain(location)


def addresses_in(page: EmailMessage) -> Iterator[str]:
    """What a page shows or mentions."""
    base = str(page.get("Content-Location", ""))
    for found in _ADDRESS.finditer(content_of(page).decode("utf-8", "replace")):  # addresses are ASCII
        yield from _places(found[1] or found[2], base)


def _plain(address: str) -> str:
    return unquote(address).strip()


def _places(address: str, base: str) -> tuple[str, str]:
    """What an address may mean in a page that lay at another one."""
    try:
        return _plain(address), _plain(urljoin(base, address))
    except ValueError:
        return _plain(address), ""
