"""Annotations and pictures in, batches out.

Pictures are decoded when their turn comes, in worker processes. What a picture looks like in an epoch depends on
seed, epoch and its place in it, and on nothing else: a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.frames import Split
from tltpipe.errors import RunFailed, TltpipeError
from tltpipe.files import cpu_count

if TYPE_CHECKING:
    import torch

    from runtime.networks import Truth
    from runtime.recipe import Recipe, View


class Draw(NamedTuple):
    """A batch to be made: which pictures, in which epoch (0: as they are), and the place of the first in its epoch."""

    epoch: int
    place: int
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """``images`` uint8 [B, H, W, 3] RGB; for each picture ``boxes`` float32 [n, 4] in its pixels and ``labels`` [n].

    ``kept`` [n] says which of the picture's objects in the split these are: a view may lose some.
    """

    images: NDArray[np.uint8]
    boxes: list[NDArray[np.float32]]
    labels: list[NDArray[np.int64]]
    kept: list[NDArray[np.intp]] = field(default_factory=list)


@dataclass(frozen=True)
class Pictures:
    """Makes the batch of a Draw; lives in the worker processes.

    An error is returned, not raised: on its way out of a worker torch would wrap it in a traceback.
    """

    split: Split
    view: View
    seed: int | None = None
    """None: the pictures as they are."""

    def __getitem__(self, draw: Draw) -> Batch | TltpipeError:
        try:
            made = [self.one(draw.epoch, draw.place + at, index) for at, index in enumerate(draw.indices)]
        except TltpipeError as error:
            return error
        pixels, boxes, labels, kept = zip(*made, strict=True)
        return Batch(np.stack(pixels), list(boxes), list(labels), list(kept))

    def one(
        self, epoch: int, place: int, index: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64], NDArray[np.intp]]:
        """Pixels uint8 [H, W, 3], boxes float32 [n, 4], labels int64 [n] of picture ``index``, and which these are."""
        boxes, labels = self.split.objects(index)
        width, height = self.split.sizes[index].tolist()
        random = None if self.seed is None else np.random.default_rng((self.seed, epoch, place))
        pixels, boxes, kept = self.view(self.split.image(index), boxes, (width, height), random)
        return pixels, boxes, labels[kept], kept


@dataclass(frozen=True)
class Order:
    """The batches of ``epochs``, one after another: every picture once an epoch, shuffled by seed and epoch.

    All batches are full: the last of an epoch is filled up from its beginning. With several processes each takes
    every ``ranks``-th picture. One order runs through all epochs, so that workers never wait for one to start.
    """

    count: int
    batch: int
    epochs: range
    seed: int
    rank: int = 0
    ranks: int = 1

    @property
    def steps(self) -> int:
        """Batches an epoch, in each process."""
        return -(-self.count // (self.batch * self.ranks))

    def __iter__(self) -> Iterator[Draw]:
        for epoch in self.epochs:
            shuffled = np.random.default_rng((self.seed, epoch)).permutation(self.count)
            order = np.resize(shuffled, self.steps * self.batch * self.ranks).reshape(
                self.steps, self.ranks, self.batch
            )
            for step in range(self.steps):
                place = (step * self.ranks + self.rank) * self.batch
                yield Draw(epoch, place, tuple(order[step, self.rank].tolist()))


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
    recipe: Recipe, split: Split, epochs: range, *, rank: int = 0, ranks: int = 1
) -> tuple[Order, Pictures]:
    """How the recipe wants ``split`` shown: the order of pictures, and what becomes of each."""
    order = Order(len(split), recipe.batch_size, epochs, recipe.seed, rank, ranks)
    return order, Pictures(split, recipe.training_view, recipe.seed)


def for_validation(recipe: Recipe, split: Split) -> tuple[InOrder, Pictures]:
    """``split`` in order, neither shuffled nor augmented, in batches as evaluation wants them."""
    return InOrder(len(split), recipe.evaluation.batch_size), Pictures(split, recipe.plain_view)


def workers(recipe: Recipe, *, ranks: int = 1) -> int:
    """Processes that decode: as many as the recipe says, else all cores of this process but one, 1 to 8."""
    return recipe.workers or min(8, max(1, cpu_count() // ranks - 1))


def batches(pictures: Pictures, order: Iterable[Draw], *, workers: int) -> Generator[Batch]:
    """Make the batches of ``order`` in ``workers`` processes (0: in this one), a few ahead; close to end them.

    Raises the DataError that a worker met, and RunFailed when one was killed.
    """
    from torch.utils.data import DataLoader

    loader: DataLoader[Any] = DataLoader(
        pictures,  # type: ignore[arg-type]  # torch asks for an int as index, but hands over what the sampler gave
        sampler=order,
        batch_size=None,
        collate_fn=_as_it_is,
        num_workers=workers,
        worker_init_fn=_leave_signals_to_parent,
    )
    try:
        for item in loader:
            if isinstance(item, TltpipeError):
                raise item
            yield item
    except RuntimeError as failure:
        if "DataLoader worker" not in str(failure):
            raise
        hint = "most likely memory ran out: set n_workers or the batch size lower"
        raise RunFailed("a process that decodes pictures was killed", hint=hint) from failure


def _as_it_is(batch: Any) -> Any:
    """NumPy arrays travel from the workers by pipe: containers often have too little shared memory for tensors."""
    return batch


def _leave_signals_to_parent(_worker: int) -> None:
    """Ctrl-C reaches the whole group of processes; the parent ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, list[Truth]]:
    """``batch`` on ``device``: images float32 [B, 3, H, W] 0..255 (channels last in memory), and the truths."""
    import torch

    pixels = torch.from_numpy(batch.images).to(device, non_blocking=True)
    truths: list[Truth] = [
        {"boxes": torch.from_numpy(boxes).to(device), "labels": torch.from_numpy(labels).to(device)}
        for boxes, labels in zip(batch.boxes, batch.labels, strict=True)
    ]
    return pixels.permute(0, 3, 1, 2).float(), truths
