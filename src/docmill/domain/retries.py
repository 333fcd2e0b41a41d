"""When a task that failed is tried again: one table, a row for each queue. The error says whether at all.

An error that is not retryable fails at once. One that is waits as the table says, and at least as long as
the service asked for that raised it (`retry_after_seconds`), but never longer than an hour. Where a service
is away for every document, none of them is tried: the stage rests until the service answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from docmill.domain.errors import DocmillError

LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """`waits` in units of the installation's first wait; the last holds for every further retry.

    `jitter` is the share by which a wait may be longer or shorter, so that many do not come back at once.
    """

    waits: tuple[float, ...] = (1.0, 2.0, 4.0)
    jitter: float = 0.1


BACKOFFS: Mapping[str, Backoff] = {
    "extract": Backoff(),
    "ocr": Backoff(),
    "text": Backoff(),
    "embed": Backoff(),
    "index": Backoff(),
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """An installation's first wait, in seconds, and how often a stage is tried again at most."""

    first_seconds: float = 60.0
    limit: int = 3

    def wait(self, queue: str, error: DocmillError, tried: int, chance: float) -> float | None:
        """Seconds until the next attempt, None when there is none. `tried` counts the retries so far.

        `chance`, 0 to 1, chooses within the jitter.
        """
        if not error.retryable or tried >= self.limit:
            return None
        return self._wait(queue, tried, chance, error)

    def behind_others(self, queue: str, tried: int, chance: float) -> float | None:
        """The same for a document that met an outage: the others have the first wait to themselves."""
        return None if tried >= self.limit else self.first_seconds + self._wait(queue, tried, chance)

    def rest(self, queue: str, chance: float, *said: DocmillError) -> float:
        """Seconds until a service is asked again that is away, which it said with these errors."""
        return self._wait(queue, 0, chance, *said)

    def _wait(self, queue: str, tried: int, chance: float, *said: DocmillError) -> float:
        backoff = BACKOFFS[queue]
        wait = self.first_seconds * backoff.waits[min(tried, len(backoff.waits) - 1)]
        wait *= 1 + backoff.jitter * (2 * chance - 1)
        return min(max([wait, *(error.retry_after_seconds or 0.0 for error in said)]), LONGEST_WAIT_SECONDS)
