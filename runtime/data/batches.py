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
from runtime.data.fields import BOXES, Covering, Field, Fields, Large
from runtime.data.loading import Loader, Memory
from runtime.data.orders import Draw, InOrder, Order, further
from runtime.data.split import Split
from runtime.imaging.placement import ChangingView, Composed, CompositeView, Part, PastingView, Placement, Seen
from tltpipe.machine import cpu_count, worker_count

if TYPE_CHECKING:
    import torch

    from runtime.data.recipe import Recipe
    from runtime.imaging.placement import View
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
    """Makes the batch of a Draw; lives in the worker processes. ``size`` is the network's (height, width), or what
    those of a view that changes from batch to batch vary around; None where each image has its own."""

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
        view = self._view(draw)
        if self.size is not None and not self._large:
            return len(draw.indices) * self._bytes(view, self.size[::-1], 0)
        composite = self._composite(view)
        return sum(self._room(view, composite, draw, at) for at in range(len(draw.indices)))

    def most(self, draw: Draw) -> int:
        """What no batch of as many samples takes more than."""
        if self.size is not None and not self._large:
            return len(draw.indices) * self._bytes(self.view, self.size[::-1], 0)
        count = int(np.diff(self.split.starts).max()) if self.split.units is None else 1
        count *= self.view.most if isinstance(self.view, CompositeView) else 1
        sizes = np.unique(self.split.sizes, axis=0).tolist()
        return len(draw.indices) * max(self._bytes(self.view, (width, height), count) for width, height in sizes)

    def _room(self, view: View, composite: CompositeView | None, draw: Draw, at: int) -> int:
        samples = self._samples(composite, draw.indices[at], self._random(draw, at))
        things = [self._sample(index)[1] for index in samples]
        stored = self._stored(self._sample(samples[0])[0])
        return self._bytes(view, stored, sum(each.stop - each.start for each in things))

    def _bytes(self, view: View, stored: Size, count: int) -> int:
        """Of an image of ``stored`` (width, height) with ``count`` objects."""
        width, height = view.bound(stored)
        return width * height * 3 + sum(each.room(count, (width, height)) for each in self._large.values())

    def images(self, draw: Draw) -> list[int]:
        """Places in the split of all images that a batch shows, those beside others too."""
        composite = self._composite(self._view(draw))
        shown = (self._samples(composite, index, self._random(draw, at)) for at, index in enumerate(draw.indices))
        return [self._sample(index)[0] for samples in shown for index in samples]

    def make(self, draw: Draw, memory: Memory) -> Rest:
        targets: list[Target] = []
        placements: list[Placement] = []
        counts: list[int] = []
        end, view = 0, self._view(draw)
        composite = self._composite(view)
        for at in range(len(draw.indices)):
            (pixels, parts), target = self._one(view, composite, draw, at)
            end = _put(memory, end, pixels)
            placements.append(parts[0].placement)
            counts.append(sum(len(seen.kept) for seen in parts))
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
            size = sizes[0][::-1]
            images = pieces(len(sizes) * prod(size) * 3).reshape(-1, *size, 3)
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

    def _one(self, view: View, composite: CompositeView | None, draw: Draw, at: int) -> tuple[Composed, Target]:
        """What is seen of sample ``at`` of a batch, alone or with others, and its target."""
        random = self._random(draw, at)
        samples = [self._sample(index) for index in self._samples(composite, draw.indices[at], random)]
        parts = [self._part(image, things) for image, things in samples]
        if len(parts) > 1 and composite is not None and random is not None:
            composed = composite.composed(parts, random)
        else:
            seen = self._seen(view, parts[0], samples[0][0], random)
            composed = Composed(seen.pixels, (seen,))
        target = {}
        for name, each, column, joined in self._parts:
            placed = [
                each.placed(column.take(things.start + seen.kept if joined else np.array([image])), seen)
                for (image, things), seen in zip(samples, composed.parts, strict=True)
            ]
            target[name] = placed[0] if len(placed) == 1 else np.concatenate(placed)
        return composed, target

    def _seen(self, view: View, part: Part, image: int, random: np.random.Generator | None) -> Seen:
        if random is None or self._covering is None or not isinstance(view, PastingView):
            return view(*part, random)
        each, column = self._covering
        return view.pasted(part, lambda: each.cover(column.take(np.array([image])), part.size), random)

    @cached_property
    def _covering(self) -> tuple[Covering, Column] | None:
        """The field that says which pixels are of objects, and its column."""
        return next(((each, column) for _, each, column, _ in self._parts if isinstance(each, Covering)), None)

    def _part(self, image: int, things: slice) -> Part:
        boxes = self.split.boxes[things] if "boxes" in self.split.columns else _NO_BOXES
        return Part(self.split.image(image), boxes, self._stored(image))

    def _view(self, draw: Draw) -> View:
        """What a batch is shown with."""
        if self._changing is None or self.seed is None:
            return self.view
        return self._changing.at(draw.epoch, self.seed, draw.step)

    @cached_property
    def _changing(self) -> ChangingView | None:
        return self.view if isinstance(self.view, ChangingView) else None

    def _random(self, draw: Draw, at: int) -> np.random.Generator | None:
        """For sample ``at`` of a batch."""
        return None if self.seed is None else np.random.default_rng((self.seed, draw.epoch, draw.place + at))

    def _composite(self, view: View) -> CompositeView | None:
        return view if self.seed is not None and isinstance(view, CompositeView) else None

    def _samples(self, view: CompositeView | None, index: int, random: np.random.Generator | None) -> list[int]:
        """Sample ``index`` and those that ``view`` shows beside it; the first thing that is drawn for an image."""
        if view is None or random is None:
            return [index]
        return [index, *further(view.further(random), self.split.samples, self.split.sources, random)]

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
        if isinstance(self.view, CompositeView) and any(each.per == "image" for _, each in given):
            raise TypeError("a view of several images has no place for fields of one image")
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
