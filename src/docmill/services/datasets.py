"""Datasets: named collections of documents that are cut in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from docmill.adapters.readers import docling_engine
from docmill.db import catalogue, intake
from docmill.db.engine import reaching_database
from docmill.domain.cursors import Page, decode_cursor, page_of
from docmill.domain.documents import ChunkSettings, ReaderChoice
from docmill.domain.errors import Conflict, DatasetNotFound, InvalidSettings
from docmill.domain.ids import dataset_id
from docmill.domain.names import as_uuid, check_dataset_name, composed
from docmill.domain.reading_errors import ReaderMissing
from docmill.domain.recognition import OcrSettings, are_language_codes, as_stored, ocr_settings
from docmill.ports import SPECIAL_TOKENS

USUAL_PRIORITY = 5
_USUAL_OCR = OcrSettings()

_CURSOR = "datasets"
_RANGES: Mapping[str, tuple[int, int]] = {"tokens": (16, 8_000), "characters": (50, 20_000)}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset, how it cuts documents that come from now on, and their priority (0-9, 9 first)."""

    id: UUID
    name: str
    chunking: ChunkSettings
    reader: ReaderChoice
    ocr: OcrSettings
    priority: int
    documents: int
    created_at: datetime


def settings_of(
    chunking: ChunkSettings, reader: ReaderChoice = ReaderChoice.DOCMILL, ocr: OcrSettings = _USUAL_OCR
) -> dict[str, Any]:
    """A dataset's settings as they are stored, and copied to every version when it is made."""
    return {"chunking": asdict(chunking), "reader": reader.value, **as_stored(ocr)}


def check_reader(reader: ReaderChoice) -> None:
    """Raises ReaderMissing when the engine is not installed here."""
    if reader is ReaderChoice.DOCLING and not docling_engine.is_installed():
        raise ReaderMissing


class Datasets:
    """The datasets of all tenants. `max_tokens` is the embedding model's limit for one text."""

    def __init__(self, engine: Engine, max_tokens: int) -> None:
        self._engine = engine
        self._max_tokens = max_tokens

    @reaching_database
    def create(
        self,
        tenant: str,
        name: str,
        chunking: ChunkSettings,
        priority: int = USUAL_PRIORITY,
        reader: ReaderChoice = ReaderChoice.DOCMILL,
        ocr: OcrSettings = _USUAL_OCR,
    ) -> tuple[Dataset, bool]:
        """The dataset of this name, and whether it is new. Raises Conflict when it has other settings.

        Raises ReaderMissing and InvalidSettings.
        """
        self.check_chunking(chunking)
        check_reader(reader)
        _check_ocr(ocr)
        name = check_dataset_name(name)
        dataset = dataset_id(tenant, name)
        with self._engine.begin() as connection:
            settings = settings_of(chunking, reader, ocr)
            created = intake.insert_dataset(connection, tenant, dataset, name, settings, priority)
        found = self.find(tenant, str(dataset))
        if (found.chunking, found.priority, found.reader, found.ocr) != (chunking, priority, reader, ocr):
            raise Conflict(
                "A dataset of this name has other settings. Change them with PATCH, or choose a name."
            )
        return found, created

    @reaching_database
    def find(self, tenant: str, name_or_id: str) -> Dataset:
        """One dataset. Raises DatasetNotFound."""
        dataset = as_uuid(name_or_id) or dataset_id(tenant, composed(name_or_id))
        with self._engine.begin() as connection:
            row = catalogue.dataset(connection, tenant, dataset)
        if row is None:
            raise DatasetNotFound
        return _dataset(row)

    @reaching_database
    def id_of(self, tenant: str, name_or_id: str) -> UUID:
        """The id of a dataset, without counting its documents. Raises DatasetNotFound."""
        dataset = as_uuid(name_or_id) or dataset_id(tenant, composed(name_or_id))
        with self._engine.begin() as connection:
            if intake.settings_of(connection, tenant, dataset) is None:
                raise DatasetNotFound
        return dataset

    @reaching_database
    def page(self, tenant: str, *, cursor: str | None = None, limit: int = 50) -> Page[Dataset]:
        """Datasets by name. Raises InvalidCursor."""
        after = decode_cursor(_CURSOR, cursor)[0] if cursor else ""
        with self._engine.begin() as connection:
            rows = catalogue.datasets(connection, tenant, after, limit + 1)
        page = page_of(_CURSOR, rows, limit, lambda row: [row.name])
        return Page(tuple(_dataset(row) for row in page.items), page.next_cursor)

    @reaching_database
    def change(
        self,
        tenant: str,
        name_or_id: str,
        changes: Mapping[str, Any],
        priority: int | None = None,
        reader: ReaderChoice | None = None,
        ocr: OcrSettings | None = None,
    ) -> Dataset:
        """Set some of size, overlap and unit, priority, reader and OCR, for documents that come later.

        Raises DatasetNotFound, InvalidSettings, ReaderMissing.
        """
        dataset = self.find(tenant, name_or_id)
        chunking = ChunkSettings(**{**asdict(dataset.chunking), **changes})
        self.check_chunking(chunking)
        wanted = dataset.reader if reader is None else reader
        check_reader(wanted)
        ocr = ocr or dataset.ocr
        _check_ocr(ocr)
        with self._engine.begin() as connection:
            settings = settings_of(chunking, wanted, ocr)
            catalogue.set_dataset(connection, tenant, dataset.id, settings, priority)
        return self.find(tenant, str(dataset.id))

    def check_chunking(self, chunking: ChunkSettings) -> None:
        """Raises InvalidSettings when documents cannot be cut so, or the model could not take the chunks."""
        if chunking.unit not in _RANGES:
            raise InvalidSettings(
                "A chunk's size is counted in tokens or characters. Set unit to one of them."
            )
        least, most = _RANGES[chunking.unit]
        if chunking.unit == "tokens":
            most = min(most, self._max_tokens - SPECIAL_TOKENS)
        if not least <= chunking.size <= most:
            raise InvalidSettings(
                f"With this embedding model, size is {least:,} to {most:,} {chunking.unit}."
            )
        if not 0 <= chunking.overlap * 2 < chunking.size:
            raise InvalidSettings("The overlap is less than half of the size. Lower it, or raise the size.")


def _check_ocr(ocr: OcrSettings) -> None:
    if not are_language_codes(ocr.languages):
        raise InvalidSettings("Languages are Tesseract's codes, such as eng, deu or chi_sim. Write them so.")


def _dataset(row: catalogue.DatasetRow) -> Dataset:
    chunking = ChunkSettings(**row.settings["chunking"])
    reader = ReaderChoice(row.settings.get("reader", ReaderChoice.DOCMILL))
    ocr = ocr_settings(row.settings)
    return Dataset(row.id, row.name, chunking, reader, ocr, row.priority, row.documents, row.created_at)
