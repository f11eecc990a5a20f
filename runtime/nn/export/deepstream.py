"""The configuration of Gst-nvinfer for an exported detector.

https://docs.nvidia.com/metropolis/deepstream/dev-guide/text/DS_plugin_gst-nvinfer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.nn.export.subject import Subject

CONFIG = "nvinfer_config.txt"
MODES = {"fp32": 0, "int8": 1, "fp16": 2}
RGB, BGR, GREY = 0, 1, 2
COMMENTS = {
    "model-color-format": "0: RGB, 1: BGR, 2: grey",
    "symmetric-padding": "0: the image is at the top left, the rest is filled",
    "network-mode": "0: fp32, 1: int8, 2: fp16",
    "num-detected-classes": "lines of labels.txt",
}


def config(
    subject: Subject,
    name: str,
    *,
    pixels: Mapping[str, Any],
    classes: int,
    parser: Mapping[str, Any],
    suppression: int,
    comments: Mapping[str, str],
    every_class: Mapping[str, Any],
) -> str:
    """Of the model in the file ``name``, of ``classes`` lines of labels.txt: ``pixels`` says how images are made ready,
    ``suppression`` is cluster-mode, ``parser`` says what reads the outputs."""
    settings = {
        "gpu-id": 0,
        "onnx-file": name,
        "labelfile-path": "labels.txt",
        "net-scale-factor": 1.0,
        **pixels,
        "batch-size": subject.batch or 1,
        "network-type": 0,
        "network-mode": MODES[subject.data_type],
        "num-detected-classes": classes,
        "cluster-mode": suppression,
        "interval": 0,
        "gie-unique-id": 1,
        **parser,
    }
    notes, lines = {**COMMENTS, **comments}, ["[property]"]
    for key, value in settings.items():
        lines += [f"# {notes[key]}"] if key in notes else []
        lines.append(f"{key}={value}")
    return "\n".join([*lines, "", "[class-attrs-all]", *(f"{key}={value}" for key, value in every_class.items()), ""])
