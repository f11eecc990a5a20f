"""ONNX from image to detections: standard operators only, any batch."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.yolox.export import comparison
from runtime.nn.export import pieces
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX, decoding and suppression inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.yolox.export import graphs

    known, names = graphs.layout(subject), label_names(subject, first=1)
    graphs.save(subject, graphs.detections(known), path, names)
    outputs = pieces.outputs_of(min(known.thresholds.top_k, known.cells * known.classes))
    return Made(images_input(subject), outputs, labels_file(names), {"thresholds": known.thresholds})
