"""How large an image may be: decoded, it must fit into the memory of this machine.

A header of a few bytes can claim any size. What would take more than half of the memory that is available is refused
before a pixel is decoded; everything else, such as a satellite picture of 15,000 x 15,000 pixels, is read.
"""

from __future__ import annotations

import os
from functools import lru_cache

from converters.model import rules
from tltpipe import machine
from tltpipe.errors import ConfigError, DataError

VARIABLE = "TLTPIPE_MAX_PIXELS"
"""Environment variable: pixels that an image may have, in place of what the memory allows."""

SMALL = 1 << 26
"""Pixels that are decoded without looking at the memory."""
_BYTES = 4
"""Of a decoded pixel, as Pillow stores RGB."""


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
    free = machine.memory_available()
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


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
