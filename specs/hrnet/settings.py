"""What a training of HRNet may be like: sections of its spec, and the same as settings in tltpipe.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from specs import sections
from specs.sections import STRICT, Count, NotNegative, Positive, Share, Whole

Side = Annotated[sections.Side, Ge(64)]
"""A multiple of 32; of 32 pixels the coarsest maps would have but one cell, which cannot be normalised."""
EPOCHS, STEPS = 12, (7, 10)
"""Epochs of the published training, and those after which its rate falls."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network."""

    __pydantic_config__: ClassVar = STRICT

    type: Literal["w18_small", "w18_small_v2", "w18", "w32", "w48"] = "w48"
    """Size of the network: channels of its finest maps."""
    aggregated: bool = True
    """Landmarks of the same meaning in different garments share a heat map: 81 in place of 294. People have 17 either
    way."""
    sigma: Positive = 3.0
    """Standard deviation, in cells of the heat map, of the peak that is learnt for a landmark."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How objects come to the network."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 8
    """Objects a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    width: Side = 384
    """Width of the input in pixels, a multiple of 32; heat maps have a quarter of it."""
    height: Side = 512
    """Height of the input in pixels, a multiple of 32; heat maps have a quarter of it."""
    margin: Annotated[float, Ge(1)] = 1.25
    """Factor by which the box of an object is enlarged, once it has the aspect ratio of the input."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn anew for each training object."""

    __pydantic_config__: ClassVar = STRICT

    random_flip: Share = 0.0
    """How often an object is mirrored left to right."""
    scale: Annotated[float, Ge(0), Le(0.9)] = 0.25
    """Standard deviation of the factor that the window is enlarged by, and its largest distance from 1."""
    rotation: Annotated[float, Ge(0), Le(90)] = 30.0
    """Standard deviation of the rotation in degrees; twice as much is the largest."""
    rotation_probability: Share = 0.6
    """How often an object is rotated."""


@dataclass(frozen=True, kw_only=True)
class Optim(sections.Optim):
    """The optimiser, and the learning rate over time."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "adam"
    lr: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    lr_scheduler: Literal["constant", "multistep", "step", "poly", "cosine"] = "multistep"
    # What is empty here depends on the length of the training: specs.hrnet.settled has all values.
    lr_steps: tuple[Count, ...] = ()
    """Epochs after which multistep lowers the rate; with num_iterations: iterations (default: 7 and 10 twelfths of
    all)."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings(sections.TrainSettings):
    """What of the training is no section of its own."""

    num_epochs: Count = EPOCHS
    """Passes over the training objects."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Settings of the evaluation, in the spec and in tltpipe.yaml."""

    __pydantic_config__: ClassVar = STRICT

    flip_test: bool = False
    """Landmarks are those of the mean of the heat maps of an object and of its mirror image: twice the time."""
    visibility: Literal["all", "visible"] = "all"
    """Landmarks that count: all that are labelled, or those that are visible."""


@dataclass(frozen=True, kw_only=True)
class Hrnet(Measuring, Optim, TrainSettings, Augmentation, Images, Model):
    """Training and validation of HRNet; the defaults are those of the published recipe of the winners."""

    eval_batch_size: Count = 32
    """Objects a step in validation."""
