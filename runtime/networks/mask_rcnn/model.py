"""The network: torchvision's Mask R-CNN, whose masks stay on the grids over their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from runtime.nn.rcnn.model import RCNN
from runtime.nn.rcnn.pooling import Gathering

if TYPE_CHECKING:
    from torchvision.models.detection.image_list import ImageList

    from runtime.networks import Tensors
    from specs.mask_rcnn import Model

CELLS = 14
"""Side of the grid that features of a box are pooled to; its mask has twice as many cells."""


class MaskRCNN(RCNN):
    """A Model (runtime/networks/__init__.py): "boxes" [K, 4], "labels", "scores" [K] and "mask_grids" [K, 28, 28] of
    each image, how likely each cell of a box is the object's, 0 to 1."""

    of_classes = (*RCNN.of_classes, "roi_heads.mask_predictor.mask_fcn_logits")
    pooling = Gathering

    def __init__(self, settings: Model, *, classes: int) -> None:
        super().__init__(settings, classes=classes)
        heads, channels, mask = self.roi_heads, self.backbone.out_channels, settings.mask
        heads.mask_roi_pool = self.pooling(heads.box_roi_pool.featmap_names, output_size=CELLS, sampling_ratio=2)
        norm = Norm if settings.version == 2 else None
        heads.mask_head = MaskRCNNHeads(channels, mask.layers, dilation=1, norm_layer=norm)
        heads.mask_predictor = MaskRCNNPredictor(mask.layers[-1], mask.dim_reduced, classes + 1)

    def learnable(self, target: Tensors) -> Tensor:
        """Nor is there from one of whose mask nothing is left, as of one thinner than a pixel."""
        return super().learnable(target) & target["masks"].flatten(1).any(dim=1).bool()

    def _detections(self, batch: ImageList, features: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        detections = super()._detections(batch, features)
        for found in detections:
            found["mask_grids"] = found.pop("masks")[:, 0]
        return detections


class Norm(nn.BatchNorm2d):
    """BatchNorm that learns nothing from a batch without boxes, of which mean and variance have no value."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and not len(input):
            mean, variance = self.running_mean, self.running_var
            return functional.batch_norm(input, mean, variance, self.weight, self.bias, eps=self.eps)
        normed: Tensor = super().forward(input)
        return normed
