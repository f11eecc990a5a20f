"""How busy this machine is, for a page that shows it: shares from 0 to 1, bytes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tltpipe import machine

FRESH = 2.0
"""Seconds for which a measurement holds."""
_STAT = Path("/proc/stat")
_QUERY = ("nvidia-smi", "--query-gpu=name,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits")


class Machine:
    """Measures when asked, at most every ``FRESH`` seconds."""

    def __init__(self) -> None:
        self.measured: dict[str, Any] = {}
        self.due = 0.0
        self.ticks = _ticks()
        self.has_gpus = shutil.which(_QUERY[0]) is not None

    def use(self, folder: Path) -> dict[str, Any]:
        """CPU, memory, GPUs, and the room on the disk of ``folder``."""
        if time.monotonic() >= self.due:
            use = {"cpu": self._cpu(), "memory": _memory(), "gpus": self._gpus()}
            self.measured = {"host": socket.gethostname(), **use}
            self.due = time.monotonic() + FRESH
        return {**self.measured, "disk_free": _free(folder)}

    def _cpu(self) -> float | None:
        """The share of the time since the last call in which the cores computed."""
        (busy, total), (busy_before, total_before) = (now := _ticks()), self.ticks
        self.ticks = now
        return round((busy - busy_before) / (total - total_before), 3) if total > total_before else None

    def _gpus(self) -> list[Mapping[str, Any]]:
        if not self.has_gpus:
            return []
        try:
            told = subprocess.run(_QUERY, capture_output=True, text=True, timeout=5, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return []
        return [gpu for line in told.splitlines() if (gpu := _gpu(line)) is not None]


def _gpu(line: str) -> Mapping[str, Any] | None:
    """``NVIDIA H200, 87, 1024, 143771``: MiB; a figure that the card does not tell is left out."""
    name, *figures = (word.strip() for word in line.rsplit(",", 3))
    if len(figures) != 3:
        return None
    use, used, total = (float(word) if word.replace(".", "", 1).isdigit() else None for word in figures)
    told: dict[str, Any] = {"name": name}
    if use is not None:
        told["use"] = use / 100
    if used is not None and total:
        told["memory"] = round(used / total, 3)
    return told


def _ticks() -> tuple[int, int]:
    """Of all cores since the start of the machine: busy, and all; 0 where the system does not tell."""
    try:
        fields = [int(word) for word in _STAT.read_text("ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(fields) - sum(fields[3:5]), sum(fields)


def _memory() -> float | None:
    limit = machine.memory_limit()
    return round(max(0.0, 1 - machine.memory_available() / limit), 3) if limit < 1 << 60 else None


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
