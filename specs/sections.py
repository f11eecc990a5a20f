"""Sections that the YAML specs of all networks share, with TAO 5's names where TAO has the thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from specs.checks import Finding
from specs.values import did_you_mean

Share = Annotated[float, Ge(0), Le(1)]
Inner = Annotated[float, Gt(0), Lt(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Count = Annotated[int, Gt(0)]
Whole = Annotated[int, Ge(0)]
STRIDE = 32
"""Of the coarsest maps: sides of an input of one size are multiples of it."""
Side = Annotated[int, Ge(STRIDE), MultipleOf(STRIDE)]

STRICT: Any = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}
"""How pydantic reads a section."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A part of the data: COCO's annotations with their images, or any data set that ``tltpipe`` reads."""

    __pydantic_config__: ClassVar = STRICT

    image_dir: str = ""
    """Folder of the images."""
    json_file: str = ""
    """COCO annotations of the images in image_dir."""
    format: str = "auto"
    """Format of the data set at path; auto detects it."""
    path: str = ""
    """A data set in any format that is read here, in place of json_file."""
    weight: Positive = 1.0
    """How often images of this source are shown, relative to those of the others."""


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A class of the data that is trained as another one."""

    __pydantic_config__: ClassVar = STRICT

    name: str
    """Name of the class in the data, upper and lower case being the same."""
    mapping_class: str
    """The one of classes that its objects are trained as."""


@dataclass(frozen=True, kw_only=True)
class Optim:
    """The optimiser, and the learning rate over time."""

    __pydantic_config__: ClassVar = STRICT

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "sgd"
    """The optimiser."""
    lr: Positive = 0.02
    """Learning rate, before the schedule."""
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    """Momentum of sgd and rmsprop; beta1 of adam and adamw."""
    nesterov: bool = False
    """Nesterov's momentum, of sgd."""
    weight_decay: NotNegative = 1e-4
    """Weight decay of kernels, and of norms and biases where norm_weight_decay is not set."""
    norm_weight_decay: NotNegative | None = None
    """Weight decay of normalisation layers and biases."""
    lr_scheduler: Literal["constant", "multistep", "step", "poly", "cosine"] = "constant"
    """multistep: times lr_decay after each epoch of lr_steps; step: times lr_decay every lr_step_size epochs;
    poly: (1 - progress) to the power lr_power; cosine: half a wave; the last two fall to lr_min."""
    lr_steps: tuple[Count, ...] = ()
    """Epochs after which multistep lowers the rate; with num_iterations: iterations."""
    lr_step_size: Count = 1
    """Epochs between the drops of step; with num_iterations: iterations."""
    lr_decay: Annotated[float, Gt(0), Le(1)] = 0.1
    """Factor of each drop of step and multistep."""
    lr_power: Positive = 0.9
    """Exponent of poly."""
    lr_min: NotNegative = 0.0
    """Learning rate at the end of poly and cosine."""
    lr_flat_epochs: Whole = 0
    """Last epochs of poly and cosine that stay at lr_min."""
    warmup_steps: Whole = 0
    """Iterations, at most an epoch, in which the rate climbs from warmup_factor times lr."""
    warmup_factor: Share = 0.001
    """Share of lr at the first iteration; quadratic begins at 0."""
    warmup_epochs: NotNegative = 0.0
    """Epochs, at most half of all, of a warm-up that poly and cosine begin behind; in place of warmup_steps."""
    warmup_curve: Literal["linear", "quadratic"] = "linear"
    """How the rate climbs: linear on a straight line, quadratic as the square of the warm-up's progress."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What of the training is no section of its own: the settings of a network in tltpipe.yaml have it beside those of
    ``Optim``."""

    __pydantic_config__: ClassVar = STRICT

    num_epochs: Count = 10
    """Passes over the training images."""
    num_iterations: Whole = 0
    """Batches to train on, in place of num_epochs; 0: by epochs."""
    checkpoint_interval: Count = 1
    """Keep the checkpoint of every so many epochs."""
    validation_interval: Count = 1
    """Validate after every so many epochs."""
    summary_step: Whole = 0
    """Draw predictions for the first validation images every so many steps; 0: after validations alone."""
    save_step: Whole = 0
    """Save the state within an epoch every so many steps, too; 0: by the minutes of --save-minutes alone."""
    seed: Annotated[int, Ge(0), Lt(2**32)] = 1234
    """Start of every random choice."""
    clip_grad_norm: NotNegative = 0.0
    """Longest gradient: longer ones are shortened to it; 0: never."""
    enable_ema: bool = False
    """Evaluate and keep a moving average of the weights."""
    ema_decay: Inner = 0.999
    """Share of the average that each step keeps."""


