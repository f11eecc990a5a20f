"""The training spec of Mask R-CNN: that of Faster R-CNN, and what concerns masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import MinLen

from specs import rcnn, sections
from specs.mask_rcnn.settings import Areas, MaskRcnn
from specs.rcnn import DATA, MAKING, SHORTHANDS
from specs.sections import STRICT, Count
from specs.yaml_spec import measuring, more_epochs, training

__all__ = ["DATA", "MAKING", "SHORTHANDS", "measuring", "more_epochs", "training"]

TUNABLES = MaskRcnn


@dataclass(frozen=True, kw_only=True)
class Mask:
    """The head that draws the mask of each detection, on a grid of 28 x 28 cells over its box."""

    __pydantic_config__: ClassVar = STRICT

    layers: Annotated[tuple[Count, ...], MinLen(1)] = (256, 256, 256, 256)
    """Channels of its convolutions."""
    dim_reduced: Count = 256
    """Channels of the layer that doubles the grid, before the masks of the classes."""


@dataclass(frozen=True, kw_only=True)
class Model(rcnn.Model):
    """The network, with the defaults of torchvision's maskrcnn_resnet50_fpn."""

    __pydantic_config__: ClassVar = STRICT

    version: Literal[1, 2] = 1
    """2: the deeper heads of torchvision's maskrcnn_resnet50_fpn_v2, slower by a factor of 2.8."""
    mask: Mask = field(default_factory=Mask)


@dataclass(frozen=True, kw_only=True)
class Evaluate(Areas, sections.Evaluate):
    """How the model is measured."""


@dataclass(frozen=True, kw_only=True)
class Experiment(rcnn.Experiment):
    """The whole spec."""

    __pydantic_config__: ClassVar = STRICT

    model: Model = field(default_factory=Model)
    evaluate: Evaluate = field(default_factory=Evaluate)


EXPERIMENT = Experiment
