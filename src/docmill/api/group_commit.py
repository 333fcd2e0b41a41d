"""Group commit: what is asked for while others are at work is done together, when their turn is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")
R = TypeVar("R")

_MOST = 16  # of a group, so that nobody waits long for the others in it


class GroupCommit(Generic[T, R]):
    """Calls `work` in a thread, with all items that wait, and again with those that came meanwhile.

    `work` gives for each item what became of it, or an error; an error that it raises is everybody's.
    For one event loop.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._working: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """What became of this item. Raises its error."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._working is None:  # in no request's context: it is of many
            self._working = asyncio.create_task(self._run(), context=Context())
        return await done

    async def _run(self) -> None:
        try:
            while group := self._next_group():
                await self._do(group)
        finally:
            self._working = None

    def _next_group(self) -> list[tuple[T, asyncio.Future[R]]]:
        """Those whose turn it is; what nobody waits for any more is not begun."""
        waiting = [(item, done) for item, done in self._waiting if not done.done()]
        self._waiting = waiting[_MOST:]
        return waiting[:_MOST]

    async def _do(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await run_in_threadpool(self._work, [item for item, _ in group])
            for (_, done), result in zip(group, results, strict=True):
                _tell(done, result)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            for _, done in group:
                _tell(done, error)


def _tell(done: asyncio.Future[R], result: R | Exception) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
