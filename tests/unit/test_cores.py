"""A worker has as many processes as this machine, or the container on it, gives it cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docmill.cores import usable_cores, worker_processes
from docmill.settings import load_settings


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def place(root: Path, name: str, content: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def limited(root: Path, groups: str, folder: str, limit: str) -> Path:
    """A root directory with these control groups, one of which is limited as version 2 says it."""
    place(root, "proc/self/cgroup", groups)
    place(root / "sys/fs/cgroup" / folder, "cpu.max", limit)
    return root


def test_without_control_groups_all_cores_are_ours(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 8)],
)
def test_a_container_gets_what_it_is_limited_to(tmp_path: Path, limit: str, cores: int) -> None:
    assert usable_cores(limited(tmp_path, "0::/\n", ".", limit)) == cores


@pytest.mark.parametrize("folder", ["system.slice/docmill.service", "system.slice", "."])
def test_the_limit_of_a_group_above_counts_too(tmp_path: Path, folder: str) -> None:
    root = limited(tmp_path, "0::/system.slice/docmill.service\n", folder, "300000 100000\n")

    assert usable_cores(root) == 3


@pytest.mark.parametrize(("quota", "cores"), [("400000\n", 4), ("-1\n", 8)])
def test_the_first_version_of_control_groups_says_it_in_two_files(
    tmp_path: Path, quota: str, cores: int
) -> None:
    place(tmp_path, "proc/self/cgroup", "4:memory:/pod\n2:cpu,cpuacct:/pod\n")
    place(tmp_path, "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us", quota)
    place(tmp_path, "sys/fs/cgroup/cpu/pod/cpu.cfs_period_us", "100000\n")

    assert usable_cores(tmp_path) == cores


def test_a_limit_above_the_cores_adds_none(tmp_path: Path) -> None:
    assert usable_cores(limited(tmp_path, "0::/\n", ".", "6400000 100000\n")) == 8


@pytest.mark.parametrize(("cores", "processes"), [(1, 2), (2, 2), (5, 5), (64, 16)])
def test_a_worker_has_a_process_for_each_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, processes: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))

    assert worker_processes(tmp_path) == processes


def test_a_setting_decides_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCMILL_WORKER_PROCESSES", "7")

    assert load_settings(home=tmp_path).worker_processes == 7
