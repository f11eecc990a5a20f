"""How large an image may be: decoded, it must fit into the memory of this machine.

A header of a few bytes can claim any size. What would take more than half of the memory that is available is refused
before a pixel is decoded; everything else, such as a satellite picture of 15,000 x 15,000 pixels, is read.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from converters import rules
from tltpipe.errors import ConfigError, DataError

VARIABLE = "TLTPIPE_MAX_PIXELS"
"""Environment variable: pixels that an image may have, in place of what the memory allows."""

SMALL = 1 << 26
"""Pixels that are decoded without looking at the memory."""
_BYTES = 4
"""Of a decoded pixel, as Pillow stores RGB."""
_UNKNOWN = 8 << 30
"""Bytes taken for available where the system does not say."""


def require_room(width: int, height: int, where: object) -> None:
    """Raise DataError where an image of that size, at ``where``, is more than may be decoded."""
    if width * height <= SMALL:
        return
    allowed, text = most()
    if width * height > allowed:
        size = f"{width:,} x {height:,} pixels, {_gigabytes(width * height * _BYTES)} when decoded"
        what = f"this image is too large by its header: {size}; {text}"
        hint = f"if its size is right, set {VARIABLE}={width * height}; else remove the image"
        raise DataError(what, where=str(where), hint=hint, code=rules.TOO_LARGE.code)


def most() -> tuple[int, str]:
    """The pixels that an image may have now, and why, in words. Raises ConfigError for a limit that is no number."""
    if given := os.environ.get(VARIABLE):
        return _number(given), f"{VARIABLE} allows {_number(given):,} pixels"
    free = available()
    return free // (2 * _BYTES), f"at most half of the {_gigabytes(free)} of memory available is used for one"


@lru_cache(maxsize=4)
def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ConfigError(f'{VARIABLE} must be a number of pixels, not "{text}"', hint=f"for example {20_000**2}")
    return number


def environment() -> dict[str, str]:
    """The variable as it is set here, for programs that run elsewhere."""
    return {VARIABLE: os.environ[VARIABLE]} if os.environ.get(VARIABLE) else {}


def available(system: Path = Path("/")) -> int:
    """Bytes of memory that this process can still take: of the machine, and of its control groups.

    ``system``: the folder that holds ``proc`` and ``sys``.
    """
    known = [_machine(system), *_groups(system)]
    return min((number for number in known if number is not None), default=_UNKNOWN)


def _machine(system: Path) -> int | None:
    for line in _text(system / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


_VERSIONS = (
    ("sys/fs/cgroup", "", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Of control groups: where they are, the controller in /proc/self/cgroup, limit, use, and what of that can go."""


def _groups(system: Path) -> list[int]:
    """What is left in each control group that this process is in, container or not."""
    paths = {
        controller: Path(path)
        for _, controllers, path in (
            line.split(":", 2) for line in _text(system / "proc/self/cgroup").splitlines() if line.count(":") >= 2
        )
        for controller in controllers.split(",")
    }
    left = []
    for base, controller, limit, used, stale in _VERSIONS:
        own = paths.get(controller, Path("/"))
        for folder in dict.fromkeys((own, *own.parents, Path("/"))):
            place = system / base / str(folder).lstrip("/")
            most, now = _text(place / limit).strip(), _text(place / used).strip()
            if most.isdigit() and now.isdigit():
                lines = (line.split() for line in _text(place / "memory.stat").splitlines())
                cached = next((int(words[1]) for words in lines if words[:1] == [stale]), 0)
                left.append(max(0, int(most) - int(now) + cached))
    return left


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
