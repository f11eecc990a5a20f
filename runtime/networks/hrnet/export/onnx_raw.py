"""ONNX from the image of an object to its heat maps: who uses it decodes."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.hrnet.export import comparison
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX of one object an image, raw heat maps"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.hrnet.export import graphs

    settings = graphs.model_of(subject).settings
    graphs.save(subject, graphs.raw(settings), path)
    height, width = settings.map_size
    outputs = {graphs.MAPS: f"float32 [batch, {settings.channels}, {height}, {width}]: how likely a landmark is there"}
    decoding = {"decoder": "heatmaps", "channels": settings.slots}
    return Made(images_input(subject), outputs, labels_file(label_names(subject, first=1)), decoding)
