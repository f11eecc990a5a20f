"""ONNX from picture to the outputs of the heads: who uses it decodes and suppresses."""

from __future__ import annotations

from pathlib import Path

from runtime.exporting.subject import Made, Subject, label_names, labels_file, pictures

ABOUT = "ONNX, raw heads"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")


def write(subject: Subject, path: Path) -> Made:
    from runtime.exporting import saving
    from runtime.networks.ssd.export import graphs

    heads = subject.heads
    network = saving.network(subject)
    names = label_names(subject, first=int(heads.background))
    saving.save(graphs.join(network, graphs.pixels(heads), graphs.raw(heads), batch=subject.batch), path, names=names)
    count = len(heads.anchors)
    scores = "softmax over channels, 0 is the background" if heads.background else "sigmoid each"
    outputs = {
        "logits": f"float32 [batch, {count}, {heads.channels}]: class logits; scores are their {scores}",
        "offsets": f"float32 [batch, {count}, 4]: of the boxes from the anchors, in units of the variances",
        "anchors": f"float32 [{count}, 4]: left, top, right, bottom in shares of the input",
    }
    return Made(pictures(subject), outputs, labels_file(names))
