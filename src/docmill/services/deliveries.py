"""Carries events to webhooks: makes deliveries of new events, then sends those that are due.

At least once, and never twice for want of a row: an event is one delivery of a webhook, and every attempt
of it has the same id. A run is short, and the next one goes on.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine
from standardwebhooks import Webhook

from docmill.adapters.webhook_http import Answer, Line, Outlet
from docmill.db import deliveries, events
from docmill.db.deliveries import ClaimedDelivery, DueWebhook, Miss, Turn
from docmill.db.engine import reaching_database
from docmill.domain.webhooks import MOST_WAIT_SECONDS, payload, wait_seconds
from docmill.logs import get_logger

log = get_logger(__name__)

_FAN_OUT_SECONDS, _SEND_SECONDS = 2.0, 5.0  # after these a run begins nothing new
_EVENTS_AT_ONCE = 1000
_AT_ONCE = 8  # deliveries of one webhook
_SLACK_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_GONE = 410
_GONE_REASON = "The receiver answered 410: it wants nothing more."


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """How long an attempt may take, and how long a webhook may do nothing but fail."""

    timeout_seconds: float
    failing_seconds: float


class Courier:
    """Fans out and sends. Any number may run; one at a time does."""

    def __init__(
        self,
        engine: Engine,
        outlet: Outlet,
        settings: CourierSettings,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._outlet = outlet
        self._settings = settings
        self._is_stopping = is_stopping

    @reaching_database
    def run(self) -> None:
        """One round: a few seconds, and as long as one receiver may take to answer."""
        with self._engine.begin() as connection:
            is_idle = not deliveries.behind(connection) and not deliveries.due_webhooks(connection)
        if is_idle:
            return
        turn = Turn(self._engine)
        if not turn.take():
            return
        try:
            self._fan_out(time.monotonic() + _FAN_OUT_SECONDS)
            asyncio.run(self._send(turn, time.monotonic() + _SEND_SECONDS))
        finally:
            turn.end()

    def _fan_out(self, end: float) -> None:
        with self._engine.begin() as connection:
            webhooks = deliveries.behind(connection)
        while webhooks and time.monotonic() < end:
            webhooks = [webhook for webhook in webhooks if self._fan_out_some(webhook)]

    def _fan_out_some(self, webhook: UUID) -> bool:
        """Make deliveries of the next events; whether there may be more of them."""
        with self._engine.begin() as connection:
            place = deliveries.place(connection, webhook)
            if place is None:
                return False
            found = events.of_everybody(connection, place.seen, _EVENTS_AT_ONCE)
            told = [(event, payload(event)) for event in found if place.choice.takes(event)]
            deliveries.insert(connection, webhook, told)
            if found:
                deliveries.move(connection, webhook, found[-1].position)
        return len(found) == _EVENTS_AT_ONCE

    async def _send(self, turn: Turn, end: float) -> None:
        """One lane a webhook, side by side: who answers slowly holds up nobody else."""
        with self._engine.begin() as connection:
            webhooks = deliveries.due_webhooks(connection)
        lanes = asyncio.gather(*(self._try_lane(webhook, end) for webhook in webhooks))
        while not lanes.done():
            if self._is_stopping():
                lanes.cancel()  # what was not settled is sent again, under the same id
                return
            turn.keep()
            await asyncio.wait([lanes], timeout=_LOOK_SECONDS)
        await lanes

    async def _try_lane(self, webhook: DueWebhook, end: float) -> None:
        try:
            await self._lane(webhook, end)
        except Exception as error:  # noqa: BLE001 - whatever one webhook meets, the others are sent
            log.error("webhook_lane_failed", webhook_id=str(webhook.id), reason=type(error).__name__)

    async def _lane(self, webhook: DueWebhook, end: float) -> None:
        """Send what is due for one webhook until something fails or the time is over."""
        count = 1 if webhook.failing else _AT_ONCE
        async with self._outlet.line(webhook.url) as line:
            while claimed := self._claim(webhook.id, count):
                answers = await asyncio.gather(*(_attempt(line, webhook, one) for one in claimed))
                self._settle(webhook, list(zip(claimed, answers, strict=True)))
                if any(answer.error for answer in answers) or time.monotonic() > end:
                    return
                count = _AT_ONCE

    def _claim(self, webhook: UUID, count: int) -> list[ClaimedDelivery]:
        hold = self._settings.timeout_seconds + _SLACK_SECONDS
        with self._engine.begin() as connection:
            return deliveries.claim(connection, webhook, count, hold)

    def _settle(self, webhook: DueWebhook, tried: Sequence[tuple[ClaimedDelivery, Answer]]) -> None:
        """Note what came of some attempts."""
        with self._engine.begin() as connection:
            for delivery, answer in tried:
                if answer.error is None:
                    deliveries.delivered(connection, delivery, answer.status)
                elif deliveries.missed(connection, delivery, self._miss(delivery, answer, answer.error)):
                    log.warning("webhook_disabled", webhook_id=str(webhook.id), error=answer.error)

    def _miss(self, delivery: ClaimedDelivery, answer: Answer, error: str) -> Miss:
        gone = answer.status == _GONE
        is_last = delivery.is_test or gone
        chance = random.random()  # noqa: S311 - it guards nothing
        return Miss(
            error=error,
            response_status=answer.status,
            wait=None if is_last else wait_seconds(delivery.attempts, answer.retry_after, chance),
            rest=min(answer.retry_after or 0.0, MOST_WAIT_SECONDS),
            disable=_GONE_REASON if gone else None,
            patience=self._settings.failing_seconds,
            reason=f"Nothing but failures for {self._settings.failing_seconds / 3600:g} h. {error}",
        )


async def _attempt(line: Line, webhook: DueWebhook, delivery: ClaimedDelivery) -> Answer:
    body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False)
    return await line.post(body.encode(), _headers(str(delivery.id), body, webhook.secrets))


def _headers(delivery: str, body: str, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt, signed with every secret that holds."""
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(delivery, now, body) for secret in secrets),
    }


def remove_old_deliveries(engine: Engine, keep_seconds: float) -> int:
    """Remove deliveries that are older, whatever became of them. Returns how many."""
    removed = 0
    while some := _remove_some(engine, keep_seconds):
        removed += some
    return removed


def _remove_some(engine: Engine, keep_seconds: float) -> int:
    with engine.begin() as connection:
        return deliveries.clean(connection, keep_seconds)
