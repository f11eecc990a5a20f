"""What is exported, and how a format says what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.exporting.heads import Heads

DATA_TYPES = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Subject:
    """A trained ``detector`` on the CPU, and how it is wanted.

    ``batch`` None takes any number of pictures. ``calibration`` gives batches of pictures uint8 [B, H, W, 3], RGB,
    from the first one on each time it is called; None where nothing is quantised.
    """

    detector: Any
    heads: Heads
    network: str
    classes: tuple[str, ...]
    opset: int
    batch: int | None = None
    data_type: str = "fp32"
    calibration: Callable[[], Iterator[NDArray[np.uint8]]] | None = None


@dataclass(frozen=True)
class Made:
    """The tensors of a program, for the card beside it, and ``beside``: texts of further files by their names."""

    input: Mapping[str, Any]
    outputs: Mapping[str, str]
    beside: Mapping[str, str]


def pictures(subject: Subject, *, name: str = "images") -> dict[str, Any]:
    """The input of programs that take pictures as they are."""
    height, width = subject.heads.input_size
    return {
        "name": name,
        "type": "float32",
        "shape": ["batch" if subject.batch is None else subject.batch, 3, height, width],
        "colours": "RGB",
        "range": [0, 255],
        "mean": [0, 0, 0],
    }


def labels(subject: Subject) -> str:
    """A class a line in the order of their numbers, the background first where it is one of them."""
    return "".join(f"{name}\n" for name in (["background"] if subject.heads.background else []) + [*subject.classes])


Write = Callable[[Subject, Path], Made]
