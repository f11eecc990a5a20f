"""YOLOX as an ONNX graph: the network to its maps, and what stands behind it (``runtime.nn.export.pieces``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.imaging.boxes import LARGEST_LOG_SIDE
from runtime.networks.yolox.model import YOLOX
from runtime.networks.yolox.pyramid import STRIDES
from runtime.nn.export import dynamo, onnx_files, pieces, quantising
from runtime.nn.export.pieces import Piece
from runtime.tasks.detection.detections import Thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray
    from torch import Tensor

    from runtime.nn.export.subject import Subject

IMAGES = "images"
MAPS = tuple(f"map_{stride}" for stride in STRIDES)
"""The network's outputs: float32 [batch, 5 + classes, height / stride, width / stride], logits."""
OPERATORS = (*quantising.QUANTISED, "Sigmoid", "Mul")
"""In int8: the network's activations are a sigmoid and a product."""


@dataclass(frozen=True)
class Layout:
    """What the graph behind the network has to know: ``classes`` of them, the ``shapes`` (h, w) of the maps."""

    classes: int
    shapes: tuple[tuple[int, int], ...]
    thresholds: Thresholds

    @property
    def cells(self) -> int:
        return sum(height * width for height, width in self.shapes)

    @property
    def channels(self) -> int:
        return 5 + self.classes


def model_of(subject: Subject) -> YOLOX:
    assert isinstance(subject.model, YOLOX)
    return subject.model


def layout(subject: Subject) -> Layout:
    model = model_of(subject)
    settings, (height, width) = model.settings.network, model.input_size
    limits = Thresholds.including(settings.score_thresh, settings.nms_thresh, settings.detections_per_img)
    return Layout(len(subject.classes), tuple((height // stride, width // stride) for stride in STRIDES), limits)


def network(subject: Subject) -> onnx.ModelProto:
    """From IMAGES float32 [batch, 3, H, W], RGB from 0 to 255, to MAPS, in fp16 or int8 where that is wanted."""
    import torch

    model = model_of(subject)

    class Raw(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> Any:
            return self.model.raw(images)

    example = torch.zeros(2, 3, *model.input_size)
    graph = dynamo.exported(Raw(), example, inputs=[IMAGES], outputs=MAPS, opset=subject.opset)
    return dynamo.in_data_type(graph, subject, _feeds, operators=OPERATORS)


def save(subject: Subject, behind: Piece, path: Path, names: Sequence[str]) -> None:
    """Write the network with ``behind``; ``names`` are those of the classes."""
    onnx_files.save(pieces.join(network(subject), None, behind, batch=subject.batch), path, names=names)


def _feeds(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return {IMAGES: np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)}


def raw(known: Layout) -> Piece:
    """The maps as they are."""
    maps = _maps(known)
    return Piece(f"raw ({maps}) => ({maps}) {{\n}}")


def decoded(known: Layout) -> Piece:
    """All boxes, and the scores of all classes."""
    text = f"""decode ({_maps(known)})
        => (float[batch,{known.cells},4] boxes, float[batch,{known.cells},{known.classes}] scores)
    {{
        {_decoding()}
        boxes = Identity(corners)
        scores = Identity(all_scores)
    }}"""
    return Piece(text, _values(known))


def detections(known: Layout) -> Piece:
    """Decoded and suppressed, by the likeliest class of each cell."""
    behind = pieces.suppression(known.thresholds, boxes=known.cells, classes=known.classes)
    found = behind.most
    text = f"""detect ({_maps(known)})
        => (float[batch,{found},4] boxes, int64[batch,{found}] labels, float[batch,{found}] scores, int64[batch] count)
    {{
        {_decoding()}
        likeliest = ArgMax<axis=-1,keepdims=1>(classes)
        is_likeliest = Equal(likeliest, class_range)
        likely_scores = Where(is_likeliest, all_scores, zero)
        by_class = Transpose<perm=[0,2,1]>(likely_scores)
        {behind.lines}
    }}"""
    return Piece(text, {**_values(known), **behind.values})


def rows(known: Layout) -> Piece:
    """Of each cell the box, the score of its likeliest class, and that class, from 0 on: what DeepStream's parsers of
    YOLO take."""
    text = f"""rows ({_maps(known)}) => (float[batch,{known.cells},6] detections)
    {{
        {_decoding()}
        likeliest = ArgMax<axis=-1,keepdims=1>(classes)
        likely_score = GatherElements<axis=2>(all_scores, likeliest)
        likely_class = Cast<to=1>(likeliest)
        detections = Concat<axis=-1>(corners, likely_score, likely_class)
    }}"""
    return Piece(text, _values(known))


def _maps(known: Layout) -> str:
    return ", ".join(
        f"float[batch,{known.channels},{height},{width}] {name}"
        for name, (height, width) in zip(MAPS, known.shapes, strict=True)
    )


def _decoding() -> str:
    """Lines from MAPS to "corners" [batch, cells, 4], "classes" (logits) and "all_scores" [batch, cells, classes]."""
    flat = [
        f"{name}_last = Transpose<perm=[0,2,3,1]>({name})\n        {name}_flat = Reshape({name}_last, flat_map)"
        for name in MAPS
    ]
    return "\n        ".join([
        *flat,
        f"said = Concat<axis=1>({', '.join(f'{name}_flat' for name in MAPS)})",
        "offsets, log_sides, object, classes = Split<axis=-1>(said, parts)",
        "moved = Add(offsets, cell_corners)",
        "centres = Mul(moved, strides)",
        "bounded = Min(log_sides, largest_log_side)",
        "sides = Exp(bounded)",
        "halves = Mul(sides, half_strides)",
        "lower = Sub(centres, halves)",
        "upper = Add(centres, halves)",
        "corners = Concat<axis=-1>(lower, upper)",
        "is_object = Sigmoid(object)",
        "is_class = Sigmoid(classes)",
        "all_scores = Mul(is_object, is_class)",
    ])  # fmt: skip


def _values(known: Layout) -> dict[str, NDArray[Any]]:
    grids = [np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=-1).reshape(-1, 2) for h, w in known.shapes]
    strides = np.repeat(np.array(STRIDES, np.float32), [len(grid) for grid in grids])[:, None]
    return {
        "flat_map": np.array([0, -1, known.channels], np.int64),
        "parts": np.array([2, 2, 1, known.classes], np.int64),
        "cell_corners": np.concatenate(grids).astype(np.float32),
        "strides": strides,
        "half_strides": strides / 2,
        "largest_log_side": np.array(LARGEST_LOG_SIDE, np.float32),
        "class_range": np.arange(known.classes, dtype=np.int64),
        "zero": np.array(0, np.float32),
    }
