"""Errors as RFC 9457 problem+json, all from one place: every answer of 400 and above has this shape."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from docmill.domain.errors import (
    DocmillError,
    InvalidRequest,
    NotAuthenticated,
    RequestInWork,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

# Codes of answers that the HTTP layer gives by itself, before any of our code runs.
HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood. Correct it and send it again."),
    404: ("not_found", "There is nothing at this address. The API begins at /api/v1; /docs describes it."),
    405: (
        "method_not_allowed",
        "This address does not take this method. The header Allow names those it takes.",
    ),
    413: ("request_too_large", "The body of this request is larger than allowed. Send a smaller one."),
    416: ("range_not_satisfiable", "The file does not have this range. Ask for one inside it."),
    500: ("internal_error", "Something went wrong in docmill. The log has the details under the request id."),
}


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where it is, such as `body.limit`.", examples=["body.limit"])
    message: str = Field(examples=["Input should be less than or equal to 100"])


class Problem(BaseModel):
    """An error after RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no such document. It may have been deleted.",
                "instance": "/api/v1/documents/0190d6f1-7c6c-5a9e-9a63-0f6d6b7f1c52",
                "code": "document_not_found",
                "request_id": "4be1c0f0a0c94d0b8f5cf9e7f51f7f0e",
            }
        }
    )

    type: str = Field(description="`about:blank`: the code says which problem it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do, for people.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable name of the error, for programs; see docs/reference/errors.md.")
    request_id: str = Field(description="Finds this request in the log.")
    errors: list[FieldError] | None = Field(None, description="The fields that are wrong.")


def problem(
    scope: Scope,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """An error as the answer to the request of this scope."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": scope["path"],
        "code": code,
        "request_id": scope.get("state", {}).get("request_id", ""),
        **more,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(scope: Scope, error: DocmillError, **more: object) -> JSONResponse:
    """A typed error as the answer."""
    headers = {}
    if isinstance(error, Unavailable | RequestInWork):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="docmill"'
    return problem(scope, error.http_status, error.code, error.message, headers, **more)


def problem_of_status(scope: Scope, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer the HTTP layer gave by itself, in our shape; its headers are kept."""
    usual = ("bad_request", HTTPStatus(status).description or HTTPStatus(status).phrase)
    code, detail = HTTP_CODES.get(status, HTTP_CODES[500] if status >= 500 else usual)
    return problem(scope, status, code, detail, headers)


def add_problem_handlers(api: FastAPI) -> None:
    """Render typed errors, wrong requests and the framework's own errors."""

    @api.exception_handler(DocmillError)
    def _typed(request: Request, error: DocmillError) -> JSONResponse:
        return problem_of(request.scope, error)

    @api.exception_handler(RequestValidationError)
    def _wrong_fields(request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not repeated: it may be anything, and long.
        fields = [
            FieldError(field=".".join(map(str, item["loc"])), message=item["msg"]).model_dump()
            for item in error.errors()
        ]
        return problem_of(request.scope, InvalidRequest(), errors=fields)

    @api.exception_handler(HTTPException)
    def _framework(request: Request, error: HTTPException) -> JSONResponse:
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"Allow": ", ".join(_methods_taken(api, request.scope))}
        return problem_of_status(request.scope, error.status_code, headers)


def _methods_taken(api: FastAPI, scope: Scope) -> list[str]:
    """Every method of the address; the framework names those of one of its routes only."""
    return [
        method
        for method in sorted(HTTPMethod)
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in api.routes)
    ]


def described_header(name: str, description: str, example: str) -> dict[str, Any]:
    """A header of an answer, for a route's OpenAPI."""
    return {name: {"description": description, "schema": {"type": "string"}, "example": example}}


_HEADERS: Mapping[int, dict[str, Any]] = {
    401: described_header("WWW-Authenticate", "How to send the key.", 'Bearer realm="docmill"'),
    503: described_header("Retry-After", "Seconds to wait before trying again.", str(RETRY_AFTER_SECONDS)),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error answers for a route's OpenAPI, as problem+json; those every route can give are added."""
    return {status: described_problem(status) for status in sorted({401, 500, 503, *statuses})}


def described_problem(status: int) -> dict[str, Any]:
    """An error answer for a route's OpenAPI."""
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    answer = {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: reference}}
    return answer | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
