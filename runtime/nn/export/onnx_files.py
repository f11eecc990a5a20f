"""ONNX graphs, checked, on their way to a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tltpipe.errors import ExportError

if TYPE_CHECKING:
    import onnx

NAMES = "names"
"""In ONNX's metadata: a JSON list in which a label of the graph is the index of its name."""
TENSORRT_NMS = "NMSDynamic_TRT"
"""TensorRT's plugin that decodes and suppresses: the one operator that is not ONNX's own."""


def save(model: onnx.ModelProto, path: Path, *, names: Sequence[str], foreign: bool = False) -> None:
    """Write ``model`` if ONNX's checker has nothing to say against it; ``foreign``: it holds a node of others.

    ``names`` go into its metadata, a JSON list in which a label is the index of its name. Raises ExportError.
    """
    import onnx

    onnx.helper.set_model_props(model, {NAMES: json.dumps(list(names))})

    try:
        if foreign:
            standard = onnx.ModelProto()
            standard.CopyFrom(model)
            node = standard.graph.node[-1]
            del standard.graph.node[-1], standard.graph.output[:]
            standard.graph.output.extend(
                onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4) for name in node.input
            )
            onnx.checker.check_model(standard, full_check=True)
        else:
            onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as wrong:
        first = str(wrong).strip().partition("\n")[0]
        hint = "another --target_opset may do"
        raise ExportError(f"the graph is no valid ONNX: {first}", hint=hint) from wrong
    path.write_bytes(model.SerializeToString())
