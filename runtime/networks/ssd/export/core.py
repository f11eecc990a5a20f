"""The network itself as an ONNX graph: prepared pixels in, outputs of the heads out; batch norms folded away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from runtime.imaging import pixels
from runtime.nn.export import dynamo

if TYPE_CHECKING:
    import onnx

    from runtime.networks.ssd.export.heads import Heads
    from runtime.networks.ssd.model import SSD
    from runtime.nn.export.subject import Subject

INPUT = "Input"
"""NVIDIA's name for it."""
LOGITS, OFFSETS = "logits", "offsets"


def network(subject: Subject, heads: Heads) -> onnx.ModelProto:
    """The network as a graph, in fp16 or int8 where that is wanted."""
    from runtime.networks.ssd.export.heads import model_of

    model = export(model_of(subject), heads, opset=subject.opset)
    prepared = partial(pixels.prepared, mean=heads.mean, grey=heads.grey)
    return dynamo.in_data_type(model, subject, lambda batch: {INPUT: prepared(batch)})


def export(model: SSD, heads: Heads, *, opset: int) -> onnx.ModelProto:
    """``model``, an SSD, from INPUT float32 [batch, colours, H, W] (BGR or grey, less the mean) to LOGITS [batch, A,
    channels] and OFFSETS [batch, A, 4]. Raises ExportError when torch cannot."""
    import torch

    class Core(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> Any:
            return self.model.heads(pixels)

    example = torch.zeros(2, heads.colours, *heads.input_size)
    return dynamo.exported(Core(), example, inputs=[INPUT], outputs=[LOGITS, OFFSETS], opset=opset)
