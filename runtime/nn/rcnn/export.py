"""ONNX from one image of any size to the detections of an R-CNN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runtime.nn.export import traced
from runtime.nn.export.subject import Made, Subject, label_names, labels_file

if TYPE_CHECKING:
    from runtime.nn.rcnn.model import RCNN

OUTPUTS = {
    "boxes": "float32 [count, 4]: left, top, right, bottom in pixels of the input",
    "labels": "int64 [count]: 1 is the first class",
    "scores": "float32 [count]: falling",
}


def write(subject: Subject, path: Path, outputs: Mapping[str, str]) -> Made:
    """Write the model of ``subject`` with the ``outputs``, fields of its predictions. Raises ExportError."""
    model = cast("RCNN", subject.model)
    traced.write(subject, model, path, outputs=tuple(outputs))
    sides = {"min_size": model.settings.min_size[-1], "max_size": model.settings.max_size}
    return Made(traced.image_input(sides), outputs, labels_file(label_names(subject, first=1)))
