"""ONNX from image to detections: standard operators only, any batch."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.ssd.export import dense
from runtime.nn.export import onnx_files, pieces
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX, decoding and suppression inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = dense.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.ssd.export import core, graphs
    from runtime.networks.ssd.export.heads import describe, model_of

    heads = describe(model_of(subject), classes=len(subject.classes))
    network = core.network(subject, heads)
    model = pieces.join(network, graphs.pixels(heads), graphs.detections(heads), batch=subject.batch)
    names = label_names(subject, first=1)
    onnx_files.save(model, path, names=names)
    behind = pieces.suppression(heads.thresholds, boxes=len(heads.anchors), classes=heads.classes)
    outputs = pieces.outputs_of(behind.most)
    return Made(images_input(subject), outputs, labels_file(names), heads.decoding())
