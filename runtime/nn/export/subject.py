"""What is exported, and how a format says what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from runtime.imaging.placement import View

DATA_TYPES = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Subject:
    """A trained ``model`` on the CPU, in evaluation mode, and how it is to be exported.

    ``size`` is (height, width) of its images, None where it takes images of any size. ``batch`` None takes any number
    of them. ``calibration`` gives batches of images uint8 [B, H, W, 3], RGB, from the first one on each time it is
    called; None where nothing is quantised. ``view`` is how the model is shown images, ``names`` are ``Recipe.names``.
    """

    model: nn.Module
    network: str
    classes: tuple[str, ...]
    size: tuple[int, int] | None
    opset: int
    batch: int | None = None
    data_type: str = "fp32"
    calibration: Callable[[], Iterator[NDArray[np.uint8]]] | None = None
    view: View | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """The tensors of a program, for the card beside it: the ``input`` and, by their names, the ``outputs``.

    ``decoding`` are the fields of the card (``runtime.weights.card``) that say how to read outputs which are no
    predictions yet. ``beside``: texts of further files by their names.
    """

    input: Mapping[str, Any]
    outputs: Mapping[str, str]
    beside: Mapping[str, str]
    decoding: Mapping[str, Any] = field(default_factory=dict)


def images_input(subject: Subject, *, name: str = "images") -> dict[str, Any]:
    """The input of programs that take batches of images as they are; where these are letterboxed, cut out of the
    middle of a stretched image, or show one object each, it says how."""
    assert subject.size is not None
    return {
        "name": name,
        "type": "float32",
        "shape": ["batch" if subject.batch is None else subject.batch, 3, *subject.size],
        "colours": "RGB",
        "range": [0, 255],
        "mean": [0, 0, 0],
        **_placed(subject.view),
    }


def _placed(view: View | None) -> dict[str, Any]:
    """What of an image a program is shown, where that is not all of it, stretched."""
    from runtime.imaging.views.cut import Cut
    from runtime.imaging.views.framing import Letterbox, ObjectCrop

    match view:
        case Cut() if view.stretched != view.size:
            return {"cut_out_of": dict(zip(("width", "height"), view.stretched, strict=True))}
        case Letterbox():
            return {"letterbox": {"centred": view.centred, "fill": list(view.fill)}}
        case ObjectCrop():
            return {"object": {"margin": view.margin, "fill": list(view.fill)}}
    return {}


def label_names(subject: Subject, *, first: int) -> tuple[str, ...]:
    """Names by the label that a program gives: that of the first class is ``first``, 0 or 1."""
    return (("background",) if first else ()) + subject.classes


def labels_file(names: Sequence[str]) -> dict[str, str]:
    """``labels.txt``, with the name of label N in line N, counted from 0."""
    return {"labels.txt": "".join(f"{name}\n" for name in names)}
