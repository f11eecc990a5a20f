"""Data sets of the formats that ``converters`` reads, for training: COCO, YOLO, VOC, DeepFashion2, ..."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

import converters
from converters.model import Dataset, Object
from converters.model.findings import Findings
from converters.transfer import opening
from runtime.data.columns import Annotated
from runtime.data.recipe import Source
from tltpipe.errors import DataError, UsageError

SPLITS = {"training": "train", "validation": "validation"}
"""What the split of a data set is called that holds several of them."""


def opened(source: Source, what: str, *, trained_on: bool = False) -> Dataset:
    """The data set that ``source`` names; of several splits that of ``what`` ("training", "validation").

    ``trained_on``: the same data set is named for training, so that its only split is none to validate on. Raises
    DataError where there is none, or nobody says what is on its images.
    """
    path = Path(source.annotations)
    format = None if source.format == "auto" else source.format
    try:
        _, found = converters.splits(path, format, images=source.images)
        if trained_on and len(found) == 1:
            hint = "give it a split for validation, such as val in data.yaml, or name other data to validate on"
            raise DataError("its only split is trained on: there is none for validation", where=path, hint=hint)
        dataset = opening.one(found, path, None if len(found) == 1 else SPLITS[what])
    except UsageError as problem:  # whoever wrote the spec is not at the command line
        raise DataError(problem.what, where=problem.where or path, hint=problem.hint) from None
    if not dataset.annotated:
        raise DataError("these images have no annotations", where=path, hint="annotate them to train on them")
    return dataset


def of_dataset(dataset: Dataset, folder: Path, findings: Findings) -> Iterator[Annotated]:
    """The images of ``dataset``, by their paths below ``folder``; what is odd goes to ``findings``.

    Raises DataError with its place for what cannot be read.
    """
    pictures = dataset.pictures
    locate = getattr(pictures, "locate", None)
    above = f"{folder}/"
    for key in pictures.keys():  # noqa: SIM118 - no mapping
        sample = pictures.load(key, findings)
        boxes = np.array([_corners(thing) for thing in sample.objects], np.float32).reshape(-1, 4)
        classes = [thing.category for thing in sample.objects]
        difficult = [thing.occlusion > 0 for thing in sample.objects]
        name = sample.image_path.removeprefix(above)
        yield Annotated(
            name, sample.width, sample.height, classes, boxes, difficult,
            file=sample.annotations, sample=sample, slots=dataset.keypoints,
            locate=partial(locate, key) if locate is not None else None, attributes=dataset.attributes,
        )  # fmt: skip


def folder(source: Source, dataset: Dataset) -> Path:
    """The folder that the paths of the images of ``dataset`` are kept below."""
    if source.images is not None:
        return source.images
    path = Path(source.annotations)
    first = next(iter(dataset.pictures.keys()), None)
    if first is None:
        return path
    sample = dataset.pictures.load(first, Findings())
    return Path(sample.image_path.removesuffix(f"/{sample.file_name}"))


def _corners(thing: Object) -> tuple[float, float, float, float]:
    box = thing.box
    return box.left, box.top, box.right, box.bottom
