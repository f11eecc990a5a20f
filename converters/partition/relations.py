"""What makes pictures belong together, and which groups come of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.pictures import perceptual


@dataclass(frozen=True)
class Relation:
    """Pictures that have something in common: picture ``owners[i]`` has ``labels[i]``; one may have several."""

    owners: NDArray[np.int32]
    labels: NDArray[np.uint64]

    def edges(self) -> NDArray[np.int64]:
        """Pairs of pictures that chain those of each label, of shape (n, 2)."""
        order = np.lexsort((self.owners, self.labels))
        owners, labels = self.owners[order].astype(np.int64), self.labels[order]
        same = labels[1:] == labels[:-1]
        return np.stack([owners[:-1][same], owners[1:][same]], axis=1)

    def several(self) -> Relation:
        """Without labels that only one entry has."""
        _, inverse, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        keep = counts[inverse] > 1
        return Relation(self.owners[keep], self.labels[keep])

    def torn(self, sides: NDArray[np.int16]) -> Relation:
        """Only the labels that pictures on two sides or more have."""
        found, inverse = np.unique(self.labels, return_inverse=True)
        low, high = np.full(len(found), np.iinfo(np.int16).max, np.int16), np.full(len(found), -1, np.int16)
        np.minimum.at(low, inverse, sides[self.owners])
        np.maximum.at(high, inverse, sides[self.owners])
        keep = (low < high)[inverse]
        return Relation(self.owners[keep], self.labels[keep])

    def __len__(self) -> int:
        """How many labels there are."""
        return len(np.unique(self.labels))


def alike(looks: NDArray[np.uint64], distance: int) -> Relation:
    """Pictures that look alike, or like one that does."""
    labels = components(len(looks), perceptual.pairs(looks, distance))
    found = Relation(np.arange(len(looks), dtype=np.int32), labels.astype(np.uint64))
    return found.several()


def joined(count: int, relations: Sequence[Relation]) -> NDArray[np.int64]:
    """For each of ``count`` pictures the number of its group, from 0: what any relation joins is in one group."""
    labels = components(count, [relation.edges() for relation in relations])
    found: NDArray[np.int64] = np.unique(labels, return_inverse=True)[1]
    return found


def components(count: int, edges: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The smallest node that each of ``count`` nodes is connected to by ``edges``, arrays of shape (n, 2).

    Trees are hooked on lower roots and flattened, all at once (Shiloach and Vishkin 1982).
    """
    parent = np.arange(count)
    for block in edges:
        left, right = block[:, 0], block[:, 1]
        while len(left):
            one, other = parent[left], parent[right]
            apart = one != other
            left, right, one, other = left[apart], right[apart], one[apart], other[apart]
            np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
            while not np.array_equal(above := parent[parent], parent):
                parent = above
    return parent
