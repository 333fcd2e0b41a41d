"""The formats that are read: one row each, and nothing else decides what a media type is called."""

from __future__ import annotations

from dataclasses import dataclass

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
EPUB = "application/epub+zip"
RTF = "application/rtf"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON = "application/json"
JSONL = "application/x-ndjson"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `extensions` are lower case with their dot, `name` is for people, `engine` reads it."""

    media_type: str
    extensions: tuple[str, ...]
    name: str
    engine: str


_FORMATS = (
    Format(PDF, (".pdf",), "PDF", "liteparse, then xberg"),
    Format(DOCX, (".docx", ".docm", ".dotx"), "Word document", "xberg"),
    Format(PPTX, (".pptx", ".pptm", ".ppsx"), "PowerPoint presentation", "xberg"),
    Format(XLSX, (".xlsx", ".xlsm", ".xltx"), "Excel workbook", "xberg"),
    Format(ODT, (".odt",), "OpenDocument text", "xberg"),
    Format(EPUB, (".epub",), "EPUB book", "xberg"),
    Format(RTF, (".rtf",), "Rich Text", "xberg"),
    Format(HTML, (".html", ".htm", ".xhtml"), "web page", "xberg"),
    Format(MARKDOWN, (".md", ".markdown"), "Markdown", "docmill"),
    Format(TEXT, (".txt", ".text", ".log", ".rst", ".adoc", ".asciidoc", ".vtt"), "plain text", "docmill"),
    Format(CSV, (".csv",), "CSV table", "docmill"),
    Format(TSV, (".tsv", ".tab"), "tab-separated table", "docmill"),
    Format(JSON, (".json",), "JSON", "docmill"),
    Format(JSONL, (".jsonl", ".ndjson"), "JSON lines", "docmill"),
    Format(EML, (".eml",), "e-mail message", "docmill"),
    Format(MSG, (".msg",), "Outlook message", "xberg"),
)

_BY_TYPE = {item.media_type: item for item in _FORMATS}
_BY_EXTENSION = {extension: item for item in _FORMATS for extension in item.extensions}


def formats() -> tuple[Format, ...]:
    """Every format that is read, in the order in which people ask for them."""
    return _FORMATS


def format_of(media_type: str) -> Format | None:
    """The format of this media type; None when it is not read."""
    return _BY_TYPE.get(media_type)


def format_named(file_name: str) -> Format | None:
    """The format a file's name claims by its extension; None when the extension says nothing."""
    _, dot, extension = file_name.rpartition(".")
    return _BY_EXTENSION.get(dot + extension.lower())
