"""ONNX from images to probabilities and boxes: standard operators only, any batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.nn.export.subject import Made, Subject, images_input, labels_file
from tltpipe.errors import ExportError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from runtime.imaging.pixels import PixelBatch
    from runtime.networks.multitask.model import Multitask
    from runtime.tasks import Prediction

ABOUT = "ONNX, probabilities of categories and attributes, and the box"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")

IMAGES = "images"
ALIGNING = 16
"""The first opset whose RoIAlign takes corners as torchvision's does."""
EXACT, HALF = 1e-4, 0.02
"""Largest difference of probabilities, and of boxes as a share of the input's sides, that is rounding."""


@dataclass(frozen=True)
class Difference:
    """The largest differences on so many ``images``: of probabilities, and of boxes in pixels; ``allowed`` are those
    that are rounding."""

    images: int
    probabilities: float
    pixels: float
    allowed: tuple[float, float]

    @property
    def same(self) -> bool:
        return self.probabilities <= self.allowed[0] and self.pixels <= self.allowed[1]

    @property
    def doubt(self) -> None:
        return None

    def text(self) -> str:
        return (
            f"{self.images} images; largest difference {self.probabilities:.2g} in probabilities, {self.pixels:.2g} px"
        )

    def facts(self) -> Mapping[str, Any]:
        allowed = dict(zip(("probabilities", "pixels"), self.allowed, strict=True))
        return {"images": self.images, "probabilities": self.probabilities, "pixels": self.pixels, "allowed": allowed}


def write(subject: Subject, path: Path) -> Made:
    from runtime.nn.export import dynamo, onnx_files, pieces
    from runtime.nn.export.pieces import Piece

    network = _model(subject).settings.network
    if network.local_features and network.local_pooling == "align" and subject.opset < ALIGNING:
        what = f"RoIAlign, which pools the features in the box, is as it is here from opset {ALIGNING} on"
        raise ExportError(what, hint=f"--target_opset {ALIGNING}, or train with local_pooling: max")
    outputs = described(_model(subject))
    graph = dynamo.in_data_type(_exported(subject, list(outputs)), subject, _feeds)
    as_they_are = ", ".join(f"{_onnx_type(told)} {name}" for name, told in outputs.items())
    whole = pieces.join(graph, None, Piece(f"all ({as_they_are}) => ({as_they_are}) {{\n}}"), batch=subject.batch)
    onnx_files.save(whole, path, names=subject.classes)
    return Made(images_input(subject), outputs, labels_file(subject.classes))


def _onnx_type(told: str) -> str:
    """ "float[batch,4]" of "float32 [batch, 4]: ..."."""
    return told.partition(":")[0].replace("float32", "float").replace(" ", "")


def described(model: Multitask) -> dict[str, str]:
    """The outputs, in their order."""
    values = ", ".join(f"{len(values)} of {task}" for task, values in model.settings.tasks.items())
    found = {
        "label": "int64 [batch]: the likeliest value of the first task, from 1",
        "choices": f"float32 [batch, {sum(map(len, model.settings.tasks.values()))}]: probabilities, {values}",
    }
    if model.settings.attributes:
        found["attributes"] = f"float32 [batch, {model.settings.attributes}]: probabilities"
    if model.box is not None:
        found["box"] = "float32 [batch, 4]: left, top, right, bottom in pixels of the input"
    return found


def compare(
    subject: Subject,
    images: PixelBatch,
    expected: Sequence[Prediction],
    found: Sequence[Prediction],
) -> Difference:
    """Probabilities against probabilities, boxes against boxes."""
    assert subject.size is not None
    limit = HALF if subject.data_type == "fp16" else EXACT
    names = [name for name in ("choices", "attributes") if name in expected[0]]
    apart = max(_apart(expected, found, name) for name in names)
    pixels = _apart(expected, found, "box") if "box" in expected[0] else 0.0
    return Difference(len(images), apart, pixels, (limit, limit * max(subject.size)))


def _apart(one: Sequence[Prediction], other: Sequence[Prediction], name: str) -> float:
    return max(float(np.abs(a[name] - b[name]).max(initial=0)) for a, b in zip(one, other, strict=True))


def _model(subject: Subject) -> Multitask:
    from runtime.networks.multitask.model import Multitask

    assert isinstance(subject.model, Multitask)
    return subject.model


def _exported(subject: Subject, outputs: Sequence[str]) -> Any:
    import torch

    from runtime.nn.export import dynamo

    model = _model(subject)

    class Program(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            found = model.tensors(model.said(images))
            return tuple(found[name] for name in outputs)

    example = torch.zeros(2, 3, *model.input_size)
    return dynamo.exported(Program(), example, inputs=[IMAGES], outputs=outputs, opset=subject.opset)


def _feeds(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return {IMAGES: np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)}
