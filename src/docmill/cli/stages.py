"""`docmill read`, `docmill chunk` and `docmill formats`: one stage in this process, without any server."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from docmill.cli.configuration import settings
from docmill.cli.console import print_error, print_json_line, stdout
from docmill.cli.files import check_regular
from docmill.domain.documents import Block, Chunk, ChunkSettings
from docmill.domain.errors import DocmillError

if TYPE_CHECKING:
    from docmill.adapters.readers.sandbox import ReadingChild
    from docmill.ports import Tokenizer
    from docmill.settings import Settings

DEFAULTS = ChunkSettings()
DATASET = "default"
TENANT = "default"

Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, callback=check_regular, show_default=False, help="Files."),
]
Lines = Iterator[dict[str, Any]]


def formats() -> None:
    """List the formats that are read."""
    from rich import box
    from rich.table import Table

    from docmill.adapters.ocr.recognizer import is_installed
    from docmill.domain import media_types

    table = Table("format", "extensions", "media type", "read by", box=box.SIMPLE)
    for item in media_types.formats():
        table.add_row(item.name, " ".join(item.extensions), item.media_type, item.engine)
    stdout().print(table)
    if not is_installed():
        stdout().print(r"Text in pictures is not recognised here: install docmill\[ocr] for it.")


def read(files: Files) -> None:
    """Read files and write their blocks as JSON lines, one a block, in reading order."""
    with closing(_reading(settings())) as reading:
        _each(files, lambda path: _block_lines(path, reading))


def chunk(
    files: Files,
    size: Annotated[int, typer.Option(help="Longest chunk, in the unit.")] = DEFAULTS.size,
    overlap: Annotated[int, typer.Option(help="What a chunk repeats of the one before.")] = DEFAULTS.overlap,
    unit: Annotated[str, typer.Option(help="tokens or characters.")] = DEFAULTS.unit,
) -> None:
    """Read and cut files, and write their chunks as JSON lines. The same file gives the same bytes."""
    from docmill.adapters.embedders import make_embedder
    from docmill.domain.packing import check

    values = settings()
    wanted = ChunkSettings(size, overlap, unit)
    check(wanted)
    tokenizer = make_embedder(values).tokenizer
    with closing(_reading(values)) as reading:
        _each(files, lambda path: _chunk_lines(path, reading, tokenizer, wanted))


def _each(files: list[Path], lines_of: Callable[[Path], Lines]) -> None:
    """Write every file's lines; one that fails is told on stderr and the others go on."""
    failed = False
    for path in files:
        try:
            for line in lines_of(path):
                print_json_line({"file": str(path), **line})
        except DocmillError as error:
            failed = True
            print_error(error, about=str(path))
    sys.stdout.flush()
    raise typer.Exit(1 if failed else 0)


def _reading(values: Settings) -> ReadingChild:
    from docmill.adapters.readers.sandbox import ReadingChild
    from docmill.logs import configure_logs

    configure_logs("ERROR", "text")  # what fails is told as an error, and stdout is for the lines alone
    return ReadingChild(
        timeout_seconds=values.read_timeout_seconds,
        memory_bytes=values.read_memory_bytes,
        recycle_documents=values.read_recycle_documents,
    )


def _blocks(path: Path, reading: ReadingChild) -> Iterator[Block]:
    from docmill.adapters.readers.detect import detect
    from docmill.domain.documents import Part
    from docmill.domain.text import BlockBuilder
    from docmill.ports import ReadRequest

    builder = BlockBuilder()
    for item in reading.read(ReadRequest(path, detect(path, path.name).media_type, path.name)):
        if isinstance(item, Part):
            yield from map(builder.add, item.blocks)


def _block_lines(path: Path, reading: ReadingChild) -> Lines:
    for block in _blocks(path, reading):
        yield {
            "ordinal": block.ordinal,
            "kind": block.kind,
            "level": block.level,
            "page": block.page,
            "char_start": block.char_start,
            "char_end": block.char_end,
            "text": block.text,
            "boxes": [asdict(box) for box in block.boxes],
            "table": asdict(block.table) if block.table else None,
        }


def _chunk_lines(path: Path, reading: ReadingChild, tokenizer: Tokenizer, wanted: ChunkSettings) -> Lines:
    from docmill.domain import ids

    document = ids.document_id(ids.dataset_id(TENANT, DATASET), _sha256(path))
    version = ids.version_id(document, 1)
    for item in _chunks(list(_blocks(path, reading)), tokenizer, wanted):
        yield {
            "id": str(ids.chunk_id(version, item.ordinal)),
            "ordinal": item.ordinal,
            "kind": item.kind,
            "text": item.text,
            "char_start": item.char_start,
            "char_end": item.char_end,
            "tokens": item.tokens,
            "pages": item.pages,
            "boxes": [asdict(box) for box in item.boxes],
            "section_path": item.section_path,
        }


def _chunks(blocks: list[Block], tokenizer: Tokenizer, wanted: ChunkSettings) -> Iterator[Chunk]:
    from docmill.domain import chunking

    def locate(text: str) -> tuple[list[int], list[int]]:
        return tokenizer.tokenize(text).columns()

    ordinal = 0
    for section in chunking.sections(blocks, chunking.top_level(blocks)):
        for item in chunking.chunk(section, locate, wanted, ordinal):
            yield item
            ordinal = item.ordinal + 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
