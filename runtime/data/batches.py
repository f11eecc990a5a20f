"""Annotations and pictures in, batches out.

Pictures are decoded when their turn comes, in worker processes. What a picture looks like in an epoch depends on
seed, epoch and its place in it, and on nothing else: a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.data.frames import Split
from runtime.data.loading import Loader, Memory
from runtime.tasks import Target
from tltpipe.machine import cpu_count, worker_count

if TYPE_CHECKING:
    import torch

    from runtime.data.recipe import Recipe
    from runtime.imaging.placement import View


class Draw(NamedTuple):
    """A batch to be made: which pictures, in which epoch (0: as they are), and the place of the first in its epoch."""

    epoch: int
    place: int
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """``images`` uint8 [B, H, W, 3] RGB, and for each picture its target (``runtime.tasks``): the fields "boxes"
    float32 [n, 4] in its pixels, "labels" int64 [n] from 1 and "difficult" bool [n], whether the object is marked as
    occluded. ``indices`` [B] are the pictures' places in the split.
    """

    images: NDArray[np.uint8]
    targets: list[Target]
    indices: tuple[int, ...] = ()


class Objects(NamedTuple):
    """The targets of a batch, field by field: arrays of all pictures, one after the other; ``counts`` [B] says how many
    objects each has."""

    fields: dict[str, NDArray[Any]]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Pictures:
    """Makes the batch of a Draw; lives in the worker processes. ``size`` is the network's (height, width)."""

    split: Split
    view: View
    size: tuple[int, int]
    seed: int | None = None
    """None: the pictures as they are."""

    def __getitem__(self, draw: Draw) -> Batch:
        """Raises DataError naming the picture that cannot be used."""
        memory = np.empty(self.room(draw), np.uint8)
        return self.whole(draw, memory, self.make(draw, memory))

    def room(self, draw: Draw) -> int:
        return len(draw.indices) * prod(self.size) * 3

    def make(self, draw: Draw, memory: Memory) -> Objects:
        images = memory.reshape(-1, *self.size, 3)
        targets = []
        for at, index in enumerate(draw.indices):
            images[at], target = self.one(draw.epoch, draw.place + at, index)
            targets.append(target)
        joined = {name: np.concatenate([target[name] for target in targets]) for name in targets[0]}
        return Objects(joined, tuple(len(target["labels"]) for target in targets))

    def whole(self, draw: Draw, memory: Memory, rest: Objects) -> Batch:
        ends = np.cumsum(rest.counts).tolist()
        parts = [slice(end - count, end) for end, count in zip(ends, rest.counts, strict=True)]
        targets: list[Target] = [{name: values[part] for name, values in rest.fields.items()} for part in parts]
        return Batch(memory.reshape(-1, *self.size, 3), targets, draw.indices)

    def one(self, epoch: int, place: int, index: int) -> tuple[NDArray[np.uint8], Target]:
        """Pixels uint8 [H, W, 3] and the target of picture ``index``."""
        boxes, labels = self.split.objects(index)
        width, height = self.split.sizes[index].tolist()
        random = None if self.seed is None else np.random.default_rng((self.seed, epoch, place))
        pixels, _, kept, boxes = self.view(self.split.image(index), boxes, (width, height), random)
        return pixels, {"boxes": boxes, "labels": labels[kept], "difficult": self.split.hard(index)[kept]}


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
                yield Draw(epoch, place, tuple(order[place:end].tolist()))

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


def for_training(
    recipe: Recipe, split: Split, epochs: range, *, rank: int = 0, ranks: int = 1, start_step: int = 0
) -> tuple[Order, Pictures]:
    """How the recipe wants ``split`` shown: the order of pictures, and what becomes of each."""
    order = Order(
        len(split), recipe.batch_size, epochs, recipe.seed, rank, ranks, start_step,
        sources=split.sources, shuffled=recipe.data.shuffled, filled=not recipe.strict,
    )  # fmt: skip
    return order, Pictures(split, recipe.training_view, _size(recipe), recipe.seed)


def for_validation(recipe: Recipe, split: Split) -> tuple[InOrder, Pictures]:
    """``split`` in order, neither shuffled nor augmented, in batches as evaluation wants them."""
    return InOrder(len(split), recipe.evaluation.batch_size), Pictures(split, recipe.plain_view, _size(recipe))


def _size(recipe: Recipe) -> tuple[int, int]:
    assert recipe.size is not None
    return recipe.size


def workers(recipe: Recipe, *, ranks: int = 1) -> int:
    """Processes that decode: as many as the recipe says, else all cores of this process but one, 1 to 8; fewer where
    memory is short."""
    return recipe.workers or max(1, min(8, cpu_count() // ranks - 1, worker_count() // ranks))


def batches(pictures: Pictures, order: Iterable[Draw], *, workers: int) -> Loader[Draw, Batch]:
    """The batches of ``order``, made in ``workers`` processes (0: in this one), a few ahead; close to end them.

    ``waited`` counts the seconds for which none was ready. Raises the DataError that a worker met, and RunFailed
    when one was killed.
    """
    return Loader(pictures, order, workers=workers)


def tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    """``batch`` on ``device``: images float32 [B, 3, H, W] 0..255 (channels last in memory), and the truths.

    A GPU gets all of it in three copies from pinned memory, beside what it is computing.
    """
    import torch

    def there(array: NDArray[Any]) -> torch.Tensor:
        here = torch.from_numpy(array)
        return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)

    counts = [len(target["labels"]) for target in batch.targets]
    fields = {
        name: there(np.concatenate([target[name] for target in batch.targets])).split(counts)  # type: ignore[no-untyped-call]
        for name in ("boxes", "labels")
    }
    truths = [{name: parts[at] for name, parts in fields.items()} for at in range(len(counts))]
    return there(batch.images).permute(0, 3, 1, 2).float(), truths
