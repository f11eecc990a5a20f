"""What a graph needs to know of an SSD to turn the outputs of its heads into detections, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.networks.ssd.model import SSD
from runtime.nn.export.subject import Subject
from runtime.tasks.detection.detections import Thresholds


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

    def decoding(self) -> dict[str, Any]:
        """The fields of the card that say how its outputs become detections."""
        return {
            "background": self.background,
            "grey": self.grey is not None,
            "thresholds": self.thresholds,
            "variances": self.variances,
        }


def model_of(subject: Subject) -> SSD:
    """The model that is exported."""
    assert isinstance(subject.model, SSD)
    return subject.model


def describe(model: SSD, *, classes: int) -> Heads:
    settings = model.settings
    grey = tuple(model.grey.flatten().tolist()) if settings.input_channels == 1 else None
    mean = model.mean
    if grey:  # that of B, G and R, weighted as they are: TLT 2.0 has no other
        mean = (mean * model.grey).sum() / model.grey.sum()
    return Heads(
        classes=classes,
        background=model.channels == classes + 1,
        anchors=model.anchors.cpu().numpy(),
        variances=tuple(model.variances.tolist()),
        input_size=model.input_size,
        mean=tuple(mean.flatten().tolist()),
        grey=grey,
        thresholds=settings.thresholds,
    )
