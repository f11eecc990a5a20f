"""What can be chosen of the rule. Imports nothing heavy, so that ``--help`` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Criterion = Literal["union", "intersection", "arithmetic_mean", "geometric_mean"]
Normalizer = Literal["max", "L2"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
NORMALIZERS: tuple[Normalizer, ...] = get_args(Normalizer)


@dataclass(frozen=True)
class Rule:
    """A filter stays if its normalised norm is above ``threshold``; a layer keeps at least ``minimum`` of them, and a
    multiple of ``granularity``. ``criterion``: how the norms of layers that share one decision become one."""

    threshold: float = 0.1
    criterion: Criterion = "union"
    granularity: int = 8
    minimum: int = 16
    normalizer: Normalizer = "max"
