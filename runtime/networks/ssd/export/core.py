"""The network itself as an ONNX graph: prepared pixels in, outputs of the heads out; batch norms folded away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from runtime.imaging import pixels
from runtime.machine.quiet import quiet
from runtime.nn.export import halving, quantising
from tltpipe.errors import ExportError

if TYPE_CHECKING:
    import onnx

    from runtime.networks.ssd.export.heads import Heads
    from runtime.networks.ssd.model import SSD
    from runtime.nn.export.subject import Subject

INPUT = "Input"
"""NVIDIA's name for it."""
LOGITS, OFFSETS = "logits", "offsets"
NATIVE = 18
"""The lowest opset that torch writes; what an SSD is made of has not changed since OLDEST but for one attribute."""
OLDEST, NEWEST = 13, 20


def network(subject: Subject, heads: Heads) -> onnx.ModelProto:
    """The network as a graph, in fp16 or int8 where that is wanted."""
    from runtime.networks.ssd.export.heads import model_of

    model = export(model_of(subject), heads, opset=subject.opset)
    if subject.data_type == "fp16":
        return halving.halved(model)
    if subject.calibration is None:
        return model
    prepared = partial(pixels.prepared, mean=heads.mean, grey=heads.grey)
    return quantising.quantised(model, ({INPUT: prepared(batch)} for batch in subject.calibration()))


def export(model: SSD, heads: Heads, *, opset: int) -> onnx.ModelProto:
    """``model``, an SSD, from INPUT float32 [batch, colours, H, W] (BGR or grey, less the mean) to LOGITS [batch, A,
    channels] and OFFSETS [batch, A, 4]. Raises ExportError when torch cannot."""
    import torch
    from onnx import compose

    class Core(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> Any:
            return self.model.heads(pixels)

    example = torch.zeros(2, heads.colours, *heads.input_size)
    with torch.no_grad(), quiet():
        try:
            program = torch.onnx.export(
                Core().eval(),
                (example,),
                dynamo=True,
                opset_version=max(NATIVE, opset),
                input_names=[INPUT],
                output_names=[LOGITS, OFFSETS],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
        except Exception as failure:  # torch raises whatever its tracer came upon
            first = str(failure).strip().partition("\n")[0]
            raise ExportError(f"torch cannot write this network as ONNX: {first}") from failure
    assert program is not None
    graph = compose.add_prefix(program.model_proto, "network/", rename_inputs=False, rename_outputs=False)
    _downgrade(graph, opset)
    return graph


def _downgrade(model: onnx.ModelProto, opset: int) -> None:
    """Say ``opset``; what the checker thinks of it afterwards decides."""
    from onnx import helper

    if opset < 14:  # Reshape has "allowzero" since then, which only means something to shapes with a zero
        for node in model.graph.node:
            kept = [each for each in node.attribute if each.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)
    if opset < NATIVE:
        _axes_as_attributes(model.graph)
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
