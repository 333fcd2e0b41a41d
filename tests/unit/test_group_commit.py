"""Calls that meet are answered together, and each with its own result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from docmill.api.group_commit import GroupCommit


@dataclass
class Kitchen:
    """Cooks what it is given, in a thread, once it may; burns what is called burnt."""

    groups: list[list[str]] = field(default_factory=list)
    may_cook: threading.Event = field(default_factory=threading.Event)

    def cook(self, orders: Sequence[str]) -> list[str | Exception]:
        self.groups.append(list(orders))
        assert self.may_cook.wait(10)
        if "fire" in orders:
            raise OSError("the kitchen burns")
        return [ValueError(order) if order == "burnt" else f"{order}, cooked" for order in orders]


async def ordered(kitchen: Kitchen, *orders: str) -> list[str | BaseException]:
    """What became of orders: the first is in the pan when the others come."""
    together: GroupCommit[str, str] = GroupCommit(kitchen.cook)
    waiting = [asyncio.create_task(together.submit(order)) for order in orders]
    while not kitchen.groups:
        await asyncio.sleep(0)
    kitchen.may_cook.set()
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_what_comes_meanwhile_is_done_together_and_in_order() -> None:
    async def meals() -> None:
        kitchen = Kitchen()
        together: GroupCommit[str, str] = GroupCommit(kitchen.cook)
        first = asyncio.create_task(together.submit("soup"))
        while not kitchen.groups:
            await asyncio.sleep(0)
        others = [asyncio.create_task(together.submit(name)) for name in ("fish", "rice")]
        await asyncio.sleep(0)
        kitchen.may_cook.set()

        assert await first == "soup, cooked"
        assert await asyncio.gather(*others) == ["fish, cooked", "rice, cooked"]
        assert await together.submit("pear") == "pear, cooked"
        assert kitchen.groups == [["soup"], ["fish", "rice"], ["pear"]]

    asyncio.run(meals())


def test_a_group_is_not_larger_than_sixteen() -> None:
    kitchen = Kitchen()
    orders = [f"dish {number}" for number in range(40)]

    results = asyncio.run(ordered(kitchen, *orders))

    assert results == [f"{order}, cooked" for order in orders]
    assert [len(group) for group in kitchen.groups] == [16, 16, 8]


def test_an_error_of_one_is_not_the_others() -> None:
    results = asyncio.run(ordered(Kitchen(), "fish", "burnt", "rice"))

    assert (results[0], results[2]) == ("fish, cooked", "rice, cooked")
    assert isinstance(results[1], ValueError)


def test_an_error_of_the_work_itself_is_everybodys_and_not_of_those_who_come_later() -> None:
    async def meals() -> None:
        kitchen = Kitchen()
        kitchen.may_cook.set()
        together: GroupCommit[str, str] = GroupCommit(kitchen.cook)

        told = await asyncio.gather(*map(together.submit, ("fish", "fire")), return_exceptions=True)
        assert all(isinstance(one, OSError) for one in told)
        assert await together.submit("rice") == "rice, cooked"

    asyncio.run(meals())


@pytest.mark.parametrize("odd", [[StopIteration("cannot be raised in a task")], []])
def test_what_cannot_be_told_is_an_error_and_keeps_nobody_waiting(odd: list[str | Exception]) -> None:
    async def asked() -> list[str | BaseException]:
        together: GroupCommit[str, str] = GroupCommit(lambda _orders: odd)
        return await asyncio.wait_for(
            asyncio.gather(*map(together.submit, ("fish", "rice")), return_exceptions=True), 10
        )

    assert all(isinstance(result, (TypeError, ValueError)) for result in asyncio.run(asked()))


def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    async def meals() -> None:
        kitchen = Kitchen()
        together: GroupCommit[str, str] = GroupCommit(kitchen.cook)
        first, second, third = (
            asyncio.create_task(together.submit(name)) for name in ("soup", "fish", "rice")
        )
        while not kitchen.groups:
            await asyncio.sleep(0)
        assert kitchen.groups == [["soup", "fish", "rice"]]
        late, later = (asyncio.create_task(together.submit(name)) for name in ("pear", "plum"))
        await asyncio.sleep(0)
        late.cancel()
        kitchen.may_cook.set()

        told = [await one for one in (first, second, third, later)]
        assert told == [f"{name}, cooked" for name in ("soup", "fish", "rice", "plum")]
        assert kitchen.groups[1:] == [["plum"]]

    asyncio.run(meals())


def test_who_went_away_does_not_keep_the_others_waiting() -> None:
    async def meals() -> None:
        kitchen = Kitchen()
        together: GroupCommit[str, str] = GroupCommit(kitchen.cook)
        impatient, patient = (asyncio.create_task(together.submit(name)) for name in ("fish", "rice"))
        while not kitchen.groups:
            await asyncio.sleep(0)
        impatient.cancel()
        kitchen.may_cook.set()

        assert await patient == "rice, cooked"
        with pytest.raises(asyncio.CancelledError):
            await impatient

    asyncio.run(meals())
