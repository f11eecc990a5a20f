"""What a split is worth: what leaks between its sides, and how far each class is from its share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.partition.facts import Facts
from converters.partition.relations import Relation

EXAMPLES = 10
_BOUNDS = (1, 2, 5, 20, 100)


@dataclass(frozen=True)
class Leak:
    """``count`` garments, or sets of like pictures, that are on two sides or more, and the first few of those."""

    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaks:
    """``garments`` by (pair_id, style), ``identical`` pictures, those ``alike`` (None where nobody looked).

    ``pictures`` are those outside the largest side of which something is on another side, too.
    """

    garments: Leak
    identical: Leak
    alike: Leak | None
    pictures: int

    @property
    def total(self) -> int:
        return self.garments.count + self.identical.count + (self.alike.count if self.alike else 0)


@dataclass(frozen=True)
class Side:
    """One split: the ``share`` of all pictures it was to have, and what it has. ``classes`` counts items of each."""

    asked: int
    share: float
    pictures: int
    items: int
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Deviation:
    """The class furthest from its share, in percentage points: of ``items`` in all, ``split`` has so many more."""

    category: str
    split: str
    points: float
    items: int


@dataclass(frozen=True)
class GroupSizes:
    """``count`` groups of pictures that stay together; ``sizes`` counts them by pictures ("3-5": 17)."""

    count: int
    largest: int
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """``before`` has the leaks there were, or would be, by what the split was; None of them for one that only is."""

    splits: Mapping[str, Side]
    leaks: Leaks
    before: Mapping[str, Leaks]
    groups: GroupSizes
    deviation: Deviation | None
    notes: tuple[str, ...]
    left_out: int
    not_found: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; the same bytes for the same split."""
        return asdict(self)


@dataclass(frozen=True)
class Relations:
    """All that may leak: ``alike`` is None where nobody looked."""

    garments: Relation
    identical: Relation
    alike: Relation | None

    @property
    def all(self) -> list[Relation]:
        return [each for each in (self.garments, self.identical, self.alike) if each is not None]


def leaks(facts: Facts, relations: Relations, sides: NDArray[np.int16]) -> Leaks:
    """What is on two sides, where ``sides`` has the number of each picture's side."""
    torn = [relation.torn(sides) for relation in relations.all]
    main = int(np.bincount(sides).argmax())
    touched = np.unique(np.concatenate([relation.owners for relation in torn]))
    told = [Leak(len(relation), _examples(facts, relation, sides)) for relation in torn]
    return Leaks(told[0], told[1], told[2] if len(told) > 2 else None, int((sides[touched] != main).sum()))


def _examples(facts: Facts, torn: Relation, sides: NDArray[np.int16]) -> tuple[str, ...]:
    """The first pictures, by name, with the first like picture on another side."""
    if not len(torn.owners):
        return ()
    # By label, then by name: whatever the order of the files, the same are told.
    order = np.lexsort((facts.ranks[torn.owners], torn.labels))
    owners, labels = torn.owners[order], torn.labels[order]
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    found: dict[str, None] = {}  # two pictures may have several garments in common
    for start in starts[np.argsort(facts.ranks[owners[starts]], kind="stable")].tolist():
        own = owners[start : np.searchsorted(labels, labels[start], side="right")]
        other = own[sides[own] != sides[own[0]]][0]
        found[" ~ ".join(facts.name(int(picture)) for picture in (own[0], other))] = None
        if len(found) == EXAMPLES:
            break
    return tuple(found)


def sides_told(
    facts: Facts, sides: NDArray[np.int16], names: Sequence[str], targets: Sequence[int]
) -> tuple[dict[str, Side], Deviation | None]:
    """What each side has, and the class furthest from its share."""
    classes = len(facts.categories)
    cells = sides[facts.owners].astype(np.int64) * classes + facts.kinds
    counts = np.bincount(cells, minlength=len(names) * classes).reshape(len(names), classes)
    pictures = np.bincount(sides, minlength=len(names)).tolist()
    told = {
        name: Side(
            asked=targets[side],
            share=round(pictures[side] / len(facts), 6),
            pictures=pictures[side],
            items=int(counts[side].sum()),
            classes=dict(zip(facts.categories, counts[side].tolist(), strict=True)),
        )
        for side, name in enumerate(names)
    }
    found = [
        Deviation(category, name, points(counts[side, kind], total, targets[side] / len(facts)), total)
        for kind, category in enumerate(facts.categories)
        if (total := int(counts[:, kind].sum()))
        for side, name in enumerate(names)
    ]
    return told, max(found, key=lambda each: abs(each.points), default=None)


def points(items: int, total: int, asked: float) -> float:
    """Percentage points by which ``items`` of ``total`` are more than the share ``asked``."""
    return round(100 * (float(items) / total - asked), 3)


def group_sizes(sizes: NDArray[np.int64]) -> GroupSizes:
    found, low = {}, 1
    for high in (*_BOUNDS, int(sizes.max())):
        if high < low:
            continue
        name = str(low) if low == high else f"{low}-{high}"
        if count := int(((sizes >= low) & (sizes <= high)).sum()):
            found[name] = count
        low = high + 1
    return GroupSizes(len(sizes), int(sizes.max()), found)


def size_notes(splits: Mapping[str, Side], groups: GroupSizes) -> list[str]:
    """Groups too large for the smallest side, and sides off their size."""
    found = []
    least = min(splits, key=lambda name: splits[name].asked)
    if groups.largest > splits[least].asked:
        found.append(
            f"one group of {groups.largest:,} pictures that belong together is more than {least} is to have "
            f"({splits[least].asked:,}): it went to one side whole"
        )
    off = {name: side for name, side in splits.items() if side.pictures != side.asked}
    return found + [
        f"{name} has {side.pictures:,} pictures, not {side.asked:,}: groups stay together" for name, side in off.items()
    ]


def class_notes(splits: Mapping[str, Side], together: Mapping[str, int]) -> list[str]:
    """Classes that a side lacks; ``together`` has in how many groups of pictures each class is."""
    found = []
    for category, count in together.items():
        lacking = [name for name in splits if count and not splits[name].classes[category]]
        if lacking:
            groups = "one group" if count == 1 else f"{count} groups"
            found.append(f"no {category} in {', '.join(lacking)}: its pictures are {groups} that must stay together")
    return found
