"""What is exported, and how a format says what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.networks.ssd.export.heads import Heads

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


def label_names(subject: Subject, *, first: int) -> tuple[str, ...]:
    """Names by the label that a program gives: that of the first class is ``first``, 0 or 1."""
    return (("background",) if first else ()) + subject.classes


def labels_file(names: Sequence[str]) -> dict[str, str]:
    """``labels.txt``, with the name of label N in line N, counted from 0."""
    return {"labels.txt": "".join(f"{name}\n" for name in names)}


Write = Callable[[Subject, Path], Made]
