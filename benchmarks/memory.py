"""Peak memory of a command with all its processes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.01
"""Seconds between two looks, besides what a look takes."""


@dataclass(frozen=True)
class Peak:
    """Megabytes (10^6 bytes).

    ``together`` is the largest sum of proportional set sizes (``Pss``: a page that n processes share counts 1/n in
    each) seen at one moment. ``bound`` sums up what each process ever had resident at its own worst moment
    (``VmHWM``): no look can miss that, but shared pages count in every process, and moments that never met add up.
    """

    together: float
    bound: float

    def __str__(self) -> str:
        return f"{self.together:.0f} MB (each process at its worst, summed: {self.bound:.0f} MB)"


def peak(argv: Sequence[str | Path]) -> Peak:
    """Run ``argv`` in a session of its own and watch all that belongs to that; raises when the command fails."""
    now, worst = 0, dict[int, int]()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        while process.poll() is None:
            members = _session(process.pid)
            now = max(now, _proportional(members))
            for member in members:
                worst[member] = max(worst.get(member, 0), _kilobytes(member, "status", b"VmHWM:"))
            time.sleep(INTERVAL)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {said.read().decode()}")
    return Peak(now * 1024 / 1e6, sum(worst.values()) * 1024 / 1e6)


def written(leader: int) -> float:
    """Megabytes that all processes of the session of ``leader`` have written at this moment.

    Pages of files are left out: how much of a library counts here, in ``Pss``, changes with who else has it open.
    """
    members = _session(leader)
    return (_proportional(members, "_Anon") + _proportional(members, "_Shmem")) * 1024 / 1e6


def _proportional(members: Sequence[int], kind: str = "") -> int:
    key = f"Pss{kind}:".encode()
    return sum(_kilobytes(member, "smaps_rollup", key) for member in members)


def _session(leader: int) -> list[int]:
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [number for number in numbers if _session_of(number) == leader]


def _session_of(number: int) -> int | None:
    try:
        return os.getsid(number)
    except ProcessLookupError:
        return None


def _kilobytes(number: int, file: str, key: bytes) -> int:
    """The entry ``key`` of ``/proc/<number>/<file>``; 0 for a process that is gone or has let go of its memory."""
    try:
        lines = Path(f"/proc/{number}/{file}").read_bytes().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
