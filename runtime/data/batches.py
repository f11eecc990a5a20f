"""Annotations and pictures in, batches out.

Pictures are decoded when their turn comes, in worker processes. What a picture looks like in an epoch depends on
seed, epoch and its place in it, and on nothing else: a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.data.columns import Column
from runtime.data.fields import BOXES, Field, Fields, Large
from runtime.data.loading import Loader, Memory
from runtime.data.orders import Draw, InOrder, Order
from runtime.data.split import Split
from runtime.imaging.placement import Placement
from tltpipe.machine import cpu_count, worker_count

if TYPE_CHECKING:
    import torch

    from runtime.data.recipe import Recipe
    from runtime.imaging.placement import Seen, View
    from runtime.imaging.transforms import Size
    from runtime.tasks import Target


@dataclass(frozen=True)
class Batch:
    """``images`` uint8 [B, H, W, 3] RGB, a list of [H, W, 3] where each has a size of its own, and for each its target:
    the arrays that ``fields`` name, in its pixels. ``indices`` [B] are the images' places in the split,
    ``placements`` [B] say where the images come to lie.
    """

    images: NDArray[np.uint8] | list[NDArray[np.uint8]]
    targets: list[Target]
    indices: tuple[int, ...] = ()
    fields: Fields = field(default_factory=lambda: BOXES)
    placements: tuple[Placement, ...] = ()


class Rest(NamedTuple):
    """What of a batch goes by pipe: ``counts`` [B] of objects, the small fields (those of objects joined in one array,
    those of images in a list), and the placements: ``matrices`` [B, 3, 3], ``sizes`` (width, height) of inputs."""

    counts: tuple[int, ...]
    small: dict[str, Any]
    matrices: NDArray[np.float64]
    sizes: tuple[Size, ...]


@dataclass(frozen=True)
class Pictures:
    """Makes the batch of a Draw; lives in the worker processes. ``size`` is the network's (height, width), None where
    each image has its own."""

    split: Split
    view: View
    size: tuple[int, int] | None
    seed: int | None = None
    """Of training; None: the images as they are, with all fields."""

    def __getitem__(self, draw: Draw) -> Batch:
        """Raises DataError naming the image that cannot be used."""
        memory = np.empty(self.room(draw), np.uint8)
        return self.whole(draw, memory, self.make(draw, memory))

    def room(self, draw: Draw) -> int:
        """An upper bound, known before anything is decoded."""
        if self.size is not None and not self._large:
            return len(draw.indices) * prod(self.size) * 3
        return sum(map(self._room, draw.indices))

    def most(self, draw: Draw) -> int:
        """What no batch of as many samples takes more than."""
        if self.size is not None and not self._large:
            return self.room(draw)
        count = int(np.diff(self.split.starts).max()) if self.split.units is None else 1
        sizes = np.unique(self.split.sizes, axis=0).tolist()
        return len(draw.indices) * max(self._bytes((width, height), count) for width, height in sizes)

    def _room(self, index: int) -> int:
        image, things = self._sample(index)
        return self._bytes(self._stored(image), things.stop - things.start)

    def _bytes(self, stored: Size, count: int) -> int:
        """Of an image of ``stored`` (width, height) with ``count`` objects."""
        width, height = self.size[::-1] if self.size is not None else self.view.bound(stored)
        return width * height * 3 + sum(each.room(count, (width, height)) for each in self._large.values())

    def make(self, draw: Draw, memory: Memory) -> Rest:
        targets: list[Target] = []
        placements: list[Placement] = []
        counts: list[int] = []
        end = 0
        for at, index in enumerate(draw.indices):
            seen, target = self.one(draw.epoch, draw.place + at, index)
            end = _put(memory, end, seen.pixels)
            placements.append(seen.placement)
            counts.append(len(seen.kept))
            targets.append(target)
        for name, each in self._large.items():
            for target in targets:
                end = _put(memory, end, each.packed(target[name]))
        small = {
            name: np.concatenate(values) if joined else values
            for name, _, _, joined in self._parts
            if name not in self._large and (values := [target[name] for target in targets])
        }
        matrices = np.stack([placement.matrix for placement in placements])
        return Rest(tuple(counts), small, matrices, tuple(placement.size for placement in placements))

    def whole(self, draw: Draw, memory: Memory, rest: Rest) -> Batch:
        sizes, pieces = rest.sizes, _pieces(memory)
        images: NDArray[np.uint8] | list[NDArray[np.uint8]]
        if self.size is not None:
            images = pieces(len(sizes) * prod(self.size) * 3).reshape(-1, *self.size, 3)
        else:
            images = [pieces(width * height * 3).reshape(height, width, 3) for width, height in sizes]
        columns: dict[str, Sequence[NDArray[Any]]] = {}
        for name, each in self._large.items():
            whose = zip(rest.counts, sizes, strict=True)
            columns[name] = [each.unpacked(pieces(each.room(count, size)), count, size) for count, size in whose]
        for name, values in rest.small.items():
            joined = self.split.fields[name].per == "object"
            columns[name] = _parted(values, rest.counts) if joined else values
        targets: list[Target] = [
            {name: columns[name][at] for name, *_ in self._parts} for at in range(len(draw.indices))
        ]
        shown = tuple(self._sample(index)[0] for index in draw.indices)
        placements = tuple(map(Placement, rest.matrices, sizes, map(self._stored, shown)))
        return Batch(images, targets, shown, self.split.fields, placements)

    def one(self, epoch: int, place: int, index: int) -> tuple[Seen, Target]:
        """What is seen of sample ``index``, and its target."""
        image, things = self._sample(index)
        boxes = self.split.boxes[things] if "boxes" in self.split.columns else _NO_BOXES
        random = None if self.seed is None else np.random.default_rng((self.seed, epoch, place))
        seen = self.view(self.split.image(image), boxes, self._stored(image), random)
        kept, target = things.start + seen.kept, {}
        for name, each, column, joined in self._parts:
            target[name] = each.placed(column.take(kept if joined else np.array([image])), seen)
        return seen, target

    def _sample(self, index: int) -> tuple[int, slice]:
        """The image of sample ``index``, and the places of its objects."""
        if self.split.units is None:
            return index, self.split.places(index)
        image, thing = self.split.units[index].tolist()
        return image, slice(thing, thing + 1)

    def _stored(self, image: int) -> tuple[int, int]:
        width, height = self.split.sizes[image].tolist()
        return width, height

    @cached_property
    def _parts(self) -> list[tuple[str, Field, Column, bool]]:
        """Fields with their columns, and whether they are of objects; in training those alone that the model gets."""
        given = [(name, each) for name, each in self.split.fields.items() if each.to_model or self.seed is None]
        return [(name, each, self.split.columns[name], each.per == "object") for name, each in given]

    @cached_property
    def _large(self) -> dict[str, Large]:
        return {name: each for name, each, _, _ in self._parts if isinstance(each, Large)}


_NO_BOXES = np.zeros((0, 4), np.float32)


def _put(memory: Memory, start: int, data: NDArray[np.uint8]) -> int:
    """Write ``data`` at ``start``; returns where it ends."""
    end = start + data.size
    memory[start:end].reshape(data.shape)[...] = data
    return end


def _pieces(memory: Memory) -> Callable[[int], Memory]:
    """What gives the next so many bytes of ``memory`` each time."""
    end = 0

    def piece(size: int) -> Memory:
        nonlocal end
        end += size
        return memory[end - size : end]

    return piece


def _parted(values: NDArray[Any], counts: Sequence[int]) -> list[NDArray[Any]]:
    """``values`` of all images by image: ``counts`` each."""
    return [values[end - count : end] for end, count in zip(np.cumsum(counts).tolist(), counts, strict=True)]


def for_training(
    recipe: Recipe, split: Split, epochs: range, *, rank: int = 0, ranks: int = 1, start_step: int = 0
) -> tuple[Order, Pictures]:
    """How the recipe wants ``split`` shown: the order of pictures, and what becomes of each."""
    order = Order(
        split.samples, recipe.batch_size, epochs, recipe.seed, rank, ranks, start_step,
        sources=split.sources, shuffled=recipe.data.shuffled, filled=not recipe.strict,
    )  # fmt: skip
    return order, Pictures(split, recipe.training_view, recipe.size, recipe.seed)


def for_validation(recipe: Recipe, split: Split) -> tuple[InOrder, Pictures]:
    """``split`` in order, neither shuffled nor augmented, in batches as evaluation wants them."""
    return InOrder(split.samples, recipe.evaluation.batch_size), Pictures(split, recipe.plain_view, recipe.size)


def workers(recipe: Recipe, *, ranks: int = 1) -> int:
    """Processes that decode: as many as the recipe says, else all cores of this process but one, 1 to 8; fewer where
    memory is short."""
    return recipe.workers or max(1, min(8, cpu_count() // ranks - 1, worker_count() // ranks))


def batches(pictures: Pictures, order: Iterable[Draw], *, workers: int) -> Loader[Draw, Batch]:
    """The batches of ``order``, made in ``workers`` processes (0: in this one), a few ahead; close to end them.

    ``waited`` counts the seconds for which none was ready. Raises the DataError that a worker met, and RunFailed
    when one was killed.
    """
    return Loader(pictures, order, workers=workers, most=pictures.most)


def tensors(
    batch: Batch, device: torch.device
) -> tuple[torch.Tensor | list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """``batch`` on ``device``: images float32 [B, 3, H, W] 0..255 (channels last in memory), or a list of [3, H, W],
    and for each its target, of the fields that a model gets.

    A GPU gets every field in one copy from pinned memory, beside what it is computing.
    """
    import torch

    def there(array: NDArray[Any]) -> torch.Tensor:
        here = torch.from_numpy(array)
        return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)

    columns: dict[str, Sequence[torch.Tensor]] = {}
    for name, each in batch.fields.items():
        arrays = [target[name] for target in batch.targets if name in target]
        if each.to_model and arrays:
            joined = each.per == "object" and not isinstance(each, Large)
            counts = [len(array) for array in arrays] if joined else []
            columns[name] = there(np.concatenate(arrays)).split(counts) if joined else [*map(there, arrays)]  # type: ignore[no-untyped-call]
    targets = [{name: parts[at] for name, parts in columns.items()} for at in range(len(batch.targets))]
    if isinstance(batch.images, list):
        return [there(image).permute(2, 0, 1).float() for image in batch.images], targets
    return there(batch.images).permute(0, 3, 1, 2).float(), targets
