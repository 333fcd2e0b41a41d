"""What a zip archive is: an Office package, an OpenDocument file, a book, or just an archive."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path

from docmill.domain import media_types as types
from docmill.domain.reading_errors import DamagedFile, PasswordRequired

MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
DIRECTORY_BYTES = 1024 * 1024  # the largest list of members that is looked at
MEMBER_BYTES = 256 * 1024
# What the standard library raises for bytes that are not what the archive says of them.
DAMAGE = (zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError)

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
_OPEN_DOCUMENT = re.compile(r"(application/vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation))\b")
_MANIFEST = "META-INF/manifest.xml"
_ROOT_TYPE = re.compile(rb'<[^>]*full-path="/"[^>]*>')


class OtherPackage(Exception):
    """A document in a zip archive, and none of those that are read: a drawing, a database."""


def package_kind(path: Path) -> str | None:
    """The media type of the document this archive is; None when it is an archive of something else.

    Raises zipfile.BadZipFile when the archive is damaged, DamagedFile when it is an Office file without its
    main part, PasswordRequired, OtherPackage.
    """
    if directory_bytes(path) > DIRECTORY_BYTES:
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return _kind(archive)
    except DAMAGE as error:
        raise zipfile.BadZipFile("a member cannot be read") from error


def directory_bytes(path: Path) -> int:
    """How long a zip says its list of members is, before it is loaded. Raises BadZipFile without one."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise zipfile.BadZipFile("no directory")
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _kind(archive: zipfile.ZipFile) -> str | None:
    members = set(archive.namelist())
    if "[Content_Types].xml" in members:
        return _office_kind(_member(archive, "[Content_Types].xml"), members)
    declared = _declared(archive, members)
    if declared == types.EPUB:
        return declared
    if (found := _OPEN_DOCUMENT.match(declared)) is None:
        if declared:
            raise OtherPackage
        return None
    if _MANIFEST in members and b"encryption-data" in _member(archive, _MANIFEST):
        raise PasswordRequired
    return found[1]


def _declared(archive: zipfile.ZipFile, members: set[str]) -> str:
    """The media type that an OpenDocument file or a book says it is."""
    if "mimetype" in members:
        return _member(archive, "mimetype").decode("ascii", "replace").strip()
    root = _ROOT_TYPE.search(_member(archive, _MANIFEST)) if _MANIFEST in members else None
    named = re.search(rb'media-type="([^"]*)"', root[0]) if root else None
    return named[1].decode("ascii", "replace") if named else ""


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).flag_bits & 1:
        raise PasswordRequired
    with archive.open(name) as member:
        return member.read(MEMBER_BYTES)


def _office_kind(content_types: bytes, members: set[str]) -> str | None:
    main = _OFFICE_MAIN.search(content_types)
    if main is None:
        raise OtherPackage
    part = re.search(rb'PartName="/?([^"]+)"', main[0])
    if part is None or part[1].decode("utf-8", "replace") not in members:
        raise DamagedFile("The Office file has no main part. Save it anew and send it again.")
    return next(kind for mark, kind in _OFFICE_KINDS if mark in main[0])
