"""What a training spec asks for, in plain values: past ``Network.recipe(spec)`` nobody looks into the spec again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal

from typing_extensions import TypeVar

from runtime.data.defaults import CLIP_NORM

if TYPE_CHECKING:
    from runtime.data.fields import Fields
    from runtime.imaging.placement import View
    from specs import Spec
    from tltpipe.errors import Location, SpecError

Mode = Literal["SAMPLE", "INTEGRATE"]
Area = Literal["annotated", "mask", "box"]
Visibility = Literal["all", "visible"]
Settings = TypeVar("Settings", covariant=True, default=object)
"""A network's own: SSD's are ``runtime.networks.ssd.config.Settings``."""
OPSET = 17
"""Of ONNX: it suits TensorRT 8.5 and later."""


@dataclass(frozen=True)
class Source:
    """A part of the data: ``annotations`` are a file or a folder, or a glob of files as text, of ``format``.

    ``format`` is "tfrecord", or a module of ``converters.formats``, or "auto". ``images`` is the folder below which
    the images lie, None where the annotations know; ``weight`` how often its images are shown, relative to the other
    sources; ``field`` where the spec names it. Records and KITTI labels with ``images`` are read as NVIDIA's programs
    read them, see ``runtime.data.sources``.
    """

    images: Path | None
    annotations: Path | str
    format: str = "auto"
    weight: float = 1.0
    field: str = "dataset_config"


@dataclass(frozen=True)
class Data:
    """Where pictures and objects come from.

    ``fold``: the fold of the training records that validates, None where ``validation`` names sources of its own or
    there are none. ``extension`` is what records' frame ids lack, with its dot, None for any. ``mapping``: class in the
    files to class to train, both lower case; empty where they are
    called the same, but for those ``merged`` with others. ``train_difficult``: objects marked as difficult are trained
    on. ``shuffled``: training pictures come in another order in each epoch, else in that of the files.
    ``held_out_fields`` are the fields of the spec's dialect that say what to validate on, ``naming`` the one that says
    which classes are trained, for messages. ``flat``: boxes without area are trained on; else they are left out.
    ``per_object``: every object is a sample of its own, so that an epoch counts objects (``Split.per_object``).
    """

    training: tuple[Source, ...]
    validation: tuple[Source, ...]
    mapping: Mapping[str, str]
    extension: str | None = ".jpg"
    fold: int | None = None
    train_difficult: bool = True
    shuffled: bool = True
    held_out_fields: str = "validation_data_sources"
    naming: str = "dataset_config.target_class_mapping"
    flat: bool = True
    per_object: bool = False
    merged: Mapping[str, str] = field(default_factory=dict)

    @property
    def section(self) -> str:
        return self.naming.partition(".")[0]

    def labels(self, classes: Sequence[str]) -> dict[str, int]:
        """The label, from 1, of each class in the files, in lower case, that is trained as one of ``classes``."""
        if self.mapping:
            return {name: classes.index(trained) + 1 for name, trained in self.mapping.items()}
        labels = {name.lower(): label for label, name in enumerate(classes, start=1)}
        return labels | {name: labels[trained] for name, trained in self.merged.items()}


@dataclass(frozen=True)
class Optimizer:
    """``settings`` are the keyword arguments of torch's class of that name, but for the learning rate.

    ``norm_weight_decay``: that of normalisation layers and biases (weights of one axis); None: as for all others.
    """

    name: Literal["SGD", "Adam", "AdamW", "RMSprop"] = "SGD"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"momentum": 0.9})
    norm_weight_decay: float | None = None


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after ``patience`` epochs in which ``monitor`` fell by no more than ``min_delta``."""

    monitor: Literal["loss", "validation_loss"]
    patience: int
    min_delta: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """After every ``period`` epochs, in batches of ``batch_size``; ``iou`` makes a detection right, of boxes rounded to
    ``whole_pixels`` of the input, as NVIDIA compares them, or as they are. ``area``: what COCO's figures of small,
    medium and large objects go by where a task has masks: the annotated area (that of the box where none is), that of
    the mask or that of the box. ``visibility``: which annotated landmarks count, all or the visible ones alone.
    ``primary`` names the figure of the task's ``Scores`` that picks the best epoch. ``boundary_f1``: of label maps the
    edges of classes are measured, too, which takes as long again."""

    period: int
    batch_size: int
    mode: Mode = "SAMPLE"
    iou: float = 0.5
    pr_curve: bool = False
    whole_pixels: bool = True
    area: Area = "annotated"
    visibility: Visibility = "all"
    primary: str = "mAP"
    boundary_f1: bool = False


@dataclass(frozen=True)
class Inference:
    """Images are taken in batches of ``batch_size``, by default those of the evaluation, and shown is what has a score
    of ``threshold`` or more. ``ten_crop``: predictions are the mean over ten views of an image, for tasks that can say
    what these mean together."""

    batch_size: int | None = None
    threshold: float = 0.3
    ten_crop: bool = False


@dataclass(frozen=True)
class Recipe(Generic[Settings]):
    """One training. ``network`` is the module in ``runtime.networks``, ``name`` the stem of file names, "ssd_resnet18";
    ``classes`` are the names of label 1 to N; ``model`` is what the network itself is to be like.

    ``iterations``: where it is given, training ends after exactly so many, in the middle of an epoch if need be, and
    ``epochs`` is what that comes to once the data is read.
    ``schedule`` gives the learning rate of an iteration, for so many ``steps`` over all epochs and ``processes``.
    Every ``summary_step`` steps predictions are drawn, every ``save_step`` steps the state is saved; 0: never.
    ``average`` is the decay of the moving average of the weights that is evaluated and kept; None: there is none.
    Gradients longer than ``clip_norm`` are shortened to it. ``workers`` None leaves the number to us.
    ``size`` is the network's input (height, width); None: every image comes in a size of its own.
    ``pretrained`` are weights to start from, and ``opset`` the version of ONNX to export, where the command line names
    none. ``fields`` of targets are in place of those of the task, where they depend on the spec. ``names`` say what
    places in fields of predictions mean, beside the classes: {"attributes": ("floral", ...)}.

    ``training_view`` is given a random generator, ``plain_view`` (validation) and ``inference_view`` (any picture at
    all: a crop written for the pictures of the data set is left out) are not.
    """

    spec: Spec
    network: str
    name: str
    classes: tuple[str, ...]
    model: Settings
    seed: int
    epochs: int
    batch_size: int
    checkpoint_interval: int
    size: tuple[int, int] | None
    data: Data
    training_view: View
    plain_view: View
    inference_view: View
    evaluation: Evaluation
    schedule: Callable[[int, int], Callable[[int], float]]
    optimizer: Optimizer = Optimizer()
    clip_norm: float | None = CLIP_NORM
    early_stopping: EarlyStopping | None = None
    workers: int | None = None
    average: float | None = None
    pretrained: Path | None = None
    inference: Inference = Inference()
    opset: int = OPSET
    iterations: int | None = None
    summary_step: int = 0
    save_step: int = 0
    fields: Fields | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def strict(self) -> bool:
        return self.spec.strict

    def where(self, field: str) -> Location:
        """Where the spec says ``field``, for messages."""
        return self.spec.where(field)

    def error(self, field: str, what: str, *, hint: str | None = None) -> SpecError:
        """A SpecError about ``field``, for the caller to raise."""
        return self.spec.error(field, what, hint=hint)
