"""In which order the images of a split are shown: what goes into each batch of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Draw(NamedTuple):
    """A batch to be made: which pictures, in which epoch (0: as they are), and the place of the first in its epoch;
    ``step`` counts the batches of the epoch from 0, the same in all processes."""

    epoch: int
    place: int
    indices: tuple[int, ...]
    step: int = 0


@dataclass(frozen=True)
class Order:
    """The batches of ``epochs``, one after another: ``count`` pictures an epoch, shuffled by seed and epoch.

    Every picture comes once, unless ``sources`` (how many pictures each has, and how often they are shown) weigh
    unequally: then those of weight 2 come twice as often as those of weight 1, in an epoch as long. All batches are
    full: the last of an epoch is filled up from its beginning, unless not ``filled``. With several processes each
    takes every ``ranks``-th batch. ``start_step``: batches of the first epoch that were had before. One order runs
    through all epochs, so that workers never wait for one to start.
    """

    count: int
    batch: int
    epochs: range
    seed: int
    rank: int = 0
    ranks: int = 1
    start_step: int = 0
    sources: tuple[tuple[int, float], ...] = ()
    shuffled: bool = True
    filled: bool = True

    @property
    def steps(self) -> int:
        """Batches an epoch, in each process."""
        return -(-self.count // (self.batch * self.ranks))

    def __iter__(self) -> Iterator[Draw]:
        for epoch in self.epochs:
            pictures = self.pictures(epoch)
            order = np.resize(pictures, self.steps * self.batch * self.ranks)
            for step in range(self.start_step if epoch == self.epochs.start else 0, self.steps):
                place = (step * self.ranks + self.rank) * self.batch
                end = place + self.batch
                if not self.filled and place < self.count:
                    end = min(end, self.count)
                yield Draw(epoch, place, tuple(order[place:end].tolist()), step)

    def pictures(self, epoch: int) -> NDArray[np.int64]:
        """The pictures of ``epoch`` [count], in order."""
        random = np.random.default_rng((self.seed, epoch))
        if not self.shuffled:
            return np.arange(self.count)
        if len({weight for _, weight in self.sources}) < 2:
            return random.permutation(self.count)
        counts = np.array([count for count, _ in self.sources])
        shares = counts * [weight for _, weight in self.sources]
        # As many of each source as are due, whole ones first, then those of the largest remainders.
        due = shares * (self.count / shares.sum())
        shown = np.floor(due).astype(np.int64)
        shown[np.argsort(shown - due, kind="stable")[: self.count - shown.sum()]] += 1
        starts = np.cumsum(counts) - counts
        chosen = [
            start + np.resize(random.permutation(count), wanted)
            for start, count, wanted in zip(starts, counts, shown, strict=True)
            if count
        ]
        return random.permutation(np.concatenate(chosen))


def further(count: int, samples: int, sources: Sequence[tuple[int, float]], random: np.random.Generator) -> list[int]:
    """Draw ``count`` of ``samples`` beside those of an order: as often from each of ``sources`` as the order does."""
    if len({weight for _, weight in sources}) < 2:
        return [*map(int, random.integers(samples, size=count))]
    counts = np.array([each for each, _ in sources])
    shares = np.cumsum(counts * [weight for _, weight in sources])
    chosen = np.searchsorted(shares, random.random(count) * shares[-1], side="right")
    starts = np.cumsum(counts) - counts
    return [*map(int, starts[chosen] + random.integers(counts[chosen]))]


@dataclass(frozen=True)
class InOrder:
    """Every picture once, as it comes; the last batch may be smaller."""

    count: int
    batch: int

    @property
    def steps(self) -> int:
        return -(-self.count // self.batch)

    def __iter__(self) -> Iterator[Draw]:
        for start in range(0, self.count, self.batch):
            yield Draw(0, start, tuple(range(start, min(start + self.batch, self.count))))
