"""The one place that calls xberg: bytes in, one extracted document out, nothing fetched, nothing cached."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from docmill.domain.errors import DocmillError
from docmill.domain.reading_errors import DamagedFile, PasswordRequired, ReaderTooLarge

VERSION = "xberg-1.3.9"
TABLE_CELLS = 5_000_000
CONTENT_BYTES = 400 * 1024 * 1024


def extract(data: bytes, media_type: str, *, tree: bool = False) -> Any:
    """The extracted document: its text as Markdown, or as a tree of nodes too.

    Raises DamagedFile, PasswordRequired and ReaderTooLarge.
    Only bytes are passed: a path or address would let the engine fetch by itself.
    """
    import xberg

    given = xberg.ExtractInput(kind="bytes", bytes=data, mime_type=media_type)
    try:
        result = asyncio.run(xberg.extract(given, _config(tree)))
    except (xberg.XbergError, RuntimeError) as error:  # the bindings raise either
        raise _typed(str(error)) from error
    if not result.results:
        raise _typed(" ".join(str(item.message) for item in result.errors))
    return result.results[0]


@lru_cache(maxsize=2)
def _config(tree: bool) -> Any:
    """Reading only: the result cache would keep texts on disk after their document was deleted.

    What looks like Markdown in a web page is escaped, so that it comes out as it stands there.
    """
    import xberg

    return xberg.ExtractionConfig(
        use_cache=False,
        mime_detection_policy="trust_extension",
        enable_quality_processing=False,
        disable_ocr=True,
        output_format="markdown",
        html_options=xberg.ConversionOptions(
            escape_asterisks=True,
            escape_underscores=True,
            escape_misc=True,
            highlight_style="none",
            extract_metadata=False,
        ),
        images=xberg.ImageExtractionConfig(extract_images=False, run_ocr_on_images=False),
        content_filter=xberg.ContentFilterConfig(include_footnotes=True),
        include_document_structure=tree,
        pages=xberg.PageConfig(extract_pages=True),
        security_limits=xberg.SecurityLimits(max_table_cells=TABLE_CELLS, max_content_size=CONTENT_BYTES),
        extraction_timeout_secs=None,
        max_archive_depth=0,
    )


def _typed(message: str) -> DocmillError:
    """The engine tells its reasons in words only."""
    words = message.lower()
    if "password" in words or "encrypt" in words:
        return PasswordRequired()
    if "limit" in words or "too large" in words or "exceed" in words or "bomb" in words:
        return ReaderTooLarge()
    return DamagedFile()
