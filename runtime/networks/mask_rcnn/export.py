"""ONNX from one image of any size to detections with the grids of their masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.nn.rcnn import export
from runtime.tasks.detection import difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.nn.export.subject import Made, Subject
    from runtime.tasks import Prediction

ABOUT = "ONNX of one image of any size, suppression inside, masks as grids over their boxes"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32",)
NEEDS = ("onnx", "onnxruntime")

OUTPUTS = {
    **export.OUTPUTS,
    "mask_grids": "float32 [count, 28, 28]: how likely each cell of the box is the object's, 0 to 1; not pasted",
}


def write(subject: Subject, path: Path) -> Made:
    return export.write(subject, path, OUTPUTS)


def compare(
    subject: Subject,  # noqa: ARG001 - a format's signature
    images: Sequence[NDArray[np.uint8]],  # noqa: ARG001
    expected: Sequence[Prediction],
    found: Sequence[Prediction],
) -> difference.Difference:
    """Detections against detections, and cells of their masks like scores."""
    return difference.between(expected, found, difference.EXACT, probabilities=("scores", "mask_grids"))
