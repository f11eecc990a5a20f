"""ONNX of detectors that take images of any size, one at a time: a format that such networks name in ``EXPORTS``.

By TorchScript's exporter: ``torch.export``, and the exporter that builds on it, cannot follow numbers of detections
that depend on the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from runtime.imaging.views.framing import KeepAspect
from runtime.machine.quiet import quiet
from runtime.nn.export import onnx_files
from runtime.nn.export.subject import Made, Subject, label_names, labels_file
from runtime.tasks.detection import difference
from tltpipe.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.imaging.pixels import Pixels
    from runtime.tasks import Prediction

ABOUT = "ONNX, one image of any size, suppression inside"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32",)
NEEDS = ("onnx", "onnxruntime")
IMAGE = "image"
OUTPUTS = {
    "boxes": "float32 [count, 4]: left, top, right, bottom in pixels of the image, best first",
    "labels": "int64 [count]: 1 is the first class",
    "scores": "float32 [count]: falling",
}
SIDES = (160, 224)
"""Height and width to trace with; the graph takes any."""


class Predicts(Protocol):
    def predict(self, images: Sequence[Tensor]) -> Sequence[Mapping[str, Tensor]]: ...


def write(subject: Subject, path: Path) -> Made:
    import onnx

    if subject.batch not in (None, 1):
        raise ExportError("this network is exported for one image at a time", hint="leave --static_batch_size out")
    if not isinstance(subject.view, KeepAspect):
        raise ExportError("this network does not say how its images are resized", hint="pass the spec: -e SPEC")
    _trace(subject, path)
    names = label_names(subject, first=1)
    onnx_files.save(onnx.load(path), path, names=names)
    given = {
        "name": IMAGE,
        "type": "float32",
        "shape": [3, "height", "width"],
        "colours": "RGB",
        "range": [0, 255],
        "mean": [0, 0, 0],
        "resize": {"min_size": subject.view.min_sizes[-1], "max_size": subject.view.max_size},
    }
    return Made(given, OUTPUTS, labels_file(names))


def _trace(subject: Subject, path: Path) -> None:
    import torch

    model = cast("Predicts", subject.model)

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = subject.model

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            (prediction,) = model.predict([image])
            return tuple(prediction[name] for name in OUTPUTS)

    try:
        with torch.no_grad(), quiet():
            torch.onnx.export(
                One().eval(),
                (torch.zeros(3, *SIDES),),
                str(path),
                dynamo=False,
                opset_version=subject.opset,
                input_names=[IMAGE],
                output_names=list(OUTPUTS),
                dynamic_axes={IMAGE: {1: "height", 2: "width"}, **{name: {0: "count"} for name in OUTPUTS}},
            )
    except Exception as failure:  # torch raises whatever its tracer came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"torch cannot write this network as ONNX: {first}") from failure


def compare(
    _subject: Subject, _images: Pixels, expected: Sequence[Prediction], found: Sequence[Prediction]
) -> difference.Difference:
    return difference.between(expected, found)
