"""ONNX for TensorRT and DeepStream: NVIDIA's own form, decoding and suppression by TensorRT's plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.networks.ssd.export import dense
from runtime.nn.export import deepstream, onnx_files, pieces
from runtime.nn.export.subject import Made, Subject, label_names, labels_file

if TYPE_CHECKING:
    from runtime.networks.ssd.export.heads import Heads

ABOUT = "ONNX for TensorRT and DeepStream, suppression by its plugin"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16")
NEEDS = ("onnx", "onnxscript", "onnxruntime")
compare = dense.compare


def write(subject: Subject, path: Path) -> Made:
    """The plugin and what it is fed stay float32; the configuration has TensorRT compute in the data type."""
    from runtime.networks.ssd.export import core, graphs
    from runtime.networks.ssd.export.heads import describe, model_of

    heads = describe(model_of(subject), classes=len(subject.classes))
    model = pieces.join(core.network(subject, heads), None, graphs.plugin(heads), batch=subject.batch)
    names = label_names(subject, first=int(heads.background))
    onnx_files.save(model, path, names=names, foreign=True)
    height, width = heads.input_size
    given: dict[str, Any] = {
        "name": core.INPUT,
        "type": "float32",
        "shape": ["batch" if subject.batch is None else subject.batch, heads.colours, height, width],
        "colours": "grey" if heads.grey else "BGR",
        "range": [0, 255],
        "mean": [round(value, 4) for value in heads.mean],
    }
    if heads.grey:
        given["grey"] = [round(value, 4) for value in heads.grey]  # weights of B, G and R
    top, base = heads.thresholds.top_k, "the background" if heads.background else "the first class"
    outputs = {
        "NMS": f"float32 [batch, 1, {top}, 7]: picture, class (0 is {base}), score, corners in shares of the input",
        "NMS_1": "[batch, 1, 1, 1]: how many of the rows count",
    }
    beside = {**labels_file(names), deepstream.CONFIG: config(subject, heads, path.name)}
    return Made(given, outputs, beside, heads.decoding())


def config(subject: Subject, heads: Heads, name: str) -> str:
    """What Gst-nvinfer takes. The parser is part of deepstream_tao_apps (post_processor)."""
    height, width = heads.input_size
    return deepstream.config(
        subject,
        name,
        pixels={
            "offsets": ";".join(f"{value:.7g}" for value in heads.mean),
            "model-color-format": deepstream.GREY if heads.grey else deepstream.BGR,
            "infer-dims": f"{heads.colours};{height};{width}",
            "maintain-aspect-ratio": 0,
        },
        classes=heads.channels,
        parser={
            "uff-input-blob-name": "Input",
            "output-blob-names": "NMS",
            "parse-bbox-func-name": "NvDsInferParseCustomNMSTLT",
            "custom-lib-path": "libnvds_infercustomparser_tao.so",
        },
        suppression=4,
        comments={
            "cluster-mode": "4: the model has suppressed already",
            "custom-lib-path": "built in post_processor/ of deepstream_tao_apps",
        },
        every_class={"pre-cluster-threshold": 0.3},
    )