@dataclass(frozen=True, kw_only=True)
class Train(TrainSettings):
    """The training."""

    pretrained_model_path: str = ""
    """Weights to start from, where the command line names none."""
    optim: Optim = field(default_factory=Optim)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How the model is measured."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 2
    """Images a step."""
    average_precision_mode: Literal["sample", "integrate"] = "integrate"
    """Of mAP: sample is the mean of 11 points of the curve (VOC 2007), integrate the area below it (VOC 2010)."""
    matching_iou_threshold: Inner = 0.5
    """Overlap (IoU) from which a detection counts as right for mAP."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """The same as settings in tltpipe.yaml, where a training has a ``batch_size``, too."""

    __pydantic_config__: ClassVar = STRICT

    eval_batch_size: Count = 2
    """Images a step in validation."""
    average_precision_mode: Literal["sample", "integrate"] = "integrate"
    """Of mAP: sample is the mean of 11 points of the curve (VOC 2007), integrate the area below it (VOC 2010)."""
    matching_iou_threshold: Inner = 0.5
    """Overlap (IoU) from which a detection counts as right for mAP."""


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Inference on new images, where the command line says nothing else."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 2
    """Images a step."""
    conf_threshold: Inner = 0.3
    """Lowest score of a detection that is shown."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """The exported model, where the command line says nothing else."""

    __pydantic_config__: ClassVar = STRICT

    opset_version: Annotated[int, Ge(13), Le(20)] = 17
    """Version of ONNX's operators."""


def check_data(training: Sequence[Source], validation: Sequence[Source], classes: Sequence[str]) -> Iterator[Finding]:
    """What makes no sense in the section ``dataset``."""
    if not training:
        yield Finding("dataset.train_data_sources", "train_data_sources is empty: there is nothing to train on")
    yield from check_sources("dataset.train_data_sources", training)
    yield from check_sources("dataset.val_data_sources", validation)
    if len({name.lower() for name in classes}) < len(classes):
        yield Finding("dataset.classes", "classes names a class twice")


def check_mapping(mapping: Sequence[Mapped], classes: Sequence[str]) -> Iterator[Finding]:
    """Classes of the data that are trained as one that there is not, or as several."""
    known, seen = {name.lower() for name in classes}, set[str]()
    for index, each in enumerate(mapping):
        here = f"dataset.class_mapping[{index}]"
        if each.mapping_class.lower() not in known:
            hint = did_you_mean(each.mapping_class, [*classes]) or "write it in dataset.classes, too"
            yield Finding(f"{here}.mapping_class", f'classes does not name "{each.mapping_class}"', hint)
        if each.name.lower() in known:
            yield Finding(f"{here}.name", f'"{each.name}" is one of classes itself: it cannot be trained as another')
        if each.name.lower() in seen:
            yield Finding(f"{here}.name", f'class_mapping names "{each.name}" twice')
        seen.add(each.name.lower())


def check_sources(path: str, sources: Sequence[Source]) -> Iterator[Finding]:
    for index, source in enumerate(sources):
        here = f"{path}[{index}]"
        if bool(source.json_file) == bool(source.path):
            what = "a source needs json_file with image_dir, or path" if not source.path else "json_file and path"
            yield Finding(here, what if not source.path else f"{what} are both written: only one can be used")
        elif source.json_file and not source.image_dir:
            yield Finding(here, 'a source with json_file needs "image_dir", the folder of its images')
        elif source.json_file and source.format not in ("auto", "coco"):
            yield Finding(f"{here}.format", f'json_file is COCO, not "{source.format}"', "write path for other formats")


def check_train(train: Train) -> Iterator[Finding]:
    """What makes no sense in ``train``: curves that never bend, warm-ups and tails."""
    optim, here = train.optim, "train.optim"
    if optim.nesterov and (optim.optimizer != "sgd" or not optim.momentum):
        yield Finding(f"{here}.nesterov", "nesterov needs optimizer: sgd and a momentum above 0")
    if optim.lr_scheduler == "multistep":
        if not optim.lr_steps or list(optim.lr_steps) != sorted(set(optim.lr_steps)):
            what = "multistep needs lr_steps, epochs in rising order"
            yield Finding(f"{here}.lr_steps", what, "for example lr_steps: [16, 22]")
    elif optim.lr_steps:
        yield Finding(f"{here}.lr_steps", "lr_steps is only used by lr_scheduler: multistep")
    if optim.lr_scheduler in ("poly", "cosine"):
        if optim.lr_min > optim.lr:
            yield Finding(f"{here}.lr_min", f"lr_min must be at most lr, {optim.lr:g}, not {optim.lr_min:g}")
        if optim.lr_flat_epochs >= train.num_epochs and not train.num_iterations:
            what = f"lr_flat_epochs must be below num_epochs, {train.num_epochs}, not {optim.lr_flat_epochs}"
            yield Finding(f"{here}.lr_flat_epochs", what)
    for name in ("lr_flat_epochs", "warmup_epochs") if train.num_iterations else ():
        if getattr(optim, name):
            what = f"{name} counts epochs, but num_iterations is {train.num_iterations}"
            yield Finding(f"{here}.{name}", what, "leave it out, or train by num_epochs; warmup_steps are iterations")
