"""ONNX of models whose outputs have as many rows as they find: by TorchScript's exporter, one image at a time.

``torch.export``, and the exporter that builds on it, cannot follow sizes that depend on the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runtime.machine.quiet import quiet
from runtime.nn.export import onnx_files
from tltpipe.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.nn.export.subject import Subject

IMAGE = "image"
SIDES = (160, 224)
"""Height and width to trace with; the graph takes any."""


class Predicts(Protocol):
    def predict(self, images: Sequence[Tensor]) -> Sequence[Mapping[str, Tensor]]: ...


def write(subject: Subject, model: Predicts, path: Path, *, outputs: Sequence[str]) -> None:
    """Write ``model``, the one of ``subject``, as a graph from IMAGE float32 [3, height, width], RGB from 0 to 255, to
    the ``outputs``: fields of a prediction whose first dimension is "count". Raises ExportError."""
    import onnx
    import torch

    if subject.batch not in (None, 1):
        raise ExportError("this network is exported for one image at a time", hint="leave --static_batch_size out")

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            (prediction,) = model.predict([image])
            return tuple(prediction[name] for name in outputs)

    try:
        with torch.no_grad(), quiet():
            torch.onnx.export(
                One().eval(),
                (torch.zeros(3, *SIDES),),
                str(path),
                dynamo=False,
                opset_version=subject.opset,
                input_names=[IMAGE],
                output_names=list(outputs),
                dynamic_axes={IMAGE: {1: "height", 2: "width"}, **{name: {0: "count"} for name in outputs}},
            )
    except Exception as failure:  # torch raises whatever its tracer came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"torch cannot write this network as ONNX: {first}") from failure
    onnx_files.save(onnx.load(path), path, names=("background", *subject.classes))


def image_input(resize: Mapping[str, int]) -> dict[str, Any]:
    """For the card: ``resize`` says how images are to be resized before, by the "min_size" of their shorter and the
    "max_size" of their longer side."""
    return {
        "name": IMAGE,
        "type": "float32",
        "shape": [3, "height", "width"],
        "colours": "RGB",
        "range": [0, 255],
        "mean": [0, 0, 0],
        "resize": dict(resize),
    }
