"""int8 by ONNX Runtime's static quantisation: ranges measured on images, scales for every output channel."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tltpipe.errors import ExportError, TltpipeError

if TYPE_CHECKING:
    import onnx

QUANTISED = ("Conv", "Add", "Relu", "MaxPool", "Concat")
"""Between these, numbers stay in int8. The heads' outputs are taken out of it before they are decoded."""


def quantised(
    model: onnx.ModelProto,
    feeds: Iterator[dict[str, NDArray[np.float32]]],
    *,
    operators: Sequence[str] = QUANTISED,
) -> onnx.ModelProto:
    """``model`` (from prepared pixels to the heads' outputs) with int8 weights and uint8 activations.

    ``feeds`` are its inputs by name for one batch of calibration images after the other. Raises ExportError when ONNX
    Runtime cannot.
    """
    import onnx
    from onnxruntime import quantization

    logger = logging.getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory(prefix="tltpipe-") as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), source)
        try:
            logger.setLevel(logging.ERROR)
            quantization.quantize_static(
                source,
                target,
                Reader(feeds),
                quant_format=quantization.QuantFormat.QDQ,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=list(operators),
                calibration_providers=["CPUExecutionProvider"],
            )
        except TltpipeError:
            raise  # a picture that cannot be read
        except Exception as failure:  # it raises whatever its passes came upon
            first = str(failure).strip().partition("\n")[0]
            raise ExportError(f"ONNX Runtime cannot quantise this network: {first}") from failure
        finally:
            logger.setLevel(level)
        result = onnx.load(target)
    del result.metadata_props[:]
    imports = [each for each in result.opset_import if each.domain in ("", "ai.onnx")]
    used = {node.domain for node in result.graph.node}
    if used - {"", "ai.onnx"}:
        raise ExportError("quantisation left operators that ONNX does not know", hint="use --target_opset 13 or later")
    del result.opset_import[:]
    result.opset_import.extend(imports)
    return result


class Reader:
    """Inputs as ONNX Runtime asks for them, one batch after the other."""

    def __init__(self, feeds: Iterator[dict[str, NDArray[np.float32]]]) -> None:
        self.feeds = feeds

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self.feeds, None)
