"""Cores and memory as control groups leave them, by files as the kernel writes them (both versions)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tltpipe import machine

GIB = 1 << 30
Make = Callable[..., None]


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes the files of a machine with 64 cores and 128 GiB whose process is in the groups ``own``."""

    def make(own: str, files: Mapping[str, str]) -> None:
        for name, text in {"cgroup": own, "meminfo": MEMINFO, **{f"fs/{name}": t for name, t in files.items()}}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(machine, "_ROOT", tmp_path / "fs")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    return make


MEMINFO = f"MemTotal: {128 << 20} kB\nMemFree: 1000 kB\nMemAvailable: {100 << 20} kB\n"
V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", {}, 64),
        ("0::/user/job\n", {"user/cpu.max": "400000 100000\n", "user/job/cpu.max": "max 100000\n"}, 4),
        ("0::/user/job\n", {"user/cpu.max": "800000 100000\n", "user/job/cpu.max": "300000 100000\n"}, 3),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 2),
        (V1, {"cpu/docker/abc/cpu.cfs_quota_us": "200000", "cpu/docker/abc/cpu.cfs_period_us": "100000"}, 2),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 64),
        ("garbage\n\n", {"cpu.max": "one two\n"}, 64),
    ],
)
def test_cores_by_quota(groups: Make, own: str, files: Mapping[str, str], cores: int) -> None:
    groups(own, files)
    assert machine.cpu_count() == cores


@pytest.mark.parametrize(
    ("own", "files", "limit", "available"),
    [
        ("0::/\n", {}, 128 * GIB, 100 * GIB),
        ("0::/\n", {"memory.max": "max\n", "memory.current": "7\n"}, 128 * GIB, 100 * GIB),
        (
            "0::/\n",
            {
                "memory.max": f"{4 * GIB}\n",
                "memory.current": f"{3 * GIB}\n",
                "memory.stat": f"anon 5\ninactive_file {GIB}\n",
            },
            4 * GIB,
            2 * GIB,
        ),
        (
            V1,
            {
                "memory/memory.limit_in_bytes": f"{2 * GIB}\n",
                "memory/memory.usage_in_bytes": f"{GIB}\n",
                "memory/memory.stat": "total_inactive_file 0\n",
            },
            2 * GIB,
            GIB,
        ),
        (V1, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 128 * GIB, 100 * GIB),
        ("0::/\n", {"memory.max": "1000\n", "memory.current": "2000\n"}, 1000, 0),
    ],
)
def test_memory(groups: Make, own: str, files: Mapping[str, str], limit: int, available: int) -> None:
    groups(own, files)
    assert machine.memory_limit() == limit
    assert machine.memory_available() == available


def test_workers_fit_into_memory(groups: Make) -> None:
    groups("0::/\n", {"memory.max": f"{GIB}\n", "memory.current": "0\n"})
    assert machine.worker_count() == 4
    groups("0::/\n", {"memory.max": "1000\n", "memory.current": "0\n"})
    assert machine.worker_count() == 1


def test_this_machine() -> None:
    assert 1 <= machine.cpu_count() <= len(os.sched_getaffinity(0))
    assert 0 < machine.memory_available() <= machine.memory_limit() < 1 << 60
