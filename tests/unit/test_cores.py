"""A worker has as many processes as this machine, or the container on it, has cores and memory for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docmill.cores import usable_cores, usable_memory, worker_processes
from docmill.settings import load_settings

GIB = 1024**3
SIZES = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * GIB // 4096}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores and 64 GiB."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    monkeypatch.setattr(os, "sysconf", SIZES.__getitem__)


def place(root: Path, name: str, content: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def limited(root: Path, groups: str, name: str, limit: str) -> Path:
    """A root directory with these control groups, and a file of one of them."""
    place(root, "proc/self/cgroup", groups)
    place(root / "sys/fs/cgroup", name, limit)
    return root


def test_without_control_groups_the_whole_machine_is_ours(tmp_path: Path) -> None:
    assert (usable_cores(tmp_path), usable_memory(tmp_path)) == (8, 64 * GIB)


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("max 100000\n", 8),
    ],
)
def test_a_container_gets_what_it_is_limited_to(tmp_path: Path, limit: str, cores: int) -> None:
    assert usable_cores(limited(tmp_path, "0::/\n", "cpu.max", limit)) == cores


@pytest.mark.parametrize("folder", ["system.slice/docmill.service", "system.slice", "."])
def test_the_limit_of_a_group_above_counts_too(tmp_path: Path, folder: str) -> None:
    groups = "0::/system.slice/docmill.service\n"

    assert usable_cores(limited(tmp_path, groups, f"{folder}/cpu.max", "300000 100000\n")) == 3


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "cores"), [("400000\n", 4), ("-1\n", 8)])
def test_the_first_version_of_control_groups_says_it_in_two_files(
    tmp_path: Path, folder: str, quota: str, cores: int
) -> None:
    place(tmp_path, "proc/self/cgroup", "4:memory:/pod\n2:cpu,cpuacct:/pod\n")
    place(tmp_path, f"sys/fs/cgroup/{folder}/pod/cpu.cfs_quota_us", quota)
    place(tmp_path, f"sys/fs/cgroup/{folder}/pod/cpu.cfs_period_us", "100000\n")

    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("groups", "name"),
    [("0::/pod\n", "pod/memory.max"), ("4:memory:/pod\n", "memory/pod/memory.limit_in_bytes")],
)
def test_a_process_has_a_gibibyte_of_memory(tmp_path: Path, groups: str, name: str) -> None:
    root = limited(tmp_path, groups, name, f"{5 * GIB + 1}\n")

    assert (usable_memory(root), worker_processes(root)) == (5 * GIB + 1, 5)


@pytest.mark.parametrize("limit", ["", "max\n", "a lot\n", "200000\n"])
@pytest.mark.parametrize("groups", ["0::/\n", "\n0::/\n", "nonsense\n0::/\n"])
def test_what_nobody_understands_is_no_limit(tmp_path: Path, groups: str, limit: str) -> None:
    assert usable_cores(limited(tmp_path, groups, "cpu.max", limit)) == 8


@pytest.mark.parametrize(("cores", "processes"), [(1, 2), (2, 2), (5, 5), (64, 16)])
def test_a_worker_has_a_process_for_each_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, processes: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))

    assert worker_processes(tmp_path) == processes


def test_a_setting_decides_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCMILL_WORKER_PROCESSES", raising=False)
    assert load_settings(home=tmp_path).worker_processes == worker_processes()

    monkeypatch.setenv("DOCMILL_WORKER_PROCESSES", "7")
    assert load_settings(home=tmp_path).worker_processes == 7
