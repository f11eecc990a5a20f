"""What a migration goes to, and what it is told beside the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

Target = Literal["tlt2", "tlt3", "tao5", "tltpipe"]
TARGETS: tuple[Target, ...] = get_args(Target)
OURS: Target = "tltpipe"

DATASET, OUTPUT = "/workspace/Original-Data/train", "/workspace/KITTI-dataset-augmented/train"
"""Where a container has them, if nothing else is known."""


@dataclass(frozen=True)
class Data:
    """A data set: fields of a source to train on (``specs.sections.Source``), of one to validate on, None without any;
    its classes in their order; what there is to say about it."""

    train: Mapping[str, str]
    validation: Mapping[str, str] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What the text of a spec does not say, and those of another generation do. Paths are as programs see them.

    ``dataset``, ``results``: of an augmentation, -d and -o of tlt-augment. ``validation``: a folder with ``images`` and
    ``labels`` to validate on, in place of records. ``records``: the TFRecords of a training whose spec names folders.
    ``mapping``: the classes of a training spec, for the conversion that numbers them. ``data``: what a spec of another
    network is to be trained on, in place of the data that it names.
    """

    dataset: str | None = None
    results: str | None = None
    validation: str | None = None
    records: str | None = None
    mapping: Mapping[str, str] | None = None
    data: Data | None = None

    @property
    def given(self) -> list[str]:
        """The names of those that are given."""
        return [each.name for each in fields(self) if getattr(self, each.name) is not None]
