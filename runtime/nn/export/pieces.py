"""What stands before and behind a network in an exported graph, written in ONNX's own text form.

A piece is a graph whose first inputs are names that the pieces before it define. Numbers that depend on the network
come as initialisers. https://github.com/onnx/onnx/blob/main/docs/Syntax.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from runtime.tasks.detection.detections import Thresholds


@dataclass(frozen=True)
class Piece:
    """``text`` is a graph; its own inputs are to be kept as inputs of the model only where it is the first piece."""

    text: str
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Suppression:
    """``lines`` of a piece that suppresses by standard operators, the ``values`` they take, and how many rows its
    outputs have: ``most``."""

    lines: str
    values: Mapping[str, NDArray[Any]]
    most: int


def suppression(thresholds: Thresholds, *, boxes: int, classes: int) -> Suppression:
    """From ``corners`` float [batch, boxes, 4] and ``by_class`` float [batch, classes, boxes] to ``boxes``
    [batch, most, 4], ``labels`` [batch, most] from 1, ``scores`` [batch, most], ``count`` [batch].

    What NonMaxSuppression picks is put back into an otherwise empty [batch, classes x boxes], whose ``top_k`` largest
    are the detections of a picture: batches of any size need neither loop nor padding. What is missing to ``top_k`` is
    zero, label too.
    """
    most = min(thresholds.top_k, boxes * classes)
    values: dict[str, NDArray[Any]] = {
        "zero": np.array(0, np.float32),
        "no_label": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "first": np.array([1], np.int64),
        "last_axis": np.array([2], np.int64),
        "per_class": np.array([thresholds.top_k], np.int64),
        "iou": np.array([thresholds.iou], np.float32),
        "confidence": np.array([thresholds.confidence], np.float32),
        "flat": np.array([0, -1], np.int64),
        "box_count": np.array(boxes, np.int64),
        "found_count": np.array([most], np.int64),
    }
    lines = """picked = NonMaxSuppression(corners, by_class, per_class, iou, confidence)
        picked_scores = GatherND(by_class, picked)
        shape = Shape(by_class)
        nothing = ConstantOfShape(shape)
        kept = ScatterND(nothing, picked, picked_scores)
        kept_flat = Reshape(kept, flat)
        scores, places = TopK<axis=-1,largest=1,sorted=1>(kept_flat, found_count)
        is_found = Greater(scores, zero)
        number = Cast<to=7>(is_found)
        count = ReduceSum<keepdims=0>(number, first)
        class_index = Div(places, box_count)
        class_label = Add(class_index, one)
        labels = Where(is_found, class_label, no_label)
        box_index = Mod(places, box_count)
        box_rows = Unsqueeze(box_index, last_axis)
        all_boxes = GatherND<batch_dims=1>(corners, box_rows)
        has_box = Unsqueeze(is_found, last_axis)
        boxes = Where(has_box, all_boxes, zero)"""
    return Suppression(lines, values, most)


def outputs_of(most: int) -> dict[str, str]:
    """For the card: the outputs of ``suppression``."""
    return {
        "boxes": f"float32 [batch, {most}, 4]: left, top, right, bottom in pixels of the input, not clipped",
        "labels": f"int64 [batch, {most}]: 1 is the first class, 0 no detection",
        "scores": f"float32 [batch, {most}]: falling, 0 for no detection",
        "count": "int64 [batch]: how many detections there are",
    }


def parse(piece: Piece) -> onnx.GraphProto:
    """The piece as a graph, with the values it uses."""
    from onnx import numpy_helper, parser

    graph = parser.parse_graph(piece.text)
    used = {name for node in graph.node for name in node.input}
    for name, value in piece.values.items():
        if name in used:
            graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return graph


def join(network: onnx.ModelProto, before: Piece | None, behind: Piece, *, batch: int | None) -> onnx.ModelProto:
    """One model of ``before``, ``network`` and ``behind``; ``batch`` None takes any number of pictures."""
    from onnx import helper, shape_inference

    first, last = parse(before) if before else None, parse(behind)
    parts: Sequence[onnx.GraphProto] = [part for part in (first, network.graph, last) if part is not None]
    graph = helper.make_graph(
        [node for part in parts for node in part.node],
        network.graph.name or "network",
        list((first or network.graph).input),
        list(last.output),
        [value for part in parts for value in part.initializer],
    )
    if batch is not None:
        for value in (*graph.input, *graph.output):
            for dimension in value.type.tensor_type.shape.dim:
                if dimension.dim_param == "batch":
                    dimension.dim_value = batch
    for number, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    model = helper.make_model(graph, opset_imports=list(network.opset_import), producer_name="tltpipe")
    model.ir_version = network.ir_version
    return shape_inference.infer_shapes(model)
