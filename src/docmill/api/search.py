"""Search: passages with everything needed to cite them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from docmill.api.content_models import BoxView
from docmill.api.dependencies import Services, Storable, Tenant, UseCases
from docmill.api.families import ParentView
from docmill.api.models import CHUNK_ID, DOCUMENT_ID, VERSION_ID, example, example_of
from docmill.api.problems import problems
from docmill.domain.errors import DocumentNotFound
from docmill.domain.names import as_uuid
from docmill.domain.pictures import can_be_drawn
from docmill.ports import Filter
from docmill.services.search import Hit

router = APIRouter(tags=["search"])

_MOST_FILTERS = 1000


class SearchQuery(BaseModel):
    """A question, and where to look. Lists that are empty do not restrict."""

    model_config = example(
        query="Where are the life jackets?",
        datasets=["default"],
        media_types=["application/pdf"],
        metadata={"department": "operations"},
        mode="hybrid",
        limit=5,
    )

    query: str = Field(description="1 to 8,000 characters.")
    mode: Literal["hybrid", "dense", "lexical"] = Field(
        default="hybrid", description="By meaning (dense), by words (lexical), or both."
    )
    limit: int = Field(default=10, ge=1, le=100, description="How many passages at most.")
    dataset: Storable | None = Field(default=None, description="Name or id of one dataset.")
    datasets: list[Storable] = Field(default=[], max_length=_MOST_FILTERS, description="Names or ids.")
    document_ids: list[str] = Field(default=[], max_length=_MOST_FILTERS)
    parent_ids: list[str] = Field(
        default=[], max_length=_MOST_FILTERS, description="Only what was found inside these documents."
    )
    media_types: list[Storable] = Field(default=[], max_length=_MOST_FILTERS)
    languages: list[Storable] = Field(default=[], max_length=_MOST_FILTERS, description="ISO 639-1.")
    metadata: dict[Storable, Storable] = Field(
        default={}, description="Every pair must be in the document's metadata."
    )


class LegView(BaseModel):
    """What one way of searching alone said of a passage."""

    model_config = ConfigDict(from_attributes=True)

    score: float
    rank: int = Field(description="Its place in that way of searching, from 1.")


class ScoresView(BaseModel):
    """Each way of searching that found the passage."""

    model_config = ConfigDict(from_attributes=True)

    dense: LegView | None = Field(description="The score is the cosine of query and passage.")
    lexical: LegView | None


class HitView(BaseModel):
    """A passage that was found, and where it stands."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {
                "document_id": DOCUMENT_ID,
                "document_name": "handbook.pdf",
                "media_type": "application/pdf",
                "version_id": VERSION_ID,
                "chunk_id": CHUNK_ID,
                "ordinal": 7,
                "kind": "text",
                "text": "Life jackets are kept under the seats of the upper deck.",
                "pages": [3],
                "boxes": [{"page": 3, "x0": 72.0, "y0": 101.5, "x1": 523.2, "y1": 164.0}],
                "section_path": ["Safety", "Life jackets"],
                "char_start": 5120,
                "char_end": 5176,
                "language": "en",
                "language_confidence": 0.99,
                "hidden": False,
                "parents": [],
                "score": 0.0325,
                "image_urls": [f"/api/v1/documents/{DOCUMENT_ID}/pages/3/image?highlight=chunk:{CHUNK_ID}"],
                "scores": {"dense": {"score": 0.71, "rank": 1}, "lexical": {"score": 4.2, "rank": 2}},
            }
        },
    )

    document_id: UUID
    document_name: str
    media_type: str
    version_id: UUID
    chunk_id: UUID
    ordinal: int
    kind: str
    text: str
    pages: list[int]
    boxes: list[BoxView]
    section_path: list[str] = Field(description="The headings above it, outermost first.")
    char_start: int = Field(description="Where it begins in the document's text, in characters.")
    char_end: int
    language: str | None
    language_confidence: float | None = Field(description="How sure the language is, 0 to 1.")
    hidden: bool = Field(description="Text that is in the file and that people do not see.")
    parents: list[ParentView] = Field(description="The documents in which its document was found.")
    score: float = Field(description="Orders the hits of this answer; means nothing beyond it.")
    scores: ScoresView
    image_urls: list[str] = Field(
        default=[], description="A picture of each page with the passage marked; none for other formats."
    )

    @classmethod
    def of(cls, hit: Hit) -> HitView:
        """The view of a hit."""
        view = cls.model_validate(hit)
        if can_be_drawn(view.media_type):
            pages = f"/api/v1/documents/{view.document_id}/pages"
            mark = f"image?highlight=chunk:{view.chunk_id}"
            view.image_urls = [f"{pages}/{page}/{mark}" for page in view.pages]
        return view


class SearchAnswer(BaseModel):
    """Passages, best first."""

    model_config = example(hits=[example_of(HitView)])

    hits: list[HitView]


@router.post(
    "/search",
    operation_id="search",
    summary="Find passages",
    responses=problems(404, 413, 422),
)
def search(body: SearchQuery, services: UseCases, tenant: Tenant) -> SearchAnswer:
    """The passages of published documents that fit the query best, each with document, pages, boxes and span.

    404 when a dataset or document that is named does not exist.
    """
    where = _filter(body, services, tenant)
    if where is None:
        return SearchAnswer(hits=[])
    result = services.search.search(body.query, where=where, mode=body.mode, limit=body.limit)
    return SearchAnswer(hits=[HitView.of(hit) for hit in result.hits])


def _filter(body: SearchQuery, services: Services, tenant: str) -> Filter | None:
    """Where to look, None for nowhere; what is not there raises DatasetNotFound, DocumentNotFound."""
    names = [*body.datasets, *([body.dataset] if body.dataset else [])]
    known = _known(body.document_ids, services, tenant)
    if body.parent_ids:
        inside = services.documents.inside(tenant, _known(body.parent_ids, services, tenant))
        known = [document for document in inside if not known or document in known]
        if not known:
            return None
    return Filter(
        tenant=tenant,
        dataset_ids=tuple(services.datasets.id_of(tenant, name) for name in names),
        document_ids=tuple(known),
        media_types=tuple(body.media_types),
        languages=tuple(body.languages),
        metadata=body.metadata,
    )


def _known(ids: list[str], services: Services, tenant: str) -> list[UUID]:
    """The documents with these ids. Raises DocumentNotFound when one of them is not there."""
    documents = [as_uuid(document) for document in ids]
    known = [document for document in documents if document is not None]
    if len(known) < len(documents):
        raise DocumentNotFound
    services.documents.check_all_exist(tenant, known)
    return known
