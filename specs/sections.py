"""Sections that the YAML specs of all networks share, with TAO 5's names where TAO has the thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

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
    """A class of the data that is trained as another one, even where it is named among classes, too."""

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
