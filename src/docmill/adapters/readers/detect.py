"""What a file is, decided by its content; its name only settles what the content leaves open.

Runs in the reading child and at the API's door, so it reads at most about a megabyte and imports no engine.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from docmill.adapters.readers import compound, packages
from docmill.adapters.readers.decoding import decode_head
from docmill.adapters.readers.packed import BLOCK_BYTES, is_packed, is_tar, is_tar_header
from docmill.adapters.readers.text_kinds import AGREE, TEXT_TYPES, text_kind
from docmill.domain import media_types as types
from docmill.domain.reading_errors import DamagedFile, EmptyFile, UnsupportedType

HEAD_BYTES = 256 * 1024
PACKAGES = frozenset(
    (types.DOCX, types.PPTX, types.XLSX, types.ODT, types.ODS, types.ODP, types.EPUB)
)  # kept in zip archives

_SIGNATURES = (
    (b"{\\rtf", types.RTF),
    (b"\x89PNG\r\n\x1a\n", types.PNG),
    (b"\xff\xd8\xff", types.JPEG),
    (b"II*\x00", types.TIFF),
    (b"MM\x00*", types.TIFF),
    (b"II+\x00", types.TIFF),
    (b"MM\x00+", types.TIFF),
    (b"\x1f\x8b", types.GZIP),
    (b"BZh", types.BZIP2),
    (b"\xfd7zXZ\x00", types.XZ),
)
# What is recognised only to say what it is.
_OTHERS = (
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"%!PS", "a PostScript file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
    (b"fLaC", "a sound recording"),
    (b"RIFF", "a sound recording or a film"),
    (b"\x1aE\xdf\xa3", "a film"),
)


@dataclass(frozen=True, slots=True)
class Detected:
    """The media type to read a file as, and sentences for people about what was odd."""

    media_type: str
    notices: tuple[str, ...] = ()


def detect(path: Path, name: str) -> Detected:
    """Decide what the file at `path`, called `name` by its owner, is to be read as.

    Raises EmptyFile, UnsupportedType (the message lists what is read), DamagedFile (the format is known and
    broken, or the name says a format that the content is not) or PasswordRequired.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise EmptyFile
    claimed = types.format_named(name)
    media_type = _by_signature(path, head, claimed) or _by_text(head, claimed)
    return Detected(media_type, _lying_name(name, claimed, media_type))


def _lying_name(name: str, claimed: types.Format | None, media_type: str) -> tuple[str, ...]:
    found = types.format_of(media_type)
    if claimed is None or found is None or claimed is found or (claimed.media_type, media_type) in AGREE:
        return ()
    extension = name[name.rfind(".") :]
    return (f"The name says {extension}, the content is of the kind “{found.name}”; it was read as that.",)


def _by_signature(path: Path, head: bytes, claimed: types.Format | None) -> str | None:
    if b"%PDF-" in head[:1024] or _headless_pdf(head, claimed):
        return types.PDF
    if head.startswith(packages.MAGICS):
        return _inside_zip(path, claimed)
    if head.startswith(compound.MAGIC):
        return _inside_compound(path, claimed)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return types.WEBP
    if is_tar_header(head[:BLOCK_BYTES]) or (is_packed(head) and _holds_tar(path)):
        return types.TAR
    return next((kind for mark, kind in _SIGNATURES if head.startswith(mark)), None)


def _headless_pdf(head: bytes, claimed: types.Format | None) -> bool:
    """Engines repair a PDF whose first bytes are damaged, so its name and its objects are enough."""
    return claimed is not None and claimed.media_type == types.PDF and b" obj" in head and b"endobj" in head


def _inside_zip(path: Path, claimed: types.Format | None) -> str:
    try:
        found = packages.package_kind(path)
    except packages.OtherPackage as error:
        raise _unsupported("a document of another kind in a zip archive") from error
    except zipfile.BadZipFile as error:
        if claimed is None or claimed.media_type in TEXT_TYPES:
            raise _unsupported("a damaged archive") from error
        raise DamagedFile(
            f"The {claimed.name} is damaged or cut short. Save it anew and send it again."
        ) from error
    if found is None and claimed is not None and claimed.media_type in PACKAGES:
        raise _not_what_it_says(claimed)
    return found or types.ZIP


def _inside_compound(path: Path, claimed: types.Format | None) -> str:
    try:
        found = compound.compound_kind(path)
    except ValueError as error:
        raise DamagedFile from error
    if found is None and claimed is not None:
        raise _not_what_it_says(claimed)
    if found is None:
        raise _unsupported("an OLE file of another kind")
    return found


def _holds_tar(path: Path) -> bool:
    try:
        return is_tar(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DamagedFile("The archive is damaged or cut short. Pack it anew and send it again.") from error


def _by_text(head: bytes, claimed: types.Format | None) -> str:
    if other := next((name for mark, name in _OTHERS if head.startswith(mark) and b"\x00" in head), None):
        raise _unsupported(other)
    text = decode_head(head)
    claim = claimed.media_type if claimed else None
    found = None if text is None else text_kind(text, len(head) < HEAD_BYTES, claim)
    if found is None and claimed is not None and (text is not None or claim not in TEXT_TYPES):
        raise _not_what_it_says(claimed)
    if found is None:
        raise _unsupported("not a document, or not one of these")
    return found


def _not_what_it_says(claimed: types.Format) -> DamagedFile:
    return DamagedFile(
        f"The name says {claimed.name}, but the content is not that. Check the file and send it again."
    )


def _unsupported(what: str) -> UnsupportedType:
    return UnsupportedType(f"This file cannot be read: {what}. What can be read: {types.names()}.")
