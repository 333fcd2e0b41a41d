"""Pages of documents: their facts, their text and its correction, their pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from docmill.api.dependencies import Cursor, DocumentId, PageSize, Tenant, UseCases
from docmill.api.models import LOCATION_OF_STATUS, AcceptedView
from docmill.api.page_models import PageCorrection, PageFactsList, PageView
from docmill.api.problems import described_header, problems
from docmill.domain.documents import Box
from docmill.domain.errors import ChunkNotFound, InvalidRequest
from docmill.domain.names import as_uuid
from docmill.domain.pictures import LEAST_DPI, MOST_DPI, PictureForm
from docmill.services.pictures import Wish

router = APIRouter(prefix="/documents/{document_id}/pages", tags=["pages"])

_MOST_BOXES = 100
_CACHED = "private, max-age=300"

PageNumber = Annotated[int, Path(description="Number of the page, from 1.", ge=1, le=2**31 - 1)]


@router.get(
    "",
    operation_id="list_document_pages",
    summary="List a document's pages",
    responses=problems(404, 409, 422),
)
def list_document_pages(
    document_id: DocumentId, services: UseCases, tenant: Tenant, cursor: Cursor = None, limit: PageSize = 50
) -> PageFactsList:
    """The pages of the published version: size, source of the text, confidence. Text formats have none."""
    page = services.pages.page(tenant, document_id, cursor=cursor, limit=limit)
    return PageFactsList.of(page)


@router.get(
    "/{number}",
    operation_id="get_document_page",
    summary="Show a page",
    responses=problems(404, 409, 422),
)
def get_document_page(
    document_id: DocumentId, number: PageNumber, services: UseCases, tenant: Tenant
) -> PageView:
    """A page's text and blocks, its trust map with the places to look at, and what people corrected."""
    return PageView.of(services.pages.get(tenant, document_id, number))


@router.patch(
    "/{number}/text",
    operation_id="correct_document_page",
    summary="Correct the text of a page",
    status_code=202,
    responses={202: {"headers": LOCATION_OF_STATUS}, **problems(404, 409, 413, 422)},
)
def correct_document_page(
    document_id: DocumentId,
    number: PageNumber,
    body: PageCorrection,
    services: UseCases,
    tenant: Tenant,
    response: Response,
) -> AcceptedView:
    """Makes a new version in which this page has this text and every other page stays as it is.

    Only passages whose text changes get new vectors. The published version stays until the new one is.
    409 while the document is in work, and `stale_version` when `base_version` is not the published one.
    """
    accepted = services.revisions.correct(tenant, document_id, number, body.text, body.base_version)
    view = AcceptedView.of(accepted)
    response.headers["Location"] = view.status_url
    return view


def _wish(
    number: PageNumber,
    dpi: Annotated[
        int, Query(ge=LEAST_DPI, le=MOST_DPI, description="Dots an inch; fewer where it would be too large.")
    ] = 144,
    form: Annotated[PictureForm, Query(alias="format", description="Of the file.")] = PictureForm.PNG,
    highlight: Annotated[
        str | None,
        Query(
            max_length=10_000,
            description="`chunk:ID`, or boxes `x0,y0,x1,y1` in points, divided by semicolons, 100 at most.",
            examples=["72,101.5,523.2,164"],
        ),
    ] = None,
) -> Wish:
    if highlight is None:
        return Wish(number, dpi, form)
    kind, colon, name = highlight.partition(":")
    if not colon:
        return Wish(number, dpi, form, boxes=_boxes(number, highlight))
    chunk = as_uuid(name)
    if kind != "chunk" or chunk is None:
        raise ChunkNotFound if kind == "chunk" else _no_highlight()
    return Wish(number, dpi, form, chunk)


def _boxes(page: int, text: str) -> tuple[Box, ...]:
    rows = text.split(";")
    try:
        boxes = tuple(Box(page, *(float(corner) for corner in row.split(","))) for row in rows)
    except (ValueError, TypeError):
        raise _no_highlight() from None
    if len(boxes) > _MOST_BOXES or not all(0 <= box.x0 < box.x1 and 0 <= box.y0 < box.y1 for box in boxes):
        raise _no_highlight()
    return boxes


def _no_highlight() -> InvalidRequest:
    return InvalidRequest(
        "`highlight` is `chunk:ID`, or boxes `x0,y0,x1,y1` in points, divided by semicolons, 100 at most."
    )


@router.get(
    "/{number}/image",
    operation_id="get_document_page_image",
    summary="Show a page as a picture",
    response_class=Response,
    responses={
        200: {
            "description": "The page as it is displayed, drawn here.",
            "content": {
                f"image/{form}": {"schema": {"type": "string", "format": "binary"}} for form in PictureForm
            },
            "headers": described_header("ETag", "Send it as `If-None-Match` the next time.", '"5d41402a…"'),
        },
        304: {"description": "It is still the picture with this ETag."},
        **problems(404, 409, 422),
    },
)
def get_document_page_image(
    document_id: DocumentId,
    wish: Annotated[Wish, Depends(_wish)],
    request: Request,
    services: UseCases,
    tenant: Tenant,
) -> Response:
    """Pages of PDF files and images; 422 `no_picture` for other formats. At most 25 million pixels.

    The answer may be kept by the client for a while, and asked for again with its ETag.
    """
    plan = services.pictures.plan(tenant, document_id, wish)
    headers = {"ETag": f'"{plan.name}"', "Cache-Control": _CACHED}
    if _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(services.pictures.draw(plan), media_type=f"image/{wish.form}", headers=headers)


def _is_known(request: Request, tag: str) -> bool:
    """Whether the client has this picture; what a cache on the way made of the tag still names it."""
    tags = (known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(","))
    return any(known in (tag, "*") for known in tags)
