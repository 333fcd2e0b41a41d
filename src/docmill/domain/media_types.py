"""The formats that are read: one row each, and nothing else decides what a media type is called."""

from __future__ import annotations

from dataclasses import dataclass

from docmill.domain.source_languages import SOURCE_LANGUAGES

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOC = "application/msword"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
PPT = "application/vnd.ms-powerpoint"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
RTF = "application/rtf"
EPUB = "application/epub+zip"
HTML = "text/html"
MHTML = "multipart/related"
MARKDOWN = "text/markdown"
ASCIIDOC = "text/asciidoc"
RST = "text/x-rst"
TEXT = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON = "application/json"
JSONL = "application/x-ndjson"
XML = "application/xml"
YAML = "application/yaml"
NOTEBOOK = "application/x-ipynb+json"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
VTT = "text/vtt"
SRT = "application/x-subrip"
SVG = "image/svg+xml"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
WEBP = "image/webp"
ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"

PAGED = frozenset({PDF})  # whose pages can be read apart from the others, and by another reader if need be
PACKED = frozenset({GZIP, BZIP2, XZ})  # one file each, unless that is a TAR archive
ARCHIVES = frozenset({ZIP, TAR}) | PACKED

SOURCE_CODE = "source code"


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `extensions` are lower case with their dot, `name` is for people, `engine` reads it."""

    media_type: str
    extensions: tuple[str, ...]
    name: str
    engine: str


_FORMATS = (
    Format(PDF, (".pdf",), "PDF", "liteparse, then xberg"),
    Format(DOCX, (".docx", ".docm", ".dotx", ".dotm"), "Word document", "xberg"),
    Format(DOC, (".doc", ".dot"), "Word 97-2003 document", "xberg"),
    Format(PPTX, (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), "PowerPoint presentation", "xberg"),
    Format(PPT, (".ppt", ".pps", ".pot"), "PowerPoint 97-2003 presentation", "xberg"),
    Format(XLSX, (".xlsx", ".xlsm", ".xltx", ".xltm"), "Excel workbook", "xberg"),
    Format(XLS, (".xls", ".xlt"), "Excel 97-2003 workbook", "xberg"),
    Format(ODT, (".odt", ".ott"), "OpenDocument text", "xberg"),
    Format(ODS, (".ods", ".ots"), "OpenDocument spreadsheet", "xberg"),
    Format(ODP, (".odp", ".otp"), "OpenDocument presentation", "docmill"),
    Format(RTF, (".rtf",), "Rich Text", "xberg"),
    Format(EPUB, (".epub",), "EPUB book", "xberg"),
    Format(HTML, (".html", ".htm", ".xhtml", ".xht"), "web page", "xberg"),
    Format(MHTML, (".mhtml", ".mht"), "saved web page", "xberg"),
    Format(MARKDOWN, (".md", ".markdown", ".mdown"), "Markdown", "docmill"),
    Format(ASCIIDOC, (".adoc", ".asciidoc", ".asc"), "AsciiDoc", "docmill"),
    Format(RST, (".rst", ".rest"), "reStructuredText", "docutils"),
    Format(TEXT, (".txt", ".text", ".log"), "plain text", "docmill"),
    Format(CSV, (".csv",), "CSV table", "docmill"),
    Format(TSV, (".tsv", ".tab"), "tab-separated table", "docmill"),
    Format(JSON, (".json", ".geojson"), "JSON", "docmill"),
    Format(JSONL, (".jsonl", ".ndjson"), "JSON lines", "docmill"),
    Format(XML, (".xml", ".xsd", ".xsl", ".xslt", ".rss", ".atom", ".dbk", ".nxml"), "XML", "docmill"),
    Format(YAML, (".yaml", ".yml"), "YAML", "docmill"),
    Format(NOTEBOOK, (".ipynb",), "Jupyter notebook", "docmill"),
    Format(EML, (".eml",), "e-mail message", "docmill"),
    Format(MSG, (".msg",), "Outlook message", "docmill"),
    Format(ZIP, (".zip",), "ZIP archive", "docmill"),
    Format(TAR, (".tar", ".tgz", ".tbz2", ".txz"), "TAR archive", "docmill"),
    Format(GZIP, (".gz",), "gzip file", "docmill"),
    Format(BZIP2, (".bz2",), "bzip2 file", "docmill"),
    Format(XZ, (".xz",), "xz file", "docmill"),
    Format(VTT, (".vtt",), "WebVTT subtitles", "docmill"),
    Format(SRT, (".srt",), "SubRip subtitles", "docmill"),
    Format(SVG, (".svg",), "SVG drawing", "docmill"),
    *(
        Format(item.media_type, item.extensions, f"{item.name} {SOURCE_CODE}", "docmill")
        for item in SOURCE_LANGUAGES
    ),
    Format(PNG, (".png",), "PNG picture", "Tesseract"),
    Format(JPEG, (".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG picture", "Tesseract"),
    Format(TIFF, (".tif", ".tiff"), "TIFF picture", "Tesseract"),
    Format(WEBP, (".webp",), "WebP picture", "Tesseract"),
)
SOURCE_TYPES = frozenset(item.media_type for item in SOURCE_LANGUAGES)

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


def names() -> str:
    """What people call the formats that are read, in one line; the languages of source code are one."""
    known = (SOURCE_CODE if item.media_type in SOURCE_TYPES else item.name for item in _FORMATS)
    return ", ".join(dict.fromkeys(known))
