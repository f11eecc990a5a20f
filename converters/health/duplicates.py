"""Pictures that are there twice: the same bytes, or the same look; within a split and across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from converters.health.gathering import Split
from converters.model import rules
from converters.model.findings import Findings
from converters.pictures import perceptual
from converters.transfer.columns import same_bytes

JUDGED = ("test", "validation")
"""Splits that keep their copy of a picture that others have too: scores stay comparable, and training has the most."""


@dataclass(frozen=True)
class Copies:
    """What was found; ``findings`` by split are about that split alone, those ``across`` about several.

    ``spare`` has for each split the pictures that another one makes superfluous: place in its keys -> that other.
    """

    findings: Mapping[str, Findings]
    across: Findings
    spare: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _All:
    """The pictures of all splits, one after the other."""

    splits: Sequence[Split]
    split: NDArray[np.int32]
    entry: NDArray[np.int32]

    @classmethod
    def of(cls, splits: Sequence[Split]) -> _All:
        counts = [len(split.places) for split in splits]
        return cls(
            splits,
            np.repeat(np.arange(len(splits), dtype=np.int32), counts),
            np.concatenate([np.arange(count, dtype=np.int32) for count in (0, *counts)]),
        )

    def column(self, name: str) -> NDArray[np.int64]:
        return np.concatenate([getattr(split, name) for split in self.splits])

    def title(self, picture: int) -> str:
        split = self.splits[self.split[picture]]
        title = split.title(self.entry[picture])
        return f"{split.name}/{title}" if len(self.splits) > 1 else title


def copies(splits: Sequence[Split], *, deep: bool, workers: int | None = None) -> Copies:
    """Find them: exact ones always, near ones too when the pass was ``deep``."""
    found = Copies({split.name: Findings() for split in splits}, Findings(), {split.name: {} for split in splits})
    pictures = _All.of(splits)
    if not len(pictures.split):
        return found
    content = _contents(pictures, workers)
    _exact(pictures, content, found)
    if deep:
        _near(pictures, content, found)
    return found


def _contents(pictures: _All, workers: int | None) -> NDArray[np.int64]:
    """For each picture the first one with the same bytes: itself, mostly."""
    splits = pictures.splits
    places = np.concatenate([split.places for split in splits])
    sources = [(split.dataset.pictures, split.keys) for split in splits]
    sizes, heads = pictures.column("bytes"), pictures.column("heads").astype(np.uint32)
    candidates, found = same_bytes(sizes, heads, pictures.split, places, sources, workers=workers)
    content = np.arange(len(sizes))
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    whole = found > 0  # 0: gone meanwhile
    content[candidates[whole]] = candidates[first[inverse[whole]]]
    return content


def _exact(pictures: _All, content: NDArray[np.int64], found: Copies) -> None:
    items = pictures.column("items")
    for group in _groups(content):
        sides = pictures.split[group]
        best = min(group.tolist(), key=lambda one: (-_rank(pictures, one), -int(items[one]), one))
        for one in group.tolist():
            if one != best:
                split = pictures.splits[pictures.split[one]]
                place = int(split.places[pictures.entry[one]])
                found.spare[split.name][place] = pictures.title(best)  # type: ignore[index]
        for side in np.unique(sides).tolist():
            own = group[sides == side]
            if len(own) > 1:
                _tell(found.findings[pictures.splits[side].name], rules.SAME_PICTURE, pictures, own)
        if len(np.unique(sides)) > 1:
            found.across.add(rules.SAME_ACROSS, _pair(pictures, _one_a_side(group, sides)))


def _near(pictures: _All, content: NDArray[np.int64], found: Copies) -> None:
    from converters.partition.relations import components  # with all of a split's plan, for a deep look alone

    hashes = pictures.column("hashes").astype(np.uint64)
    look = components(len(hashes), perceptual.pairs(hashes))
    for group in _groups(look):
        sides = pictures.split[group]
        for side in np.unique(sides).tolist():
            own = _different(group[sides == side], content)
            if len(own) > 1:
                _tell(found.findings[pictures.splits[side].name], rules.NEAR, pictures, own)
        if len(np.unique(sides)) > 1:
            apart = _one_a_side(_different(group, content), pictures.split[_different(group, content)])
            if len(apart) > 1:
                found.across.add(rules.NEAR_ACROSS, _pair(pictures, apart))


def _tell(findings: Findings, rule: rules.Rule, pictures: _All, group: NDArray[np.int64]) -> None:
    """All but the first of ``group`` are one too many."""
    findings.add(rule, _pair(pictures, group), count=len(group) - 1)


def _pair(pictures: _All, group: NDArray[np.int64]) -> str:
    more = f" and {len(group) - 2} more" if len(group) > 2 else ""
    return f"{pictures.title(int(group[0]))} and {pictures.title(int(group[1]))}{more}"


def _one_a_side(group: NDArray[np.int64], sides: NDArray[np.int32]) -> NDArray[np.int64]:
    return group[np.unique(sides, return_index=True)[1]]


def _different(group: NDArray[np.int64], content: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first picture of each content in ``group``."""
    return group[np.sort(np.unique(content[group], return_index=True)[1])]


def _groups(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Members of each label that several have, in order."""
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[numbers] > 1)
    order = several[np.argsort(numbers[several], kind="stable")]
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    return np.split(order, edges) if len(order) else []


def _rank(pictures: _All, picture: int) -> int:
    name = pictures.splits[pictures.split[picture]].name
    return len(JUDGED) - JUDGED.index(name) if name in JUDGED else 0
