"""What a training spec asks for, in plain values: past this file nobody asks which dialect it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tltpipe import registry

if TYPE_CHECKING:
    from runtime.imaging.placement import View
    from specs import Spec

Mode = Literal["SAMPLE", "INTEGRATE"]


@dataclass(frozen=True)
class Source:
    """A part of the data: TFRecords by the glob ``records``, or KITTI files in the folder ``labels``.

    ``images`` is the folder below which the pictures lie; ``weight`` how often its pictures are shown, relative to
    the other sources; ``field`` where the spec names it.
    """

    images: Path
    records: str | None = None
    labels: Path | None = None
    weight: float = 1.0
    field: str = "dataset_config"


@dataclass(frozen=True)
class Data:
    """Where pictures and objects come from.

    ``fold``: the fold of the training records that validates, None where ``validation`` names sources of its own or
    there are none. ``extension`` is what records' frame ids lack, with its dot, None for any. ``mapping``: class in the
    files to class to train, both lower case. ``train_difficult``: objects marked as difficult are trained on.
    ``shuffled``: training pictures come in another order in each epoch, else in that of the files.
    ``held_out_fields`` are the fields of the spec's dialect that say what to validate on, for hints.
    """

    training: tuple[Source, ...]
    validation: tuple[Source, ...]
    mapping: Mapping[str, str]
    extension: str | None = ".jpg"
    fold: int | None = None
    train_difficult: bool = True
    shuffled: bool = True
    held_out_fields: str = "validation_data_sources"


@dataclass(frozen=True)
class Optimizer:
    """``settings`` are the keyword arguments of torch's class of that name, but for the learning rate."""

    name: Literal["SGD", "Adam", "RMSprop"] = "SGD"
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after ``patience`` epochs in which ``monitor`` fell by no more than ``min_delta``."""

    monitor: Literal["loss", "validation_loss"]
    patience: int
    min_delta: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """After every ``period`` epochs, in batches of ``batch_size``; ``iou`` makes a detection right."""

    period: int
    batch_size: int
    mode: Mode = "SAMPLE"
    iou: float = 0.5
    pr_curve: bool = False


@dataclass(frozen=True)
class Recipe:
    """One training. ``size`` is the network's input (height, width); ``workers`` None leaves the number to us.

    ``training_view`` is given a random generator, ``plain_view`` (validation) and ``inference_view`` (any picture at
    all: a crop written for the pictures of the data set is left out) are not. ``average``: detect with a moving
    average of the weights.
    """

    spec: Spec
    seed: int
    epochs: int
    batch_size: int
    checkpoint_interval: int
    size: tuple[int, int]
    data: Data
    training_view: View
    plain_view: View
    inference_view: View
    evaluation: Evaluation
    optimizer: Optimizer = Optimizer()
    early_stopping: EarlyStopping | None = None
    workers: int | None = None
    average: bool = False

    @property
    def strict(self) -> bool:
        return self.spec.strict


def of(spec: Spec) -> Recipe:
    """What ``spec`` asks for. Raises SpecError naming the field."""
    made: Recipe = registry.load("runtime.networks.ssd.recipes", spec.dialect).recipe(spec)
    return made
