"""ONNX for TensorRT and DeepStream: a row for each cell, which DeepStream suppresses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.networks.yolox.export import comparison
from runtime.nn.export import deepstream
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

if TYPE_CHECKING:
    from runtime.tasks.detection.detections import Thresholds

ABOUT = "ONNX for TensorRT and DeepStream, suppression by DeepStream"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = comparison.compare


def write(subject: Subject, path: Path) -> Made:
    """The decoding stays float32; the configuration has TensorRT compute in the data type."""
    from runtime.networks.yolox.export import graphs

    known, names = graphs.layout(subject), label_names(subject, first=0)
    graphs.save(subject, graphs.rows(known), path, names)
    outputs = {
        "detections": f"float32 [batch, {known.cells}, 6]: left, top, right, bottom in pixels of the input; score and "
        "number, from 0 on, of the likeliest class",
    }
    beside = {**labels_file(names), deepstream.CONFIG: _config(subject, known.thresholds, path.name)}
    return Made(images_input(subject), outputs, beside, {"decoder": "rows", "thresholds": known.thresholds})


def _config(subject: Subject, thresholds: Thresholds, name: str) -> str:
    """The parser is that of DeepStream-Yolo (MIT, https://github.com/marcoslucianops/DeepStream-Yolo)."""
    from runtime.imaging.views.framing import Letterbox

    assert subject.size is not None
    height, width = subject.size
    pixels: dict[str, Any] = {"model-color-format": deepstream.RGB, "infer-dims": f"3;{height};{width}"}
    if isinstance(subject.view, Letterbox):
        pixels |= {"maintain-aspect-ratio": 1, "symmetric-padding": int(subject.view.centred)}
    else:
        pixels["maintain-aspect-ratio"] = 0
    return deepstream.config(
        subject,
        name,
        pixels=pixels,
        classes=len(subject.classes),
        parser={
            "output-blob-names": "detections",
            "parse-bbox-func-name": "NvDsInferParseYoloE",
            "custom-lib-path": "libnvdsinfer_custom_impl_Yolo.so",
        },
        suppression=2,
        comments={
            "cluster-mode": "2: DeepStream suppresses",
            "custom-lib-path": "built in nvdsinfer_custom_impl_Yolo/ of DeepStream-Yolo",
        },
        every_class={
            "nms-iou-threshold": f"{thresholds.iou:g}",
            "pre-cluster-threshold": 0.3,
            "topk": thresholds.top_k,
        },
    )
