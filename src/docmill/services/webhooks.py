"""Webhooks as people see them: where events are sent, and what became of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from docmill.adapters.webhook_http import is_readable
from docmill.db import webhooks
from docmill.db.engine import reaching_database
from docmill.db.webhooks import DeliveryListing, DeliveryRow, WebhookRow
from docmill.domain.cursors import Page, by_time, page_of, time_in
from docmill.domain.errors import DeliveryNotFound, InvalidWebhook, WebhookDisabled, WebhookNotFound
from docmill.domain.networks import Network, is_refused_literal
from docmill.domain.states import EventKind
from docmill.domain.webhooks import (
    OLD_SECRET_SECONDS,
    DeliveryStatus,
    check_url,
    new_secret,
    timestamp,
)

_CURSOR = "webhooks"
_DELIVERY_CURSOR = "deliveries"
_BY_HAND = "Somebody switched it off."


class Webhooks:
    """The webhooks of all tenants. Methods that take an id raise WebhookNotFound for one they do not know.

    Secrets are given out by `create` and `rotate`, and never again.
    """

    def __init__(self, engine: Engine, allowed: Sequence[Network]) -> None:
        self._engine = engine
        self._allowed = allowed

    @reaching_database
    def create(
        self, tenant: str, url: str, kinds: Collection[EventKind], dataset_id: UUID | None
    ) -> tuple[WebhookRow, str]:
        """A new webhook and its secret. Without kinds it gets every kind. Raises InvalidWebhook."""
        secret = new_secret()
        with self._engine.begin() as connection:
            row = webhooks.insert(
                connection,
                tenant,
                uuid4(),
                url=self._checked(url),
                kinds=_in_order(kinds),
                dataset_id=dataset_id,
                secret=secret,
            )
        return row, secret

    @reaching_database
    def get(self, tenant: str, webhook: UUID) -> WebhookRow:
        """One webhook."""
        with self._engine.begin() as connection:
            return _found(connection, tenant, webhook)

    @reaching_database
    def page(self, tenant: str, *, cursor: str | None = None, limit: int = 50) -> Page[WebhookRow]:
        """Webhooks, newest first. Raises InvalidCursor."""
        with self._engine.begin() as connection:
            rows = webhooks.newest(connection, tenant, time_in(_CURSOR, cursor), limit + 1)
        return page_of(_CURSOR, rows, limit, by_time)

    @reaching_database
    def change(self, tenant: str, webhook: UUID, changes: dict[str, Any]) -> WebhookRow:
        """Set some of url, kinds and dataset_id, for what is not delivered yet. Raises InvalidWebhook."""
        with self._engine.begin() as connection:
            now = _found(connection, tenant, webhook)
            values = {"url": now.url, "kinds": now.kinds, "dataset_id": now.dataset_id} | changes
            values |= {"url": self._checked(values["url"]), "kinds": _in_order(values["kinds"])}
            changed = webhooks.change(connection, tenant, webhook, **values)
        return _there(changed)

    @reaching_database
    def delete(self, tenant: str, webhook: UUID) -> None:
        """Delete a webhook with its deliveries."""
        with self._engine.begin() as connection:
            if not webhooks.delete(connection, tenant, webhook):
                raise WebhookNotFound

    @reaching_database
    def rotate(self, tenant: str, webhook: UUID) -> tuple[WebhookRow, str]:
        """A new secret; for a day the one before signs too, so that no delivery is refused meanwhile."""
        secret = new_secret()
        with self._engine.begin() as connection:
            row = webhooks.rotate(connection, tenant, webhook, secret, OLD_SECRET_SECONDS)
        return _there(row), secret

    @reaching_database
    def enable(self, tenant: str, webhook: UUID) -> WebhookRow:
        """Send again: at once what waited, and what happened while it was switched off."""
        with self._engine.begin() as connection:
            webhooks.enable(connection, tenant, webhook)
            return _found(connection, tenant, webhook)

    @reaching_database
    def disable(self, tenant: str, webhook: UUID) -> WebhookRow:
        """Send nothing more until it is switched on again."""
        with self._engine.begin() as connection:
            webhooks.disable(connection, tenant, webhook, _BY_HAND)
            return _found(connection, tenant, webhook)

    @reaching_database
    def test(self, tenant: str, webhook: UUID) -> DeliveryRow:
        """A delivery that is attempted once, at once. Raises WebhookDisabled."""
        payload = {
            "type": "webhook.test",
            "timestamp": timestamp(datetime.now(UTC)),
            "data": {"webhook_id": str(webhook)},
        }
        with self._engine.begin() as connection:
            _wake(connection, tenant, webhook)
            return webhooks.insert_test(connection, tenant, webhook, uuid4(), payload)

    @reaching_database
    def deliveries(
        self,
        tenant: str,
        webhook: UUID,
        *,
        status: DeliveryStatus | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[DeliveryRow]:
        """Deliveries of a webhook, newest first. Raises InvalidCursor."""
        listing = DeliveryListing(status, time_in(_DELIVERY_CURSOR, cursor), limit + 1)
        with self._engine.begin() as connection:
            _found(connection, tenant, webhook)
            rows = webhooks.deliveries(connection, tenant, webhook, listing)
        return page_of(_DELIVERY_CURSOR, rows, limit, by_time)

    @reaching_database
    def delivery(self, tenant: str, webhook: UUID, delivery: UUID) -> DeliveryRow:
        """One delivery. Raises DeliveryNotFound."""
        with self._engine.begin() as connection:
            _found(connection, tenant, webhook)
            row = webhooks.delivery(connection, tenant, webhook, delivery)
        if row is None:
            raise DeliveryNotFound
        return row

    @reaching_database
    def replay(self, tenant: str, webhook: UUID, delivery: UUID) -> DeliveryRow:
        """Send a delivery again, under the same id. Raises DeliveryNotFound, WebhookDisabled."""
        with self._engine.begin() as connection:
            _wake(connection, tenant, webhook)
            row = webhooks.replay(connection, tenant, webhook, delivery)
        if row is None:
            raise DeliveryNotFound
        return row

    def _checked(self, url: str) -> str:
        """The URL when it can be one of a webhook; where a name leads is seen when it is sent to."""
        if not is_readable(check_url(url)):
            raise InvalidWebhook
        if is_refused_literal(urlsplit(url).hostname or "", self._allowed):
            raise InvalidWebhook(
                "This address is not public. To have it called all the same, name its network in "
                "DOCMILL_WEBHOOK_ALLOWED_NETWORKS."
            )
        return url


def _in_order(kinds: Collection[str]) -> list[str]:
    return [kind for kind in EventKind if kind in kinds]


def _there(row: WebhookRow | None) -> WebhookRow:
    if row is None:
        raise WebhookNotFound
    return row


def _found(connection: Connection, tenant: str, webhook: UUID) -> WebhookRow:
    return _there(webhooks.one(connection, tenant, webhook))


def _wake(connection: Connection, tenant: str, webhook: UUID) -> None:
    """End the rest of a webhook, so that something is sent at once. Raises WebhookDisabled."""
    _found(connection, tenant, webhook)
    if not webhooks.wake(connection, tenant, webhook):
        raise WebhookDisabled
