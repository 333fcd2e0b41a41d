"""Documents: what is there, how far it is, its text, and its end. Uploads are in uploads.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import FileResponse, StreamingResponse

from docmill.api.content_models import BlockList, ChunkList, ChunkView
from docmill.api.dependencies import Cursor, DocumentId, PageSize, Storable, Tenant, UseCases, known_id
from docmill.api.families import DeletedView, WholeDocumentView
from docmill.api.models import DocumentList, DocumentView, StatusModel
from docmill.api.problems import described_header, problems
from docmill.domain.errors import DocumentNotFound
from docmill.domain.states import TaskStatus

router = APIRouter(prefix="/documents", tags=["documents"])

_PIECE = 64 * 1024  # characters sent at a time
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_MEDIA_TYPES = {"txt": "text/plain", "md": "text/markdown", "json": "application/json"}


@router.get("", operation_id="list_documents", summary="List documents", responses=problems(404, 422))
def list_documents(
    services: UseCases,
    tenant: Tenant,
    dataset: Annotated[Storable | None, Query(description="Name or id of a dataset.")] = None,
    status: Annotated[TaskStatus | None, Query(description="State of the newest processing.")] = None,
    name: Annotated[Storable | None, Query(description="A part of the file name.", max_length=255)] = None,
    about: Annotated[
        Storable | None,
        Query(description="Words that name, title, metadata and outline hold together.", max_length=1000),
    ] = None,
    missing_pages: Annotated[
        bool | None, Query(description="Whether it has pages that could not be read.")
    ] = None,
    parent_id: Annotated[
        str | None, Query(description="Id of a document: those that were found inside it.")
    ] = None,
    dense: Annotated[
        bool | None,
        Query(description="Whether it is found by meaning: it has vectors of the model that is in use."),
    ] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> DocumentList:
    """Documents that pass every filter, newest first, a page at a time."""
    dataset_id = services.datasets.id_of(tenant, dataset) if dataset else None
    parent = known_id(parent_id, DocumentNotFound) if parent_id else None
    services.documents.check_all_exist(tenant, [parent] if parent else [])
    page = services.documents.page(
        tenant,
        dataset_id=dataset_id,
        status=status,
        name=name,
        about=about,
        missing_pages=missing_pages,
        parent_id=parent,
        dense=dense,
        cursor=cursor,
        limit=limit,
    )
    return DocumentList(items=[DocumentView.of(item) for item in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{document_id}", operation_id="get_document", summary="Show a document", responses=problems(404, 422)
)
def get_document(document_id: DocumentId, services: UseCases, tenant: Tenant) -> WholeDocumentView:
    """Everything that is known of a document, with the files found inside it and the documents it lies in."""
    document = services.documents.get(tenant, document_id)
    return WholeDocumentView.whole(document, services.documents.family(tenant, document_id))


@router.delete(
    "/{document_id}",
    operation_id="delete_document",
    summary="Delete a document",
    responses=problems(404, 422),
)
def delete_document(document_id: DocumentId, services: UseCases, tenant: Tenant) -> DeletedView:
    """Delete a document, all made from it and its original file; its processing ends. Its history stays.

    Documents that were found inside it go too, unless they were also sent by themselves or lie in another
    document that stays.
    """
    return DeletedView(documents=services.documents.delete(tenant, document_id))


@router.get(
    "/{document_id}/status",
    operation_id="get_document_status",
    summary="How far is a document?",
    responses=problems(404, 422),
)
def get_document_status(document_id: DocumentId, services: UseCases, tenant: Tenant) -> StatusModel:
    """Where its processing stands, what can be done about it, and what it waits for."""
    return StatusModel.of(services.documents.get(tenant, document_id))


@router.get(
    "/{document_id}/chunks",
    operation_id="list_document_chunks",
    summary="List a document's chunks",
    responses=problems(404, 409, 422),
)
def list_document_chunks(
    document_id: DocumentId,
    services: UseCases,
    tenant: Tenant,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> ChunkList:
    """The chunks of the published version in reading order, a page at a time. 409 before it is published."""
    page = services.documents.chunks(tenant, document_id, cursor=cursor, limit=limit)
    return ChunkList(
        version_id=page.version_id,
        items=[ChunkView.of(row) for row in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/{document_id}/text",
    operation_id="get_document_text",
    summary="Read a document's text",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The text; for text formats, to the character, the file's own.",
            "model": BlockList,
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": "Crew handbook\n\nLife jackets are kept under the seats.",
                },
                "text/markdown": {
                    "schema": {"type": "string"},
                    "example": "# Crew handbook\n\nLife jackets are kept under the seats.\n",
                },
            },
        },
        **problems(404, 409, 422),
    },
)
def get_document_text(
    document_id: DocumentId,
    services: UseCases,
    tenant: Tenant,
    form: Annotated[
        Literal["txt", "md", "json"], Query(alias="format", description="Text, Markdown, or the blocks.")
    ] = "txt",
) -> StreamingResponse:
    """The text of the published version, streamed in UTF-8. 409 before it is published."""
    pieces = services.documents.text(tenant, document_id, form)
    return StreamingResponse(_gathered(pieces), media_type=f"{_MEDIA_TYPES[form]}; charset=utf-8")


@router.get(
    "/{document_id}/file",
    operation_id="get_document_file",
    summary="Get the original file",
    response_class=FileResponse,
    responses={
        200: {"description": "The file as it was sent, under its own media type.", "content": _BYTES},
        206: {
            "description": "The range that was asked for.",
            "content": _BYTES,
            "headers": described_header("Content-Range", "Which bytes, of how many.", "bytes 0-99/5120"),
        },
        **problems(400, 404, 416, 422),
    },
)
def get_document_file(document_id: DocumentId, services: UseCases, tenant: Tenant) -> FileResponse:
    """The bytes as they were sent, to be saved, not shown. Takes `Range`."""
    original = services.documents.original(tenant, document_id)
    return FileResponse(
        original.path,
        media_type=original.media_type,
        filename=original.name,
        headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
    )


def _gathered(pieces: Iterator[str]) -> Iterator[bytes]:
    """The same text in fewer, larger pieces: each costs a hop between threads."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()
