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
from runtime.inference import fan_out, packing
from runtime.inference.backends import ModelRequest
from runtime.inference.fan_out import Opening, Work, absolute
from runtime.inference.packing import Packed
from runtime.tasks import Example, ImageInfo, Metrics
from tltpipe import journal
from tltpipe.errors import DataError, UsageError
from tltpipe.executors import VARIABLE
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
    """What came of a chunk, and what the model was and where it ran."""

    batches: list[PackedBatch]
    about: str


def shared(
    model: Path, request: ModelRequest, split: Split, classes: Sequence[str], target: Path | None, boxes: Path | None
) -> Work[Samples, Done] | None:
    """What workers do of a validation on ``split`` of the ``model`` that ``request``, which has a recipe, opens; None
    where it is not shared. Raises UsageError where nothing can be written, so that there is no ``target``."""
    return fan_out.shared(target, lambda: _work(model, request, split, classes, target, boxes))


def run_validation(
    work: Work[Samples, Done], recipe: Recipe, split: Split, metrics: Metrics, *, progress: Progress, truth: Split
) -> Validation:
    """As ``runtime.evaluation.validation.run_validation``, by ``work``."""
    ran_on: dict[str, None] = {}

    def seen(entries: Iterator[tuple[int, Done]]) -> Iterator[Seen]:
        for _, done in entries:
            ran_on[done.about] = None
            yield from (_unpacked(batch, split) for batch in done.batches)

    with work.entries(progress) as entries, _named_as_given(split):
        validation = measure(seen(entries), recipe, split, metrics, progress=progress, truth=truth)
    return replace(validation, ran_on=tuple(ran_on))


def _work(
    model: Path, request: ModelRequest, split: Split, classes: Sequence[str], target: Path | None, boxes: Path | None
) -> Work[Samples, Done]:
    if target is None:
        what = f"the workers of {VARIABLE} leave what they predict in files, and there is no folder for results"
        raise UsageError(what, hint="name one with -r DIR")
    recipe, opening = request.recipe, Opening(absolute(model), fan_out.for_workers(request))
    assert recipe is not None
    step = fan_out.size(split.samples, recipe.evaluation.batch_size)
    job = Job(opening, tuple(classes), tuple(map(absolute, split.roots)), split.fields)
    annotations = [Path(each.annotations) for each in recipe.data.validation or recipe.data.training]
    inputs = [model, *split.roots, *annotations, *([boxes] if boxes else [])]
    identity = journal.identity(opening.identity(), job.classes, inputs, split.samples, len(split), step)
    return Work(partial(_predict, job), _cut(split, step), Done, target, inputs, identity, request.device)


def _cut(split: Split, step: int) -> Iterator[Samples]:
    for number, first in enumerate(range(0, split.samples, step)):
        part, image = split.part(first, min(first + step, split.samples))
        yield Samples(number, first, image, replace(part, roots=(), fields={}))


def _predict(job: Job, chunk: Samples) -> Done:
    """In a worker: what comes of a chunk."""
    model, request = job.opening.model(), job.opening.request
    assert request.recipe is not None
    task = tasks.load(networks.load(request.network).TASK)
    split = replace(chunk.split, roots=job.roots, fields=job.fields)
    batches = predicted(
        lambda batch: (model(batch.images), 0.0), task, request.recipe, split, job.classes, workers=0,
        examples=max(0, EXAMPLES - chunk.first),
    )  # fmt: skip
    return Done([_packed(batch, chunk.image) for batch in batches], model.about)


def _packed(batch: Seen, first: int) -> PackedBatch:
    """``first`` images of the split come before those of its part."""
    images = []
    for image in batch.images:
        assert image.placement is not None
        matrix, size = image.placement.matrix.ravel().tolist(), image.placement.size
        images.append(PackedImage(first + image.number, image.input_size, matrix, size))
    examples = [
        PackedExample(packing.pack_one(each.pixels), packing.pack(each.target), packing.pack(each.prediction or {}))
        for each in batch.examples
    ]
    return PackedBatch([*map(packing.pack, batch.predictions)], [*map(packing.pack, batch.targets)], images, examples)


def _unpacked(batch: PackedBatch, split: Split) -> Seen:
    examples = [
        Example(packing.unpack_one(each.pixels), packing.unpack(each.target), packing.unpack(each.prediction))
        for each in batch.examples
    ]
    images = [_image(each, split) for each in batch.images]
    predictions, targets = ([*map(packing.unpack, each)] for each in (batch.predictions, batch.targets))
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
