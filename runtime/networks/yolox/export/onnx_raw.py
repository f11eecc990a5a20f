"""ONNX from image to the maps of the head: who uses it decodes and suppresses."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.yolox.export import comparison
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX, raw maps"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.yolox.export import graphs

    known, names = graphs.layout(subject), label_names(subject, first=0)
    graphs.save(subject, graphs.raw(known), path, names)
    channels = "logits of box (x, y, log of width, height, in strides from the cell's corner), object, classes"
    outputs = {
        name: f"float32 [batch, {known.channels}, {height}, {width}]: {channels}"
        for name, (height, width) in zip(graphs.MAPS, known.shapes, strict=True)
    }
    decoding = {"decoder": "cells", "thresholds": known.thresholds}
    return Made(images_input(subject), outputs, labels_file(names), decoding)
