"""What a graph needs to know of an SSD to turn the outputs of its heads into detections, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.detections import Thresholds
from tltpipe.errors import ExportError


@dataclass(frozen=True)
class Heads:
    """An SSD of ``classes`` classes.

    ``background``: channel 0 of the class logits is the background and scores are their softmax; without it they are
    a sigmoid each. ``anchors`` float32 [A, 4] corners in shares of the input; ``input_size`` is (height, width);
    ``mean`` what is taken off the pixels, in the order of ``channels`` (BGR, or one of grey); ``grey`` the weights of
    B, G and R in grey, None for a network that sees colours.
    """

    classes: int
    background: bool
    anchors: NDArray[np.float32]
    variances: tuple[float, ...]
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    grey: tuple[float, ...] | None
    thresholds: Thresholds

    @property
    def channels(self) -> int:
        """Class channels per anchor."""
        return self.classes + self.background

    @property
    def colours(self) -> int:
        """Channels of the picture that the backbone sees."""
        return 1 if self.grey else 3


def of(detector: Any, *, classes: int) -> Heads:
    """Those of an SSD. Raises ExportError for another kind of network."""
    if not hasattr(detector, "heads"):
        raise ExportError(f"a {type(detector).__name__} cannot be exported", hint="only ssd can so far")
    settings = detector.settings
    grey = tuple(detector.grey.flatten().tolist()) if settings.input_channels == 1 else None
    mean = detector.mean
    if grey:  # that of B, G and R, weighted as they are: TLT 2.0 has no other
        mean = (mean * detector.grey).sum() / detector.grey.sum()
    return Heads(
        classes=classes,
        background=detector.channels == classes + 1,
        anchors=detector.anchors.cpu().numpy(),
        variances=tuple(detector.variances.tolist()),
        input_size=detector.input_size,
        mean=tuple(mean.flatten().tolist()),
        grey=grey,
        thresholds=Thresholds(
            confidence=settings.confidence_threshold,
            iou=settings.clustering_iou_threshold,
            top_k=settings.top_k,
        ),
    )
