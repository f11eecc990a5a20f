"""ONNX from image to the boxes and scores of all cells: who uses it suppresses."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.yolox.export import comparison
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX, decoding inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.yolox.export import graphs

    known, names = graphs.layout(subject), label_names(subject, first=0)
    graphs.save(subject, graphs.decoded(known), path, names)
    outputs = {
        "boxes": f"float32 [batch, {known.cells}, 4]: left, top, right, bottom in pixels of the input, not clipped",
        "scores": f"float32 [batch, {known.cells}, {known.classes}]: of the classes from 0 on, unsuppressed",
    }
    decoding = {"decoder": "likeliest", "thresholds": known.thresholds}
    return Made(images_input(subject), outputs, labels_file(names), decoding)
