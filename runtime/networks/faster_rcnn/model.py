"""The network: torchvision's Faster R-CNN."""

from __future__ import annotations

from runtime.nn.rcnn.model import RCNN


class FasterRCNN(RCNN):
    """A Model (runtime/networks/__init__.py): "boxes" [K, 4], "labels" and "scores" [K] of each image."""
