"""ONNX from the image of an object to its landmarks: standard operators only, any batch."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.hrnet.export import comparison
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

ABOUT = "ONNX of one object an image, heat maps decoded inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    from runtime.networks.hrnet.export import graphs

    settings = graphs.model_of(subject).settings
    graphs.save(subject, graphs.decoded(settings), path)
    about = "x, y in pixels of the input, and how high the peak of the heat map is"
    outputs = {"keypoints": f"float32 [batch, 1, {len(settings.slots)}, 3]: {about}"}
    return Made(images_input(subject), outputs, labels_file(label_names(subject, first=1)))
