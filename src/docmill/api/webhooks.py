"""Webhooks: where events are sent, signed as Standard Webhooks says, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from docmill.api.dependencies import Cursor, PageSize, Storable, Tenant, UseCases, known_id
from docmill.api.models import (
    DATASET_ID,
    DOCUMENT_ID,
    NEXT_CURSOR,
    TASK_ID,
    TIME,
    example,
    example_of,
)
from docmill.api.problems import described_header, problems
from docmill.db.webhooks import DeliveryRow, WebhookRow
from docmill.domain.errors import DeliveryNotFound, WebhookNotFound
from docmill.domain.states import EventKind
from docmill.domain.webhooks import DeliveryStatus

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_WEBHOOK_ID = "5d1f7c1e-3b8a-4c55-9f0e-2f6f0f7d9b10"
_DELIVERY_ID = "e7b0a4c2-6d3f-4f0a-8c1d-7a9e5b3c2d41"
_URL = "https://example.com/hooks/docmill"
_LOCATION = described_header("Location", "The webhook's own address.", f"/api/v1/webhooks/{_WEBHOOK_ID}")

_WHICH_KINDS = "Kinds of events it is told of; none: every kind."
_WHICH_DATASET = "Name or id of a dataset, to be told of its documents only."


class NewWebhook(BaseModel):
    """A webhook to make."""

    model_config = example(url=_URL, kinds=["published", "failed"], dataset=None)

    url: Storable = Field(description="Where events are sent, over http:// or https://.")
    kinds: list[EventKind] = Field(default_factory=list, description=_WHICH_KINDS)
    dataset: Storable | None = Field(None, description=_WHICH_DATASET)


class WebhookChange(BaseModel):
    """What to change of a webhook; the rest stays."""

    model_config = example(kinds=["published", "failed", "deleted"])

    url: Storable | None = Field(None, description="Where events are sent from now on.")
    kinds: list[EventKind] | None = Field(None, description=_WHICH_KINDS)
    dataset: Storable | None = Field(None, description=f"{_WHICH_DATASET} Null: of every dataset.")


class WebhookView(BaseModel):
    """A webhook. Its secret is shown when it is made, and never again."""

    model_config = example(
        id=_WEBHOOK_ID,
        url=_URL,
        kinds=["published", "failed"],
        dataset_id=None,
        enabled=True,
        disabled_reason=None,
        failures=0,
        failing_since=None,
        created_at=TIME,
    )

    id: UUID
    url: str
    kinds: list[str] = Field(description=_WHICH_KINDS)
    dataset_id: UUID | None
    enabled: bool
    disabled_reason: str | None = Field(description="Why nothing is sent, when it is switched off.")
    failures: int = Field(description="Attempts that failed since one succeeded.")
    failing_since: datetime | None = Field(description="Null while deliveries succeed.")
    created_at: datetime

    @classmethod
    def of(cls, row: WebhookRow, **more: Any) -> Self:
        """The view of a webhook."""
        return cls(**{name: getattr(row, name) for name in WebhookView.model_fields}, **more)


class WebhookWithSecret(WebhookView):
    """A webhook with the secret that its deliveries are signed with."""

    model_config = example(**example_of(WebhookView), secret="whsec_…")  # noqa: S106 - not one

    secret: str = Field(description="Keep it: it is shown this once.")


class WebhookList(BaseModel):
    """A page of webhooks, newest first."""

    model_config = example(items=[example_of(WebhookView)], next_cursor=None)

    items: list[WebhookView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class DeliveryView(BaseModel):
    """What became of one event for one webhook."""

    model_config = example(
        id=_DELIVERY_ID,
        webhook_id=_WEBHOOK_ID,
        kind="published",
        status="delivered",
        attempts=1,
        next_attempt_at=None,
        response_status=204,
        error=None,
        created_at=TIME,
        delivered_at=TIME,
        payload={
            "type": "document.published",
            "timestamp": TIME,
            "data": {
                "event_id": "48213-1077",
                "document_id": DOCUMENT_ID,
                "task_id": TASK_ID,
                "dataset_id": DATASET_ID,
                "stage": "index",
                "message": "Published: it can be found now.",
                "details": {},
            },
        },
    )

    id: UUID = Field(description="The `webhook-id` of every attempt.")
    webhook_id: UUID
    kind: str = Field(description="Kind of the event, or `test`.")
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None = Field(description="When it is sent, while it is pending.")
    response_status: int | None = Field(description="HTTP status of the last answer, if there was one.")
    error: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime
    delivered_at: datetime | None
    payload: dict[str, Any] = Field(description="What is sent.")

    @classmethod
    def of(cls, row: DeliveryRow) -> DeliveryView:
        """The view of a delivery."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class DeliveryList(BaseModel):
    """A page of deliveries, newest first."""

    model_config = example(items=[example_of(DeliveryView)], next_cursor=None)

    items: list[DeliveryView]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


async def _webhook_id(
    webhook_id: Annotated[str, Path(description="Id of the webhook.", examples=[_WEBHOOK_ID])],
) -> UUID:
    return known_id(webhook_id, WebhookNotFound)


async def _delivery_id(
    delivery_id: Annotated[str, Path(description="Id of the delivery.", examples=[_DELIVERY_ID])],
) -> UUID:
    return known_id(delivery_id, DeliveryNotFound)


_WebhookId = Annotated[UUID, Depends(_webhook_id)]
_DeliveryId = Annotated[UUID, Depends(_delivery_id)]


