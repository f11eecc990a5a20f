"""What of this machine this process may use: cores and memory, as affinity and control groups (containers) leave them.

Docker's ``--cpus 2``, Kubernetes' limits and Slurm without affinity narrow neither the affinity nor what the system
says of its memory: a quota stands in the control group's files alone (version 1 and 2 of the kernel's interface).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from tltpipe.errors import HostError

WORKER = 256 << 20
"""Bytes of memory that a worker process may come to need: Python, its libraries, large images decoded."""

_ROOT = Path("/sys/fs/cgroup")
_GROUPS = Path("/proc/self/cgroup")
_MEMORY = Path("/proc/meminfo")
_UNLIMITED = 1 << 60
"""Bytes; version 1 writes a number near 2^63 where there is no limit."""


def cpu_count() -> int:
    """Cores this process may use, at least 1: its affinity, or its groups' quota of CPU time, rounded up, if less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *map(ceil, _quotas())]))


def worker_count() -> int:
    """Worker processes for decoding and the like: one a core, as long as each can have ``WORKER`` of the memory."""
    return max(1, min(cpu_count(), memory_available() // WORKER))


def memory_limit() -> int:
    """Bytes of memory that this process can have at most: the machine's, or its groups' limit if less."""
    return min([_meminfo("MemTotal"), *_memory_limits()])


def memory_available() -> int:
    """Bytes of memory that are free or can be freed at once, within the limit of this process's groups."""
    rooms = [limit - used for limit, used in _memory_used()]
    return max(0, min([_meminfo("MemAvailable"), *rooms]))


def _quotas() -> Iterator[float]:
    """Cores' worth of CPU time that each group around this process allows."""
    for folder in _folders("cpu"):
        if words := _words(folder / "cpu.max"):
            quota, period = words[0], words[-1]
        else:
            quota, period = (" ".join(_words(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
        if quota.isdigit() and period.isdigit() and int(quota) and int(period):
            yield int(quota) / int(period)


def _memory_limits() -> Iterator[int]:
    for folder in _folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = " ".join(_words(folder / name))
            if limit.isdigit() and int(limit) < _UNLIMITED:
                yield int(limit)


def _memory_used() -> Iterator[tuple[int, int]]:
    """(limit, bytes in use that cannot be given up) of each group that has a limit."""
    for folder in _folders("memory"):
        for limit, usage, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, used = (" ".join(_words(folder / name)) for name in (limit, usage))
            if most.isdigit() and used.isdigit() and int(most) < _UNLIMITED:
                yield int(most), max(0, int(used) - _entry(folder / "memory.stat", cache))


def _folders(controller: str) -> Iterator[Path]:
    """The folders of this process's groups for ``controller``, from the innermost to the outermost.

    In a container the path that the kernel tells may be that outside of it, and the files lie at the top instead.
    """
    for line in _lines(_GROUPS):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root = _ROOT
        elif controller in controllers.split(","):
            root = next((top for name in (controllers, controller) if (top := _ROOT / name).is_dir()), _ROOT)
        else:
            continue
        inner = root / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder == root or root in folder.parents)


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", "replace").splitlines()
    except OSError:  # another system, or another version
        return []


def _entry(path: Path, name: str) -> int:
    found = (line.split() for line in _lines(path))
    return next((int(words[1]) for words in found if words[:1] == [name] and words[1:2] and words[1].isdigit()), 0)


def _meminfo(name: str) -> int:
    """Bytes by a line of /proc/meminfo, which counts in KiB; unlimited where there is no such file."""
    return (_entry(_MEMORY, f"{name}:") << 10) or _UNLIMITED


def require_current_folder() -> None:
    """Raise HostError where the folder that this process was started in is gone: no path would lead anywhere."""
    try:
        Path.cwd()
    except OSError as error:
        raise HostError("the current folder no longer exists", hint="change to one that does (cd)") from error
