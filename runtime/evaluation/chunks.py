"""A validation by the workers of an executor: they decode and predict, and the process that gave them the work measures
what comes back, batch by batch, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runtime import networks, tasks
from runtime.evaluation.validation import EXAMPLES, Seen, Validation, measure, predicted
from runtime.imaging.placement import Placement
from runtime.inference import fan_out
from runtime.inference.backends import ModelRequest
from runtime.inference.fan_out import Opening, Packed, Place, absolute
from runtime.tasks import Example, ImageInfo, Metrics
from tltpipe import plain
from tltpipe.errors import DataError, UsageError
from tltpipe.executors import VARIABLE
from tltpipe.journal import Journal
from tltpipe.progress import Progress

if TYPE_CHECKING:
    from runtime.data.fields import Fields
    from runtime.data.recipe import Recipe
    from runtime.data.split import Split


@dataclass(frozen=True)
class Job:
    """What all chunks have in common: the model, and of the split what does not grow with it."""

    opening: Opening
    classes: tuple[str, ...]
    roots: tuple[Path, ...]
    fields: Fields


@dataclass(frozen=True)
class Samples:
    """A chunk: ``split`` has neither roots nor fields; ``first`` is the place of its first sample among all, ``image``
    that of its first image."""

    number: int
    first: int
    image: int
    split: Split


@dataclass
class PackedImage:
    """``runtime.tasks.ImageInfo``, with the ``matrix`` of its placement on an input of ``size``, (width, height)."""

    number: int
    input_size: tuple[int, int]
    matrix: list[float]
    size: tuple[int, int]


@dataclass
class PackedExample:
    pixels: Packed
    target: dict[str, Packed]
    prediction: dict[str, Packed]


@dataclass
class PackedBatch:
    predictions: list[dict[str, Packed]]
    targets: list[dict[str, Packed]]
    images: list[PackedImage]
    examples: list[PackedExample]


@dataclass
class Done:
    batches: list[PackedBatch]


def place(target: Path | None, recipe: Recipe, split: Split, model: Path, boxes: Path | None) -> Place:
    """Where workers note what they predict, beside ``target``. Raises UsageError where nothing can be written."""
    if target is None:
        what = f"the workers of {VARIABLE} leave what they predict in files, and there is no folder for results"
        raise UsageError(what, hint="name one with -r DIR")
    sources = recipe.data.validation or recipe.data.training
    annotations = [Path(each.annotations) for each in sources]
    return Place(target, [model, *split.roots, *annotations, *([boxes] if boxes else [])])


def run_validation(
    model: Path, request: ModelRequest, split: Split, metrics: Metrics, classes: Sequence[str], where: Place, *,
    progress: Progress, truth: Split,
) -> Validation:  # fmt: skip
    """As ``runtime.evaluation.validation.run_validation`` with ``model``, opened by ``request``, which has a recipe."""
    recipe, opening = request.recipe, Opening(absolute(model), fan_out.for_workers(request))
    assert recipe is not None
    step = fan_out.size(recipe.evaluation.batch_size)
    job = Job(opening, tuple(classes), tuple(map(absolute, split.roots)), split.fields)
    identity = plain.identity(opening.identity(), job.classes, job.roots, split.samples, len(split), step)
    chunks, task = _cut(split, step), partial(_predict, job)
    with (
        fan_out.entries(task, chunks, Done, where, identity, progress) as entries,
        _named_as_given(split),
    ):
        seen = (_unpacked(batch, split) for _, done in entries for batch in done.batches)
        return measure(seen, recipe, split, metrics, progress=progress, truth=truth)


def _cut(split: Split, step: int) -> Iterator[Samples]:
    for number, first in enumerate(range(0, split.samples, step)):
        part, image = split.part(first, min(first + step, split.samples))
        yield Samples(number, first, image, replace(part, roots=(), fields={}))


def _predict(job: Job, journal: Journal, chunk: Samples) -> int:
    """In a worker: a chunk."""
    model, request = job.opening.model(), job.opening.request
    assert request.recipe is not None
    task = tasks.load(networks.load(request.network).TASK)
    split = replace(chunk.split, roots=job.roots, fields=job.fields)
    batches = predicted(
        lambda batch: (model(batch.images), 0.0), task, request.recipe, split, job.classes, workers=0,
        examples=max(0, EXAMPLES - chunk.first),
    )  # fmt: skip
    journal.note(chunk.number, Done([_packed(batch, chunk.image) for batch in batches]))
    return chunk.number


def _packed(batch: Seen, first: int) -> PackedBatch:
    """``first`` images of the split come before those of its part."""
    images = []
    for image in batch.images:
        assert image.placement is not None
        matrix, size = image.placement.matrix.ravel().tolist(), image.placement.size
        images.append(PackedImage(first + image.number, image.input_size, matrix, size))
    examples = [
        PackedExample(fan_out.pack_one(each.pixels), fan_out.pack(each.target), fan_out.pack(each.prediction or {}))
        for each in batch.examples
    ]
    return PackedBatch([*map(fan_out.pack, batch.predictions)], [*map(fan_out.pack, batch.targets)], images, examples)


def _unpacked(batch: PackedBatch, split: Split) -> Seen:
    examples = [
        Example(fan_out.unpack_one(each.pixels), fan_out.unpack(each.target), fan_out.unpack(each.prediction))
        for each in batch.examples
    ]
    images = [_image(each, split) for each in batch.images]
    predictions, targets = ([*map(fan_out.unpack, each)] for each in (batch.predictions, batch.targets))
    return Seen(predictions, targets, images, 0.0, examples)


def _image(packed: PackedImage, split: Split) -> ImageInfo:
    width, height = split.sizes[packed.number].tolist()
    placement = Placement(np.array(packed.matrix).reshape(3, 3), packed.size, (width, height))
    return ImageInfo(split.name(packed.number), (width, height), packed.input_size, placement, packed.number)


@contextmanager
def _named_as_given(split: Split) -> Iterator[None]:
    """An image that cannot be read has the path by which it is known here, which may not be absolute."""
    try:
        yield
    except DataError as error:
        for root in split.roots:
            if str(error.where).startswith(str(absolute(root))):
                error.where = str(error.where).replace(str(absolute(root)), str(root), 1)
                break
        raise
