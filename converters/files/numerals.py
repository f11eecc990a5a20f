"""Numbers as data sets write them."""

from __future__ import annotations

import math
import re

FAR = 1e6
"""Pixels; no picture is that large."""

# No digits of other alphabets, no underscores between them, as Python takes them. Short: no number needs more.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")


def is_number(word: str) -> bool:
    """Whether ``word`` is a finite number as C reads them."""
    return _NUMBER.fullmatch(word) is not None and math.isfinite(float(word))


def shortest(number: float) -> str:
    """``number`` in as few characters as tell it from all others: 12, 0.1, 77.37."""
    return str(int(number)) if number == int(number) else repr(float(number))
