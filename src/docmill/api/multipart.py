"""Reads a multipart upload as it arrives: fields are kept, the file's bytes are handed on in large pieces."""

from __future__ import annotations

from email.message import Message
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from docmill.domain.errors import InvalidRequest

FIELDS = frozenset({"dataset", "metadata", "priority"})
MAX_FIELD_BYTES = 64 * 1024
_COPIED = 4096  # of pieces below so many bytes; a view of one would take more than they do

_MALFORMED = "The multipart body is malformed or cut short. Send the file again."


class _Part(NamedTuple):
    field: str
    file_name: str | None


class UploadForm:
    """The body of an upload: one part `file`, and the fields. Feed it, take the file's bytes from it."""

    def __init__(self, content_type: str | None) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise InvalidRequest("The body is not multipart/form-data. Send the file as its part `file`.")
        self.file_name: str | None = None
        self.fields: dict[str, bytearray] = {}
        self.pending_bytes = 0
        self._pending: list[bytes | memoryview] = []
        self._complete = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self._part: _Part | None = None
        self._parser = self._new_parser(options[b"boundary"])

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises InvalidRequest, InvalidName."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidRequest(_MALFORMED) from error

    def take(self) -> list[bytes | memoryview]:
        """The file's bytes that came since the last time, in pieces."""
        pieces, self._pending, self.pending_bytes = self._pending, [], 0
        return pieces

    def finish(self) -> str:
        """The file's name, when the body is whole and had a file. Raises InvalidRequest."""
        if not self._complete:
            raise InvalidRequest(_MALFORMED)
        if self.file_name is None:
            raise InvalidRequest(
                "The part `file` is missing. Send the file under this name, with its file name."
            )
        return self.file_name

    def field(self, name: str) -> str | None:
        """A field's text; None when it was not sent. Raises InvalidRequest."""
        try:
            return self.fields[name].decode() if name in self.fields else None
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"The field `{name}` is not UTF-8. Send it in UTF-8.") from error

    def _new_parser(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_to_name,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._add_data,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise InvalidRequest(_MALFORMED) from error

    def _begin_part(self) -> None:
        self._headers = []

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _open_part(self) -> None:
        self._part = _part_of(dict(self._headers).get(b"content-disposition", b""))
        if self._part.file_name is None:
            self._open_field(self._part.field)
            return
        if self._part.field != "file" or self.file_name is not None:
            raise InvalidRequest(
                "An upload has one file, in the part `file`. Send other files by themselves."
            )
        self.file_name = self._part.file_name

    def _open_field(self, name: str) -> None:
        if name not in FIELDS or name in self.fields:
            known = ", ".join(f"`{field}`" for field in ("file", *sorted(FIELDS)))
            raise InvalidRequest(f"The body has an unknown or repeated field. Send {known}, each once.")
        self.fields[name] = bytearray()

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is None or self._part.file_name is None:
            self._add_to_field(data[start:end])
            return
        piece = data if end - start < _COPIED else memoryview(data)
        self._pending.append(piece[start:end])
        self.pending_bytes += end - start

    def _add_to_field(self, data: bytes) -> None:
        field = self.fields[self._part.field] if self._part else bytearray()
        field += data
        if len(field) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"A field is longer than {MAX_FIELD_BYTES:,} bytes. Shorten it.")

    def _end(self) -> None:
        self._complete = True


def _part_of(disposition: bytes) -> _Part:
    """What a part is called. A file name is taken as it was sent, also when it is one we shall refuse."""
    header = Message()
    try:
        header["content-disposition"] = disposition.decode()
        options = header.get_params([], header="content-disposition")
        names = [_file_name(value) for name, value in options if name.lower() == "filename"]
    except (ValueError, LookupError) as error:
        raise InvalidRequest("A name in the multipart body is not UTF-8. Send names in UTF-8.") from error
    field = header.get_param("name", header="content-disposition")
    if not isinstance(field, str):
        raise InvalidRequest(_MALFORMED)
    return _Part(field, names[-1] if names else None)  # the last is the one in `filename*=`, if there is one


def _file_name(value: str | tuple[str | None, str | None, str]) -> str:
    """The name as the file has it: what a form may not send in quotes is undone, and RFC 8187's own form.

    Forms write a quote, a line feed and a carriage return with a percent sign, and nothing else so (WHATWG).
    """
    if isinstance(value, tuple):
        charset, _, name = value
        return name.encode("latin-1").decode(charset or "ascii")
    return value.replace("%22", '"').replace("%0A", "\n").replace("%0D", "\r")
