"""Uploads: streamed to disk while they are hashed; the whole file is never in memory."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from docmill.api.dependencies import check_storable, services_of, tenant_of
from docmill.api.models import LOCATION_OF_STATUS, AcceptedView
from docmill.api.multipart import UploadForm
from docmill.api.problems import problems
from docmill.domain.errors import InvalidRequest
from docmill.domain.reading_errors import FileTooLarge
from docmill.logs import get_logger
from docmill.services.intake import Arrival
from docmill.sources.upload import Upload

log = get_logger(__name__)
router = APIRouter(prefix="/documents", tags=["documents"])

_PIECE = 1024 * 1024  # bytes handed to the disk at a time
_OVERHEAD = 1024 * 1024  # of a body over its file: fields, names, boundaries

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "The file, with its name. Its content decides what it is read as.",
                        },
                        "dataset": {
                            "type": "string",
                            "default": "default",
                            "description": "Name of a dataset, made on first use, or an id.",
                        },
                        "metadata": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "A JSON object of strings; searches can be limited by it.",
                            "examples": ['{"department": "operations"}'],
                        },
                        "priority": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": 9,
                            "description": "9 goes first. Without it: the dataset's, and one more if small.",
                        },
                    },
                },
                "example": {
                    "file": "The bytes of handbook.pdf",
                    "dataset": "contracts",
                    "metadata": '{"department": "operations"}',
                },
            }
        },
    }
}


@router.post(
    "",
    operation_id="upload_document",
    summary="Upload a document",
    status_code=202,
    response_model=AcceptedView,
    responses={
        200: {
            "model": AcceptedView,
            "description": "The same bytes are there already.",
            "headers": LOCATION_OF_STATUS,
        },
        202: {"headers": LOCATION_OF_STATUS},
        **problems(404, 409, 413, 415, 422, 507),
    },
    openapi_extra=_BODY,
)
async def upload_document(request: Request, response: Response) -> AcceptedView:
    """Send a file in; it is read, cut, embedded and published by workers. Ask `status_url` how far it is.

    The same bytes in the same dataset are one document: 200 with it, under its first name and metadata.
    If its last processing failed or was cancelled it is processed anew: 202.
    """
    services, tenant = services_of(request), tenant_of(request)  # `Depends` costs an upload far more
    upload = Upload(services.landing, services.max_file_bytes)
    form = UploadForm(request.headers.get("content-type"))
    try:
        await _receive(request, form, upload)
        arriving = partial(_arrived, tenant, form, upload)
        accepted = await services.arriving.submit(arriving)
        if accepted is None:
            async with services.accepting_alone:
                accepted = await run_in_threadpool(lambda: services.intake.accept(*arriving()))
    finally:
        upload.discard()
    log.info("accepted", document_id=str(accepted.document_id), created=accepted.created)
    response.status_code = 202 if accepted.created else 200
    view = AcceptedView.of(accepted)
    response.headers["Location"] = view.status_url
    return view


async def _receive(request: Request, form: UploadForm, upload: Upload) -> None:
    """Take the body as it comes; what is left of the file in `form` at the end is less than a piece."""
    left = upload.max_bytes + _OVERHEAD
    if int(request.headers.get("content-length", 0)) > left:
        raise FileTooLarge
    try:
        async for data in request.stream():
            left -= len(data)
            if left < 0:
                raise FileTooLarge
            form.feed(data)
            if form.pending_bytes >= _PIECE:
                await run_in_threadpool(upload.write, *form.take())
    except ClientDisconnect as error:
        raise InvalidRequest(
            "The upload was cut off. Nothing of it was kept; send the file again."
        ) from error
    form.finish()
    if upload.size_bytes:  # others wait for the disk with what comes next, so most of it is there by then
        await run_in_threadpool(upload.sync)


def _arrived(tenant: str, form: UploadForm, upload: Upload) -> tuple[str, Arrival]:
    name = form.finish()
    metadata = _metadata(form.field("metadata"))
    priority = _priority(form.field("priority"))
    upload.write(*form.take())
    return tenant, upload.arrival(name, form.field("dataset"), metadata, priority)


def _priority(text: str | None) -> int | None:
    """The priority field; None when it was not sent. Raises InvalidRequest."""
    if text is None:
        return None
    if text not in set("0123456789"):
        raise InvalidRequest("`priority` is not one of 0 to 9. Send 9 for what goes first.")
    return int(text)


def _metadata(text: str | None) -> dict[str, str]:
    """The metadata field. Raises InvalidRequest unless it is a JSON object of strings."""
    try:
        values = json.loads(text or "{}")
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ValueError("not an object of strings")
        return {check_storable(name): check_storable(value) for name, value in values.items()}
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            '`metadata` is not a JSON object of strings, such as {"year": "2026"}.'
        ) from error
