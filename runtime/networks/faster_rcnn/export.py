"""ONNX from one image of any size to detections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runtime.nn.export import traced
from runtime.nn.export.subject import Made, Subject, label_names, labels_file
from runtime.tasks.detection import difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.networks.faster_rcnn.model import FasterRCNN
    from runtime.tasks import Prediction

ABOUT = "ONNX of one image of any size, suppression inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32",)
NEEDS = ("onnx", "onnxruntime")

OUTPUTS = {
    "boxes": "float32 [count, 4]: left, top, right, bottom in pixels of the input",
    "labels": "int64 [count]: 1 is the first class",
    "scores": "float32 [count]: falling",
}


def write(subject: Subject, path: Path) -> Made:
    model = cast("FasterRCNN", subject.model)
    traced.write(subject, model, path, outputs=tuple(OUTPUTS))
    sides = {"min_size": model.settings.min_size[-1], "max_size": model.settings.max_size}
    return Made(traced.image_input(sides), OUTPUTS, labels_file(label_names(subject, first=1)))


def compare(
    subject: Subject,  # noqa: ARG001 - a format's signature
    images: Sequence[NDArray[np.uint8]],  # noqa: ARG001
    expected: Sequence[Prediction],
    found: Sequence[Prediction],
) -> difference.Difference:
    """Detections against detections."""
    return difference.between(expected, found, difference.EXACT)
