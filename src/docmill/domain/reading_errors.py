"""What can go wrong with a file and its reading: three branches of the tree in errors.py.

    DocmillError
    ├── ReaderMissing              a dataset asks for an engine that is not installed
    ├── Refused                    the bytes are not taken in
    │   ├── EmptyFile              ├── FileTooLarge         ├── UnsupportedType
    │   ├── TooDeep                ├── TooMany              ├── UnsafeMember      ├── NestedInItself
    └── Unreadable                 the document was taken in and cannot be read
        ├── PasswordRequired       ├── DamagedFile          ├── NoPages           ├── NoText
        ├── ReaderTimeout          ├── ReaderTooLarge       ├── ReaderCrashed       ├── PageNotDrawn
        └── RecognizerMissing

Whoever walks the whole tree imports this file too.
"""

from __future__ import annotations

from docmill.domain.errors import DocmillError


class ReaderMissing(DocmillError):
    """docling is not installed here. Install `docmill[docling]`, or set the dataset's reader to docmill."""

    code = "reader_missing"
    http_status = 422


class Refused(DocmillError):
    """The file was not taken in."""

    code = "refused"
    http_status = 422


class EmptyFile(Refused):
    """The file is empty. Send a file with content."""

    code = "empty_file"


class FileTooLarge(Refused):
    """The file is larger than this installation takes. Split it, or raise DOCMILL_MAX_FILE_BYTES."""

    code = "file_too_large"
    http_status = 413


class UnsupportedType(Refused):
    """This type of file is not read. `docmill formats` lists those that are."""

    code = "unsupported_type"
    http_status = 415


class TooDeep(Refused):
    """This file lies in too many others. Send it by itself, or raise DOCMILL_UNPACK_LEVELS."""

    code = "too_deep"


class TooMany(Refused):
    """There are more files in this one than are taken. Send them apart, or raise DOCMILL_UNPACK_MEMBERS."""

    code = "too_many"


class UnsafeMember(Refused):
    """This is a link, a device or a pipe and no file. Such members of an archive are never followed."""

    code = "unsafe_member"


class NestedInItself(Refused):
    """This file holds itself, so there is nothing new in it."""

    code = "nested_in_itself"


class Unreadable(DocmillError):
    """The document cannot be read."""

    code = "unreadable"
    http_status = 422


class PasswordRequired(Unreadable):
    """The file is protected by a password. Remove the password and send it again."""

    code = "password_required"


class DamagedFile(Unreadable):
    """The file is damaged or cut short. Save or export it anew and send it again."""

    code = "damaged_file"


class NoPages(Unreadable):
    """The document has no pages. Send one with at least one page."""

    code = "no_pages"


class NoText(Unreadable):
    """No text was found in the document. Where its dataset has `ocr: never`, pictures are not looked at."""

    code = "no_text"


class ReaderTimeout(Unreadable):
    """Reading took longer than allowed. Split the file, or raise DOCMILL_READ_TIMEOUT_SECONDS."""

    code = "reader_timeout"


class ReaderTooLarge(Unreadable):
    """Reading needed more memory or text than allowed. Split the file, or raise the limits of reading."""

    code = "reader_limit"


class ReaderCrashed(Unreadable):
    """The reader crashed on this file. Save it anew, or as another format such as PDF, and send it again."""

    code = "reader_crashed"


class PageNotDrawn(Unreadable):
    """This page cannot be drawn: it is damaged, or drawing it failed. Its text can be read all the same."""

    code = "page_not_drawn"


class RecognizerMissing(Unreadable):
    """Text in pictures is not recognised here. Install `docmill[ocr]` for the workers, and retry."""

    code = "recognizer_missing"
