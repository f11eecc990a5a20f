"""What tltpipe.yaml and --set may say about Faster R-CNN."""

from __future__ import annotations

from dataclasses import dataclass

from specs.rcnn_settings import Rcnn


@dataclass(frozen=True, kw_only=True)
class FasterRcnn(Rcnn):
    """Training and validation of a Faster R-CNN detector; the defaults are those of torchvision's reference script."""
