"""The page that describes the API; everything it shows comes from this process, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

_ASSETS = "/docs/assets"


def add_pages(api: FastAPI) -> None:
    """Serve /docs and what it needs; / leads there."""
    folder = files("fastapi_swagger") / "resources"
    api.mount(_ASSETS, StaticFiles(directory=str(folder)), name="docs_assets")

    @api.get("/docs", include_in_schema=False)
    def _docs(request: Request) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=request.scope.get("root_path", "") + "/openapi.json",
            title="docmill API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon-32x32.png",
            swagger_ui_parameters={"persistAuthorization": True},
        )

    @api.get("/", include_in_schema=False)
    def _start() -> RedirectResponse:
        return RedirectResponse("/docs", status_code=303)
