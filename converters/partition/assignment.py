"""Which group of pictures goes to which split."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Groups:
    """Pictures that stay together. ``sizes`` in pictures; ``ranks`` order groups by the hash of a name.

    The items are rows: group ``owners[i]`` has ``items[i]`` of class ``kinds[i]``, sorted by group.
    """

    sizes: NDArray[np.int64]
    ranks: NDArray[np.uint64]
    owners: NDArray[np.int64]
    kinds: NDArray[np.int64]
    items: NDArray[np.int64]
    classes: int

    @classmethod
    def of(
        cls,
        groups: NDArray[np.int64],
        ranks: NDArray[np.uint64],
        owners: NDArray[np.int32],
        kinds: NDArray[np.int32],
        classes: int,
    ) -> Groups:
        """Made of pictures: of each its group and rank; of each item its picture and class."""
        count = int(groups.max()) + 1
        least = np.full(count, np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(least, groups, ranks)
        cells, items = np.unique(groups[owners] * classes + kinds, return_counts=True)
        sizes = np.bincount(groups, minlength=count)
        return cls(sizes, least, cells // max(1, classes), cells % max(1, classes), items, classes)


def by_name(groups: Groups, targets: Sequence[int]) -> NDArray[np.int16]:
    """The split of each group, by nothing but the hash of its name; smaller splits are filled first.

    No split stays empty while there are as many groups as splits.
    """
    room, empty = list(targets), set(range(len(targets)))
    order = sorted(empty, key=lambda side: (room[side], side))
    sizes, sides = groups.sizes.tolist(), np.zeros(len(groups.sizes), np.int16)
    for done, group in enumerate(np.argsort(groups.ranks, kind="stable").tolist()):
        among = order if len(sizes) - done > len(empty) else [side for side in order if side in empty] or order
        fits = next((side for side in among if room[side] >= sizes[group]), None)
        sides[group] = side = max(among, key=lambda side: room[side]) if fits is None else fits
        room[side] -= sizes[group]
        empty.discard(side)
    return sides


def stratified(groups: Groups, targets: Sequence[int]) -> NDArray[np.int16]:
    """The split of each group, so that each split has its share of every class.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas: On the Stratification of Multi-label Data, 2011), for
    groups: the class with the fewest groups left is dealt out first, its largest groups first. Where they give to the
    split that lacks most of that class, here all classes of the group count, and its pictures: large groups would
    else fill a split before its share of the common classes is in. A split takes no more pictures than it is to have
    as long as another has room, the last groups of a class go to splits that have none of it, and the last of all to
    splits that have nothing.
    """
    return _Dealer(groups, targets).deal()


class _Dealer:
    def __init__(self, groups: Groups, targets: Sequence[int]) -> None:
        self.groups = groups
        self.sizes: list[int] = groups.sizes.tolist()
        self.kinds: list[int] = groups.kinds.tolist()
        self.items: list[int] = groups.items.tolist()
        self.starts: list[int] = np.searchsorted(groups.owners, np.arange(len(self.sizes) + 1)).tolist()
        self.sides = np.full(len(self.sizes), -1, np.int16)
        self.left: list[int] = np.bincount(groups.kinds, minlength=groups.classes).tolist()
        self.totals = np.bincount(groups.kinds, groups.items, minlength=groups.classes).astype(np.int64).tolist()
        self.room, self.pictures = list(targets), sum(targets)
        self.shares = [target / self.pictures for target in targets]
        self.has = [[0] * groups.classes for _ in targets]
        self.groups_left, self.empty = len(self.sizes), set(range(len(targets)))

    def deal(self) -> NDArray[np.int16]:
        ranks, groups = self.groups.ranks, self.groups
        large = np.flatnonzero((groups.sizes > 1) & (4 * groups.sizes > min(self.room)))
        for group in large[np.lexsort((ranks[large], -groups.sizes[large]))].tolist():
            self.put(group)
        order = np.lexsort((ranks[groups.owners], -groups.items, -groups.sizes[groups.owners], groups.kinds))
        starts = np.searchsorted(groups.kinds[order], np.arange(groups.classes + 1))
        while any(self.left):
            kind = min((left, kind) for kind, left in enumerate(self.left) if left)[1]
            for group in groups.owners[order[starts[kind] : starts[kind + 1]]].tolist():
                if self.sides[group] < 0:
                    self.put(group)
        empty = np.flatnonzero(self.sides < 0)
        for group in empty[np.lexsort((ranks[empty], -groups.sizes[empty]))].tolist():
            self.put(group)
        return self.sides

    def put(self, group: int) -> None:
        """Give ``group`` to the split that wants it most."""
        row = range(self.starts[group], self.starts[group + 1])
        side = self.choose(group, row)
        self.sides[group] = side
        self.empty.discard(side)
        self.groups_left -= 1
        self.room[side] -= self.sizes[group]
        for at in row:
            self.left[self.kinds[at]] -= 1
            self.has[side][self.kinds[at]] += self.items[at]

    def choose(self, group: int, row: range) -> int:
        every: Collection[int] = range(len(self.room))
        if self.empty and self.groups_left <= len(self.empty):
            every = sorted(self.empty)
        fits = [side for side in every if self.room[side] >= self.sizes[group]]
        if len(fits) == 1:
            return fits[0]
        if not fits:
            return max(every, key=lambda side: self.room[side])
        for kind in (self.kinds[at] for at in row):
            if self.left[kind] < len(self.room):  # the last chance of a split that has none
                without = [side for side in fits if not self.has[side][kind]]
                if without and self.left[kind] <= len(without):
                    fits = without
                    break
        return min(fits, key=lambda side: (self.cost(group, row, side), side))

    def cost(self, group: int, row: range, side: int) -> float:
        """By how much ``group`` would set ``side`` off its shares: squares of what is too much or too little.

        In units of what the side is to have, and of all there is: ten items too many are little to a large split,
        and much to a rare class.
        """
        share, size = self.shares[side], self.sizes[group]
        cost = size * (size - 2 * self.room[side]) / (share * self.pictures * self.pictures)
        for at in row:
            items, total = self.items[at], self.totals[self.kinds[at]]
            lacks = share * total - self.has[side][self.kinds[at]]
            cost += items * (items - 2 * lacks) / (share * total * total)
        return cost
