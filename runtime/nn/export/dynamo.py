"""Networks as ONNX graphs by PyTorch's exporter: batches of any size, batch norms folded away, any opset."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.machine.quiet import quiet
from runtime.nn.export import halving, quantising
from tltpipe.errors import ExportError

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from runtime.nn.export.subject import Subject

NATIVE = 18
"""The lowest opset that torch writes; what convolutional networks are made of has changed little since 13."""


def exported(
    module: nn.Module,
    example: Tensor,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    opset: int,
    any_size: bool = False,
) -> onnx.ModelProto:
    """``module`` from tensors like ``example``, of any first axis "batch"; ``any_size``: of any "height" and "width",
    too. Raises ExportError when torch cannot."""
    import torch
    from onnx import compose

    free: dict[int, Any] = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC} if any_size else {}
    with torch.no_grad(), quiet():
        try:
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                opset_version=max(NATIVE, opset),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("batch"), **free},),
                verbose=False,
            )
        except Exception as failure:  # torch raises whatever its tracer came upon
            first = str(failure).strip().partition("\n")[0]
            raise ExportError(f"torch cannot write this network as ONNX: {first}") from failure
    assert program is not None
    for axis, name in zip(free, ("height", "width"), strict=False):  # torch has names of its own for them
        program.model_proto.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    graph = compose.add_prefix(program.model_proto, "network/", rename_inputs=False, rename_outputs=False)
    _downgrade(graph, opset)
    return graph


def in_data_type(
    model: onnx.ModelProto,
    subject: Subject,
    feeds: Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]],
    *,
    operators: Sequence[str] = quantising.QUANTISED,
) -> onnx.ModelProto:
    """``model`` in fp16 or int8 where that is wanted; ``feeds`` makes its inputs of pixels to calibrate on, and
    ``operators`` are computed in int8."""
    if subject.data_type == "fp16":
        return halving.halved(model)
    if subject.data_type != "int8":
        return model
    assert subject.calibration is not None
    batches = (dict(feeds(batch)) for batch in subject.calibration())
    return quantising.quantised(model, batches, operators=operators)


def _downgrade(model: onnx.ModelProto, opset: int) -> None:
    """Say ``opset``; what the checker thinks of it afterwards decides."""
    from onnx import helper

    if opset < 14:  # which only means something to shapes with a zero
        _without(model.graph, {"allowzero"})
    if opset < NATIVE:
        _axes_as_attributes(model.graph)
        _without(model.graph, {"antialias", "keep_aspect_ratio_policy"})  # of Resize, which then has the usual ones
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", opset))
    model.ir_version = min(model.ir_version, 9)
    del model.functions[:]
    del model.metadata_props[:]
    graph = model.graph
    described: list[Any] = [*graph.node, *graph.input, *graph.output, *graph.value_info]
    for each in described:
        del each.metadata_props[:]
        each.doc_string = ""


def _without(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Remove the attributes ``names`` from all nodes."""
    for node in graph.node:
        kept = [each for each in node.attribute if each.name not in names]
        del node.attribute[:]
        node.attribute.extend(kept)


def _axes_as_attributes(graph: onnx.GraphProto) -> None:
    """Means and maxima over axes had these as an attribute before they became an input; sums have had them longer."""
    from onnx import helper, numpy_helper

    values = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum" and len(node.input) == 2:
            axes = numpy_helper.to_array(values[node.input.pop()]).tolist()
            kept = [each for each in node.attribute if each.name == "keepdims"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("axes", axes)])