@router.get("", operation_id="list_webhooks", summary="List webhooks", responses=problems(422))
def list_webhooks(
    services: UseCases, tenant: Tenant, cursor: Cursor = None, limit: PageSize = 50
) -> WebhookList:
    """Webhooks, newest first, a page at a time."""
    page = services.webhooks.page(tenant, cursor=cursor, limit=limit)
    return WebhookList(items=[WebhookView.of(row) for row in page.items], next_cursor=page.next_cursor)


@router.post(
    "",
    operation_id="create_webhook",
    summary="Make a webhook",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems(404, 413, 422)},
)
def create_webhook(
    body: NewWebhook, response: Response, services: UseCases, tenant: Tenant
) -> WebhookWithSecret:
    """It is told of what happens from now on. The answer holds its secret; nothing shows it again."""
    dataset_id = services.datasets.find(tenant, body.dataset).id if body.dataset else None
    row, secret = services.webhooks.create(tenant, body.url, body.kinds, dataset_id)
    response.headers["Location"] = f"/api/v1/webhooks/{row.id}"
    return WebhookWithSecret.of(row, secret=secret)


@router.get(
    "/{webhook_id}", operation_id="get_webhook", summary="Show a webhook", responses=problems(404, 422)
)
def get_webhook(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> WebhookView:
    """One webhook, without its secret."""
    return WebhookView.of(services.webhooks.get(tenant, webhook_id))


@router.patch(
    "/{webhook_id}",
    operation_id="change_webhook",
    summary="Change a webhook",
    responses=problems(404, 413, 422),
)
def change_webhook(
    webhook_id: _WebhookId, body: WebhookChange, services: UseCases, tenant: Tenant
) -> WebhookView:
    """Set some of url, kinds and dataset. A new URL holds for what is waiting too."""
    changes: dict[str, Any] = body.model_dump(include={"url", "kinds"}, exclude_none=True)
    if "dataset" in body.model_fields_set:
        changes["dataset_id"] = services.datasets.find(tenant, body.dataset).id if body.dataset else None
    return WebhookView.of(services.webhooks.change(tenant, webhook_id, changes))


@router.delete(
    "/{webhook_id}",
    operation_id="delete_webhook",
    summary="Delete a webhook",
    status_code=204,
    responses=problems(404, 422),
)
def delete_webhook(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> None:
    """It goes with its deliveries; what is waiting is not sent."""
    services.webhooks.delete(tenant, webhook_id)


@router.post(
    "/{webhook_id}/rotate",
    operation_id="rotate_webhook_secret",
    summary="Give a webhook a new secret",
    responses=problems(404, 422),
)
def rotate_webhook_secret(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> WebhookWithSecret:
    """For a day deliveries are signed with the secret before it as well."""
    row, secret = services.webhooks.rotate(tenant, webhook_id)
    return WebhookWithSecret.of(row, secret=secret)


@router.post(
    "/{webhook_id}/enable",
    operation_id="enable_webhook",
    summary="Switch a webhook on",
    responses=problems(404, 422),
)
def enable_webhook(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> WebhookView:
    """What was waiting is sent, and what happened while it was switched off. Saying it twice is fine."""
    return WebhookView.of(services.webhooks.enable(tenant, webhook_id))


@router.post(
    "/{webhook_id}/disable",
    operation_id="disable_webhook",
    summary="Switch a webhook off",
    responses=problems(404, 422),
)
def disable_webhook(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> WebhookView:
    """Nothing is sent until it is switched on again. Saying it twice is fine."""
    return WebhookView.of(services.webhooks.disable(tenant, webhook_id))


@router.post(
    "/{webhook_id}/test",
    operation_id="test_webhook",
    summary="Send a test",
    status_code=202,
    responses=problems(404, 409, 422),
)
def test_webhook(webhook_id: _WebhookId, services: UseCases, tenant: Tenant) -> DeliveryView:
    """Send `{"type": "webhook.test"}` within a few seconds, once. Its delivery says what came of it."""
    return DeliveryView.of(services.webhooks.test(tenant, webhook_id))


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    summary="List what was sent",
    responses=problems(404, 422),
)
def list_webhook_deliveries(
    webhook_id: _WebhookId,
    services: UseCases,
    tenant: Tenant,
    status: Annotated[DeliveryStatus | None, Query(description="Only these.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> DeliveryList:
    """Deliveries, newest first, a page at a time. Old ones are removed after a while."""
    page = services.webhooks.deliveries(tenant, webhook_id, status=status, cursor=cursor, limit=limit)
    return DeliveryList(items=[DeliveryView.of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    operation_id="get_webhook_delivery",
    summary="Show a delivery",
    responses=problems(404, 422),
)
def get_webhook_delivery(
    webhook_id: _WebhookId, delivery_id: _DeliveryId, services: UseCases, tenant: Tenant
) -> DeliveryView:
    """One delivery."""
    return DeliveryView.of(services.webhooks.delivery(tenant, webhook_id, delivery_id))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="replay_webhook_delivery",
    summary="Send a delivery again",
    status_code=202,
    responses=problems(404, 409, 422),
)
def replay_webhook_delivery(
    webhook_id: _WebhookId, delivery_id: _DeliveryId, services: UseCases, tenant: Tenant
) -> DeliveryView:
    """Send it within a few seconds, whatever became of it before, under the same `webhook-id`."""
    return DeliveryView.of(services.webhooks.replay(tenant, webhook_id, delivery_id))
