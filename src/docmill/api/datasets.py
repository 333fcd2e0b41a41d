"""Datasets: named collections of documents that are cut in the same way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, PageSize, Storable, Tenant, UseCases
from docmill.api.models import DATASET_ID, NEXT_CURSOR, TIME, example, example_of
from docmill.api.problems import described_header, problems
from docmill.domain.documents import ChunkSettings, ReaderChoice
from docmill.domain.recognition import OcrMode, OcrSettings
from docmill.services.datasets import USUAL_PRIORITY
from docmill.services.datasets import Dataset as StoredDataset

router = APIRouter(prefix="/datasets", tags=["datasets"])

Priority = Annotated[int, Field(ge=0, le=9, description="Of new documents: 0 to 9, 9 first.")]

_DEFAULT = ChunkSettings()
_READER = "Whose readers read its documents: `docmill`, or `docling` where `docmill[docling]` is installed."
_LOCATION = described_header("Location", "The dataset's own address.", f"/api/v1/datasets/{DATASET_ID}")


class Chunking(BaseModel):
    """How documents are cut into chunks."""

    model_config = example(size=200, overlap=0, unit="tokens")

    size: int = Field(default=_DEFAULT.size, description="Largest chunk, in `unit`.")
    overlap: int = Field(
        default=_DEFAULT.overlap, description="What a chunk repeats of the one before, in `unit`."
    )
    unit: Literal["tokens", "characters"] = Field(
        default="tokens", description="What `size` and `overlap` count."
    )


class ChunkingChange(BaseModel):
    """The settings to change; the others stay."""

    model_config = example(size=1000, overlap=200, unit="characters")

    size: int | None = None
    overlap: int | None = None
    unit: Literal["tokens", "characters"] | None = None


class Ocr(BaseModel):
    """Which pages are recognised, and in which languages."""

    model_config = example(mode="auto", languages=["deu", "eng"])

    mode: Literal["auto", "always", "never"] = Field(
        default="auto", description="`auto`: pages without a text layer that can be trusted."
    )
    languages: list[str] = Field(
        default_factory=list,
        max_length=8,
        description="Tesseract's codes, such as eng or deu; none: found page by page.",
    )

    def settings(self) -> OcrSettings:
        """As the use case takes them."""
        return OcrSettings(OcrMode(self.mode), tuple(self.languages))


class NewDataset(BaseModel):
    """A dataset to make."""

    model_config = example(
        name="contracts", chunking={"size": 200, "overlap": 0, "unit": "tokens"}, priority=5
    )

    name: Storable = Field(description="1 to 100 letters, digits, spaces, dots, dashes or underscores.")
    chunking: Chunking = Field(default_factory=Chunking)
    ocr: Ocr = Field(default_factory=Ocr)
    priority: Priority = USUAL_PRIORITY
    reader: ReaderChoice = Field(default=ReaderChoice.DOCMILL, description=_READER)


class DatasetChange(BaseModel):
    """What to change of a dataset."""

    model_config = example(chunking={"size": 1000, "overlap": 200, "unit": "characters"}, priority=7)

    chunking: ChunkingChange = Field(default_factory=ChunkingChange)
    ocr: Ocr | None = None
    priority: Priority | None = None
    reader: ReaderChoice | None = Field(default=None, description=_READER)


class DatasetView(BaseModel):
    """A dataset."""

    model_config = example(
        id=DATASET_ID,
        name="contracts",
        chunking={"size": 200, "overlap": 0, "unit": "tokens"},
        reader="docmill",
        ocr={"mode": "auto", "languages": []},
        priority=5,
        documents=12,
        created_at=TIME,
    )

    id: UUID
    name: str
    chunking: Chunking = Field(description="Settings for documents that come from now on.")
    reader: ReaderChoice = Field(description=_READER)
    ocr: Ocr = Field(description="How pages of documents that come from now on are recognised.")
    priority: int = Field(description="Of documents that come from now on: 0 to 9, 9 first.")
    documents: int = Field(description="How many documents it has.")
    created_at: datetime

    @classmethod
    def of(cls, dataset: StoredDataset) -> DatasetView:
        """The view of a dataset."""
        cut = dataset.chunking
        return cls(
            id=dataset.id,
            name=dataset.name,
            chunking=Chunking.model_validate({"size": cut.size, "overlap": cut.overlap, "unit": cut.unit}),
            reader=dataset.reader,
            ocr=Ocr.model_validate({"mode": dataset.ocr.mode, "languages": list(dataset.ocr.languages)}),
            priority=dataset.priority,
            documents=dataset.documents,
            created_at=dataset.created_at,
        )


class DatasetList(BaseModel):
    """A page of datasets, by name."""

    model_config = example(items=[example_of(DatasetView)], next_cursor=None)

    items: list[DatasetView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


Dataset = Annotated[Storable, Path(description="Name or id of the dataset.", examples=["contracts"])]


@router.get("", operation_id="list_datasets", summary="List datasets", responses=problems(422))
def list_datasets(
    services: UseCases, tenant: Tenant, cursor: Cursor = None, limit: PageSize = 50
) -> DatasetList:
    """Datasets by name, a page at a time."""
    page = services.datasets.page(tenant, cursor=cursor, limit=limit)
    return DatasetList(items=[DatasetView.of(item) for item in page.items], next_cursor=page.next_cursor)


@router.post(
    "",
    operation_id="create_dataset",
    summary="Make a dataset",
    status_code=201,
    responses={
        200: {
            "model": DatasetView,
            "description": "It was there, with the same settings.",
            "headers": _LOCATION,
        },
        201: {"headers": _LOCATION},
        **problems(409, 413, 422),
    },
)
def create_dataset(body: NewDataset, response: Response, services: UseCases, tenant: Tenant) -> DatasetView:
    """Make a dataset with settings of its own. One that is only named in an upload is made with the defaults.

    409 when a dataset of this name has other settings.
    """
    chunking = ChunkSettings(**body.chunking.model_dump())
    dataset, created = services.datasets.create(
        tenant, body.name, chunking, body.priority, body.reader, body.ocr.settings()
    )
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    return DatasetView.of(dataset)


@router.get("/{dataset}", operation_id="get_dataset", summary="Show a dataset", responses=problems(404, 422))
def get_dataset(dataset: Dataset, services: UseCases, tenant: Tenant) -> DatasetView:
    """One dataset, by name or id."""
    return DatasetView.of(services.datasets.find(tenant, dataset))


@router.patch(
    "/{dataset}",
    operation_id="change_dataset",
    summary="Change a dataset's settings",
    responses=problems(404, 413, 422),
)
def change_dataset(dataset: Dataset, body: DatasetChange, services: UseCases, tenant: Tenant) -> DatasetView:
    """Set some of size, overlap and unit, priority, reader and OCR, for documents that come later."""
    changes = body.chunking.model_dump(exclude_none=True)
    ocr = body.ocr.settings() if body.ocr is not None else None
    changed = services.datasets.change(tenant, dataset, changes, body.priority, body.reader, ocr)
    return DatasetView.of(changed)
