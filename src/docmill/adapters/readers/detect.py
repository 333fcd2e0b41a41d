"""What a file is, decided by its content; its name only breaks ties among text formats.

Runs in the reading child and at the API's door, so it reads at most about a megabyte and imports no engine.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from docmill.adapters.readers.decoding import decode_head
from docmill.domain import media_types as types
from docmill.domain.errors import DamagedFile, EmptyFile, PasswordRequired, UnsupportedType

HEAD_BYTES = 256 * 1024
DIRECTORY_BYTES = 1024 * 1024  # the largest zip directory that is looked at
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TEXT_TYPES = frozenset(
    {types.TEXT, types.MARKDOWN, types.CSV, types.TSV, types.JSON, types.JSONL, types.HTML, types.EML}
)

_OFFICE_MAIN = re.compile(
    rb"<Override[^>]*?(?:wordprocessingml|ms-word|spreadsheetml|ms-excel|presentationml|ms-powerpoint)"
    rb"[^>]*?\.main\+xml[^>]*>"
)
_OFFICE_KINDS = (
    (b"word", types.DOCX),
    (b"spreadsheetml", types.XLSX),
    (b"ms-excel", types.XLSX),
    (b"presentationml", types.PPTX),
    (b"ms-powerpoint", types.PPTX),
)
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_MAIL = re.compile(r"(received|from|to|subject|date|message-id|mime-version|return-path):\s", re.I)


@dataclass(frozen=True, slots=True)
class Detected:
    """The media type to read a file as, and sentences for people about what was odd."""

    media_type: str
    notices: tuple[str, ...] = ()


def detect(path: Path, name: str) -> Detected:
    """Decide what the file at `path`, called `name` by its owner, is to be read as.

    Raises EmptyFile, UnsupportedType, DamagedFile (the format is known, its container is broken)
    or PasswordRequired (an encrypted Office file).
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise EmptyFile
    claimed = types.format_named(name)
    media_type = _by_magic(path, head, claimed) or _by_text(head, claimed)
    return Detected(media_type, _lying_name(name, claimed, media_type))


def _lying_name(name: str, claimed: types.Format | None, media_type: str) -> tuple[str, ...]:
    found = types.format_of(media_type)
    if claimed is None or found is None or claimed is found:
        return ()
    extension = name[name.rfind(".") :]
    return (f"The name says {extension}, the content is of the kind “{found.name}”; it was read as that.",)


def _by_magic(path: Path, head: bytes, claimed: types.Format | None) -> str | None:
    if b"%PDF-" in head[:1024] or _headless_pdf(head, claimed):
        return types.PDF
    if head.startswith(b"PK"):
        return _inside_zip(path, claimed)
    if head.startswith(OLE_MAGIC):
        return _inside_ole(path, head)
    return types.RTF if head.startswith(b"{\\rtf") else None


def _headless_pdf(head: bytes, claimed: types.Format | None) -> bool:
    """Engines repair a PDF whose first bytes are damaged, so its name and its objects are enough."""
    return claimed is not None and claimed.media_type == types.PDF and b" obj" in head and b"endobj" in head


def _inside_zip(path: Path, claimed: types.Format | None) -> str:
    try:
        _check_directory_size(path)
        with zipfile.ZipFile(path) as archive:
            return _zip_kind(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        if claimed is None or claimed.media_type in TEXT_TYPES:
            raise _unsupported("a damaged archive") from error
        raise DamagedFile(
            f"The {claimed.name} is damaged or cut short. Save it anew and send it again."
        ) from error


def _check_directory_size(path: Path) -> None:
    """Refuse a zip whose list of members alone would be large, before it is loaded."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY_BYTES:
        raise zipfile.BadZipFile("no directory, or one of unusual size")


def _zip_kind(archive: zipfile.ZipFile) -> str:
    members = set(archive.namelist())
    if "[Content_Types].xml" in members:
        return _office_kind(_member(archive, "[Content_Types].xml"), members)
    if "mimetype" in members:
        declared = _member(archive, "mimetype").decode("ascii", "replace").strip()
        if declared in (types.ODT, types.EPUB):
            return declared
        raise _unsupported(f"an archive of type {declared[:60]!r}")
    raise _unsupported("a zip archive")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        return member.read(HEAD_BYTES)


def _office_kind(content_types: bytes, members: set[str]) -> str:
    main = _OFFICE_MAIN.search(content_types)
    if main is None:
        raise _unsupported("an Office package of another kind")
    part = re.search(rb'PartName="/?([^"]+)"', main[0])
    if part is None or part[1].decode("utf-8", "replace") not in members:
        raise DamagedFile("The Office file has no main part. Save it anew and send it again.")
    return next(kind for mark, kind in _OFFICE_KINDS if mark in main[0])


def _inside_ole(path: Path, head: bytes) -> str:
    """Look for stream names (UTF-16) at the head and around the directory, whose sector the header names."""
    first, shift = int.from_bytes(head[48:52], "little"), int.from_bytes(head[30:32], "little")
    with path.open("rb") as file:
        file.seek((first + 1) << min(shift, 12))
        seen = head + file.read(HEAD_BYTES)
    if "EncryptedPackage".encode("utf-16-le") in seen:
        raise PasswordRequired
    if "__properties_version1.0".encode("utf-16-le") in seen:
        return types.MSG
    raise _unsupported("an Office file from before 2007; save it as .docx, .xlsx or .pptx")


def _by_text(head: bytes, claimed: types.Format | None) -> str:
    text = decode_head(head)
    if text is None:
        if claimed is not None and claimed.media_type not in TEXT_TYPES:
            raise _not_what_it_says(claimed)
        raise _unsupported("not a document, or not one of these")
    if _HTML.match(text[:4096]):
        return types.HTML
    if claimed is None:
        return _by_first_lines(text)
    if claimed.media_type not in TEXT_TYPES:
        raise _not_what_it_says(claimed)
    return claimed.media_type


def _by_first_lines(text: str) -> str:
    lines = text.lstrip().splitlines()[:12]
    if sum(bool(_MAIL.match(line)) for line in lines) >= 3:
        return types.EML
    if lines and re.match(r'\{\s*("|$)|\[\s*([\[{"\d-]|$)', lines[0]):
        return types.JSONL if len(lines) > 1 and all(line[:1] == "{" for line in lines) else types.JSON
    return types.TEXT


def _not_what_it_says(claimed: types.Format) -> DamagedFile:
    return DamagedFile(
        f"The name says {claimed.name}, but the content is not that. Check the file and send it again."
    )


def _unsupported(what: str) -> UnsupportedType:
    names = ", ".join(item.name for item in types.formats())
    return UnsupportedType(f"This file cannot be read: {what}. What can be read: {names}.")
