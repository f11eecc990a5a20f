"""ONNX from image to the outputs of the heads: who uses it decodes and suppresses."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.ssd.export import dense
from runtime.nn.export import onnx_files, pieces
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX, raw heads"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = dense.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.ssd.export import core, graphs
    from runtime.networks.ssd.export.heads import describe, model_of

    heads = describe(model_of(subject), classes=len(subject.classes))
    network = core.network(subject, heads)
    names = label_names(subject, first=int(heads.background))
    onnx_files.save(
        pieces.join(network, graphs.pixels(heads), graphs.raw(heads), batch=subject.batch), path, names=names
    )
    count = len(heads.anchors)
    scores = "softmax over channels, 0 is the background" if heads.background else "sigmoid each"
    outputs = {
        "logits": f"float32 [batch, {count}, {heads.channels}]: class logits; scores are their {scores}",
        "offsets": f"float32 [batch, {count}, 4]: of the boxes from the anchors, in units of the variances",
        "anchors": f"float32 [{count}, 4]: left, top, right, bottom in shares of the input",
    }
    return Made(images_input(subject), outputs, labels_file(names), heads.decoding())
