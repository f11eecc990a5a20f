"""What tltpipe.yaml and --set may say about Mask R-CNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import MinLen

from specs.rcnn_settings import Rcnn
from specs.sections import STRICT, Count


@dataclass(frozen=True, kw_only=True)
class Areas:
    """A setting of the evaluation, in the spec and in tltpipe.yaml."""

    __pydantic_config__: ClassVar = STRICT

    area: Literal["annotated", "mask", "box"] = "annotated"
    """Area by which COCO's figures tell small, medium and large objects apart: the annotated one, that of the mask, or
    that of the box."""


@dataclass(frozen=True, kw_only=True)
class MaskRcnn(Areas, Rcnn):
    """Training and validation of Mask R-CNN; the defaults are those of torchvision's reference script."""

    version: Literal[1, 2] = 1
    """2: the deeper heads of torchvision's maskrcnn_resnet50_fpn_v2, slower by a factor of 2.8."""
    mask_layers: Annotated[tuple[Count, ...], MinLen(1)] = (256, 256, 256, 256)
    """Channels of the convolutions that draw the mask of a detection."""
    mask_dim_reduced: Count = 256
    """Channels of the layer that doubles the grid of a mask to 28 x 28."""
