"""Health checks: the only addresses that need no key."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from docmill.api.dependencies import UseCases
from docmill.api.models import example
from docmill.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, problem
from docmill.domain.errors import Unavailable

router = APIRouter(prefix="/health", tags=["health"])


class CheckView(BaseModel):
    """One thing that was looked at."""

    model_config = example(ok=True, detail="answers")

    ok: bool
    detail: str


class LiveView(BaseModel):
    """This process answers."""

    model_config = example(status="live")

    status: Literal["live"] = "live"


class ReadyView(BaseModel):
    """Documents are taken. `degraded`: they are taken, but wait until the broker is back."""

    model_config = example(
        status="ready",
        checks={
            "database": {"ok": True, "detail": "answers, schema 0001"},
            "storage": {"ok": True, "detail": "can be written"},
            "broker": {"ok": True, "detail": "answers"},
        },
    )

    status: Literal["ready", "degraded"]
    checks: dict[str, CheckView]


@router.get("/live", operation_id="health_live", summary="Is this process alive?")
async def live() -> LiveView:
    """Answers as long as this process can answer at all; looks at nothing else, and waits for no thread."""
    return LiveView()


@router.get(
    "/ready",
    operation_id="health_ready",
    summary="Can documents be taken and found?",
    response_model=ReadyView,
    responses={
        503: {
            "description": "The database or the storage does not answer; `checks` says which.",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
)
def ready(request: Request, services: UseCases) -> ReadyView | Response:
    """Looks at the database and its schema, the storage and the broker.

    Without the broker the answer is still 200, `degraded`: documents are taken, nothing is lost, and work
    goes on by itself when it is back.
    """
    found = services.health.ready()
    checks = {name: asdict(check) for name, check in found.checks.items()}
    if found.ready:
        return ReadyView.model_validate({"status": found.status, "checks": checks})
    detail = " ".join(check.detail for check in found.checks.values() if not check.ok)
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem(request.scope, 503, Unavailable.code, detail, retry, checks=checks)
