"""A worker asks several times a second which of its processes have died."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from docmill.worker.deaths import Deaths


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Three processes that live until the test ends one."""
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_a_death_is_told_once(sleepers: list[subprocess.Popen[bytes]]) -> None:
    deaths = Deaths(lambda: [process.pid for process in sleepers])
    assert not deaths.is_new()  # who was there from the beginning lives

    sleepers[0].kill()
    sleepers[0].wait()
    assert deaths.is_new()
    assert not deaths.is_new()


def test_one_that_nobody_has_waited_for_is_dead(sleepers: list[subprocess.Popen[bytes]]) -> None:
    deaths = Deaths(lambda: [process.pid for process in sleepers])
    deaths.is_new()

    sleepers[1].kill()
    os.waitid(os.P_PID, sleepers[1].pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is left a zombie
    assert deaths.is_new()


def test_one_that_was_replaced_between_two_looks_is_missed(sleepers: list[subprocess.Popen[bytes]]) -> None:
    taking = [sleepers[0].pid, sleepers[1].pid]
    deaths = Deaths(lambda: taking)
    deaths.is_new()

    sleepers[1].kill()
    sleepers[1].wait()
    taking[1] = sleepers[2].pid  # its place is taken before anybody looked
    assert deaths.is_new()
    assert not deaths.is_new()


def test_a_process_that_begins_is_no_death(sleepers: list[subprocess.Popen[bytes]]) -> None:
    taking = [sleepers[0].pid]
    deaths = Deaths(lambda: taking)
    deaths.is_new()

    taking.append(sleepers[1].pid)
    assert not deaths.is_new()
