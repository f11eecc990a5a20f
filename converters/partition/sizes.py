"""How many pictures each split is to have."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tltpipe.errors import UsageError


def targets(total: int, shares: Mapping[str, float], counts: Mapping[str, int] | None = None) -> dict[str, int]:
    """So many of ``total`` pictures for each split, in order; together they are all.

    ``shares`` add up to 1 and are met to within one picture. Where there are ``counts``, they count, and the splits
    that have none share the rest as ``shares`` say. Raises UsageError where a split would have none.
    """
    fixed = dict(counts or {})
    rest = total - sum(fixed.values())
    others = {name: share for name, share in shares.items() if name not in fixed}
    if rest < len(others) or (rest and not others):
        asked = " + ".join(f"{count:,} for {name}" for name, count in fixed.items()) or f"{len(others)} splits"
        raise UsageError(f"there are {total:,} pictures: too {'few' if others else 'many'} for {asked}")
    found = fixed | _apportioned(rest, others)
    return {name: found[name] for name in shares}


def _apportioned(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """``total`` by the largest remainders, but at least 1 for each."""
    whole = math.fsum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    found = {name: max(1, math.floor(value)) for name, value in exact.items()}
    while (left := total - sum(found.values())) != 0:
        step = 1 if left > 0 else -1
        open_ = [name for name in found if step > 0 or found[name] > 1]
        name = max(open_, key=lambda name: step * (exact[name] - found[name]))
        found[name] += step
    return found
