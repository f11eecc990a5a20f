"""float16 by ONNX Runtime's own converter: half the bytes, computed in half precision where the hardware can."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tltpipe.errors import ExportError

if TYPE_CHECKING:
    import onnx


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` (from prepared pixels to the outputs of the heads) with weights and activations in float16.

    Its inputs and outputs stay float32, so that anchors, decoding and suppression keep their precision. Raises
    ExportError when ONNX Runtime cannot.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    try:
        _unshare(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights too small for float16, which become its smallest
            half = convert_float_to_float16(onnx.shape_inference.infer_shapes(model), keep_io_types=True)
        OnnxModel(half).topological_sort()  # the casts of inputs come last otherwise
    except Exception as failure:  # it raises whatever its passes came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"ONNX Runtime cannot write this network in float16: {first}") from failure
    result: onnx.ModelProto = half
    return result


def _unshare(model: onnx.ModelProto) -> None:
    """Give every Resize initialisers of its own: the converter casts them for each, under one name."""
    values = {each.name: each for each in model.graph.initializer}
    for number, node in enumerate(each for each in model.graph.node if each.op_type == "Resize"):
        for place, name in enumerate(node.input):
            if name in values:
                copy = model.graph.initializer.add()
                copy.CopyFrom(values[name])
                copy.name = node.input[place] = f"{name}_resize_{number}"
