"""Regions to ignore, DontCare to KITTI and __ignore__ to LabelMe: things of any class may be there, without labels.

Nobody means a class by that name, whatever format it is read from: such boxes are kept apart from the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from converters.model import Box, Dataset, Object, Sample, Wrapped
from converters.model.findings import Findings


def is_ignored(name: str) -> bool:
    """Whether things called ``name`` are regions to ignore, and no class; records hold it in lower case."""
    return name.lower() in _NAMES


_NAMES = frozenset(("dontcare", "__ignore__"))


def trainable(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` without DontCare, which is no class even where a class map lists it."""
    return tuple(name for name in names if not is_ignored(name))


def apart(objects: Sequence[Object]) -> tuple[tuple[Object, ...], tuple[Box, ...]]:
    """The ``objects`` of a class, and the regions to ignore."""
    ignored = tuple(thing.box for thing in objects if is_ignored(thing.category))
    return tuple(thing for thing in objects if not is_ignored(thing.category)), ignored


def without(dataset: Dataset) -> Dataset:
    """``dataset`` with regions to ignore in place of a class DontCare, where it has one."""
    categories = trainable(dataset.categories)
    if categories == dataset.categories:
        return dataset
    keypoints = {name: slot for name, slot in dataset.keypoints.items() if name in categories}
    above = {name: value for name, value in dataset.supercategories.items() if name in categories}
    pictures = Apart(dataset.pictures)
    return replace(dataset, categories=categories, pictures=pictures, keypoints=keypoints, supercategories=above)


@dataclass(frozen=True)
class Apart(Wrapped):
    """Pictures of a format that knows no such regions."""

    def load(self, key: Any, findings: Findings) -> Sample:
        sample = self.pictures.load(key, findings)
        objects, ignored = apart(sample.objects)
        return structs.replace(sample, objects=objects, ignored=sample.ignored + ignored)

    def items(self, key: Any) -> tuple[str, ...]:
        return trainable(super().items(key))

    def items_beside(self, image: Path) -> tuple[str, ...]:
        return trainable(super().items_beside(image))
