"""What shows only in the whole: classes out of balance, sizes, garments on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from converters.health.gathering import Split
from converters.model import rules
from converters.model.findings import Findings

FEW = 0.01
"""Share of all items under which a class is rare."""

_TOP = 3


def balance(splits: Sequence[Split]) -> Findings:
    """Findings about the whole that ``splits`` are."""
    findings = Findings()
    _classes([split for split in splits if split.dataset.annotated], findings)
    _sizes(splits, findings)
    _garments(splits, findings)
    return findings


def _classes(splits: Sequence[Split], findings: Findings) -> None:
    names = dict.fromkeys(name for split in splits for name in split.dataset.categories)
    counts = {name: sum(split.tally.classes[name] for split in splits) for name in names}
    items = sum(counts.values())
    if not items:
        return
    for name, count in counts.items():
        if not count:
            findings.add(rules.NO_ITEMS, name)
            continue
        if count < FEW * items:
            findings.add(rules.RARE, f"{name} ({count} of {items})")
        lacking = [split.name for split in splits if not split.tally.classes[name]]
        if lacking:
            findings.add(rules.ONE_SIDED, f"{name} (not in {', '.join(lacking)})")


def _sizes(splits: Sequence[Split], findings: Findings) -> None:
    every = np.concatenate([np.empty(0, np.uint64), *(split.sizes for split in splits)])
    sizes, counts = np.unique(every[every > 0], return_counts=True)
    if len(sizes) < 2:
        return
    for place in np.argsort(-counts, kind="stable")[:_TOP].tolist():
        width, height = divmod(int(sizes[place]), 1 << 32)
        findings.add(rules.MIXED_SIZES, f"{width} x {height} ({counts[place]})")
    if len(sizes) > _TOP:
        findings.add(rules.MIXED_SIZES, f"{len(sizes) - _TOP} others", count=len(sizes) - _TOP)


def _garments(splits: Sequence[Split], findings: Findings) -> None:
    """Each garment that two splits have, told once."""
    if not all(split.dataset.joint_pairs for split in splits):
        return
    seen: set[tuple[int, int]] = set()
    for one, other in combinations(splits, 2):
        for pair, style in _common(one, other):
            if (pair, style) not in seen:
                seen.add((pair, style))
                findings.add(rules.GARMENT_ACROSS, f"pair {pair} style {style} in {one.name} and {other.name}")


def _common(one: Split, other: Split) -> list[tuple[int, int]]:
    if not len(one.garments) or not len(other.garments):
        return []
    _, first, counts = np.unique(
        np.concatenate((one.garments, other.garments)), axis=0, return_index=True, return_counts=True
    )
    found: list[list[int]] = one.garments[first[counts > 1]].tolist()
    return [(pair, style) for pair, style in found]
