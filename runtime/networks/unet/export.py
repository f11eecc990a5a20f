"""ONNX from images to maps of classes: standard operators only, any batch and, where the network allows it, size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray
    from torch import Tensor

    from runtime.imaging.pixels import PixelBatch
    from runtime.networks.unet.model import PixelClassifier
    from runtime.tasks import Prediction

ABOUT = "ONNX, the class of each pixel"
SUFFIXES = (".onnx",)
DATA_TYPES = ("fp32", "fp16", "int8")
NEEDS = ("onnx", "onnxscript", "onnxruntime")

IMAGES, LOGITS, MAP = "images", "logits", "map"
EXACT, HALF = 1e-3, 0.02
"""Largest share of pixels whose two likeliest classes are so close that rounding chooses between them."""


@dataclass(frozen=True)
class Difference:
    """``share`` of the pixels of so many ``images`` have another class; ``allowed`` is the largest that is rounding."""

    images: int
    share: float
    allowed: float

    @property
    def same(self) -> bool:
        return self.share <= self.allowed

    @property
    def doubt(self) -> None:
        return None

    def text(self) -> str:
        return f"{self.images} images; {self.share:.2%} of the pixels have another class"

    def facts(self) -> Mapping[str, Any]:
        return {"images": self.images, "pixels": self.share, "allowed": self.allowed}


def write(subject: Subject, path: Path) -> Made:
    from runtime.nn.export import dynamo, onnx_files, pieces
    from runtime.nn.export.pieces import Piece

    model = _model(subject)
    graph = dynamo.in_data_type(_exported(subject), subject, _feeds)
    height, width = ("height", "width") if model.any_size else subject.size or model.input_size
    logits = f"float[batch,{model.settings.channels},{height},{width}] {LOGITS}"
    names = label_names(subject, first=1)
    text = f"""likeliest ({logits}) => (uint8[batch,{height},{width}] {MAP})
    {{
        place = ArgMax<axis=1,keepdims=0>({LOGITS})
        {MAP} = Cast<to=2>(place)
    }}"""
    onnx_files.save(pieces.join(graph, None, Piece(text), batch=subject.batch), path, names=names)
    given = images_input(subject)
    if model.any_size:
        sides = {"multiple_of": model.stride} if model.stride > 1 else {}
        given = {**given, "shape": [*given["shape"][:2], "height", "width"], **sides}
    about = "the class of each pixel, 0 for the background"
    batch = "batch" if subject.batch is None else subject.batch
    return Made(given, {MAP: f"uint8 [{batch}, {height}, {width}]: {about}"}, labels_file(names))


def compare(
    subject: Subject, images: PixelBatch, expected: Sequence[Prediction], found: Sequence[Prediction]
) -> Difference:
    """Pixels against pixels."""
    apart = [float((one[MAP] != other[MAP]).mean()) for one, other in zip(expected, found, strict=True)]
    return Difference(len(images), sum(apart) / len(apart), HALF if subject.data_type == "fp16" else EXACT)


def _model(subject: Subject) -> PixelClassifier:
    from runtime.networks.unet.model import PixelClassifier

    assert isinstance(subject.model, PixelClassifier)
    return subject.model


def _exported(subject: Subject) -> onnx.ModelProto:
    """From IMAGES float32 [batch, 3, H, W], RGB from 0 to 255, to LOGITS [batch, channels, H, W]."""
    import torch

    from runtime.nn.export import dynamo

    model = _model(subject)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> Tensor:
            return self.model.raw(images)

    example = torch.zeros(2, 3, *model.input_size)
    return dynamo.exported(
        Logits(), example, inputs=[IMAGES], outputs=[LOGITS], opset=subject.opset, any_size=model.any_size
    )


def _feeds(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return {IMAGES: np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)}
