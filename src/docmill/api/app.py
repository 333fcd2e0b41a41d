"""The HTTP API over one App."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from docmill import __version__
from docmill.api import (
    admin,
    datasets,
    description,
    documents,
    events,
    formats,
    health,
    history,
    live_socket,
    logs,
    outline,
    pages,
    search,
    stages,
    steering,
    uploads,
    webhooks,
)
from docmill.api.dependencies import make_services
from docmill.api.edge import Edge
from docmill.api.gate import Gate
from docmill.api.idempotency import Idempotency, describe
from docmill.api.problems import Problem, add_problem_handlers
from docmill.bootstrap import App
from docmill.services.access import Access, first_key
from docmill.services.idempotency import IdempotencyKeys

PREFIX = "/api/v1"
MAX_BODY_BYTES = 1024 * 1024  # of every request but an upload

_DESCRIPTION = """
Documents in, cited passages out.

Send a key with every request, as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Every error is
`application/problem+json` with a stable `code`. Lists come in pages: send `next_cursor` back as `cursor`.
A POST or PATCH with an `Idempotency-Key` is done once, however often it is sent.
"""


def create_app(app: App) -> FastAPI:
    """An ASGI application that serves this App; it makes the storage's folders and opens nothing else."""
    api = FastAPI(
        title="docmill",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.state.services = make_services(app)
    add_problem_handlers(api)
    add_routes(api)
    api.add_middleware(
        Idempotency,
        keys=IdempotencyKeys(app.engine, app.settings.idempotency_seconds),
        upload_path=f"{PREFIX}/documents",
        max_body_bytes=MAX_BODY_BYTES,
    )
    api.add_middleware(Gate, access=Access(app.engine, first_key(app.settings)))
    api.add_middleware(Edge)
    api.openapi = lambda: _openapi(api)  # type: ignore[method-assign]
    return api


def add_routes(api: FastAPI) -> None:
    """Put every address of the API, and the page that describes it, into an application."""
    limited = APIRouter(max_body_size=MAX_BODY_BYTES)
    for module in (
        documents,
        pages,
        outline,
        history,
        logs,
        events,
        live_socket,
        datasets,
        steering,
        stages,
        search,
        webhooks,
        admin,
        formats,
        health,
    ):
        limited.include_router(module.router)
    api.include_router(uploads.router, prefix=PREFIX)
    api.include_router(limited, prefix=PREFIX)
    api.include_router(health.router, include_in_schema=False)
    description.add_pages(api)


def _openapi(api: FastAPI) -> dict[str, Any]:
    """The description of the API: our errors in place of the framework's, and both ways to send a key."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes
        )
        components = schema["components"]
        components["schemas"] |= _schemas_of_problem()
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        schema["security"] = [{"bearer": []}, {"header": []}]
        describe(schema)
        for path in ("live", "ready"):
            schema["paths"][f"{PREFIX}/health/{path}"]["get"]["security"] = []
        api.openapi_schema = schema
    return api.openapi_schema


def _schemas_of_problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}
