"""Exported graphs that answer in known places, for tests of what is done with a model's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from runtime.nn.export import onnx_files
from runtime.nn.export.subject import Subject, images_input
from runtime.weights import card
from runtime.weights.card import Card


def model(
    path: Path, classes: tuple[str, ...], size: int, boxes: list[list[float]], labels: list[int], network: str = "ssd"
) -> Path:
    """A graph that finds ``boxes`` with falling scores on what is light, and nothing on what is dark. As "mask_rcnn" it
    finds the left half of each."""
    helper, count = onnx.helper, len(boxes)
    arrays = {
        "fixed_boxes": np.array([boxes], np.float32), "fixed_labels": np.array([labels], np.int64),
        "fixed_scores": np.linspace(0.9, 0.6, count, dtype=np.float32)[None], "dark": np.array(60, np.float32),
        "one": np.array([1], np.int64), "no_axes": np.array([0, 0], np.int64),
    }  # fmt: skip
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Greater", ["mean", "dark"], ["light"]),
        helper.make_node("Cast", ["light"], ["factor"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["factor", "one"], ["column"]),
        helper.make_node("Mul", ["column", "fixed_scores"], ["scores"]),
        helper.make_node("Shape", ["scores"], ["shape"]),
        helper.make_node("Expand", ["fixed_labels", "shape"], ["labels"]),
        helper.make_node("Unsqueeze", ["scores", "two"], ["wide"]),
        helper.make_node("Shape", ["wide"], ["wide_shape"]),
        helper.make_node("Expand", ["fixed_boxes", "wide_shape"], ["boxes"]),
    ]
    arrays["two"] = np.array([2], np.int64)
    outputs = {"boxes": (1, [None, count, 4]), "labels": (7, [None, count]), "scores": (1, [None, count])}
    if network == "mask_rcnn":
        arrays["fixed_grids"] = np.tile(np.array([1, 1, 0, 0], np.float32), (1, count, 4, 1))
        arrays["three"] = np.array([3], np.int64)
        outputs["mask_grids"] = (1, [None, count, 4, 4])
        nodes += [
            helper.make_node("Unsqueeze", ["wide", "three"], ["wider"]),
            helper.make_node("Shape", ["wider"], ["wider_shape"]),
            helper.make_node("Expand", ["fixed_grids", "wider_shape"], ["mask_grids"]),
        ]
    graph = helper.make_graph(
        nodes, "fixed", [helper.make_tensor_value_info("images", 1, ["batch", 3, size, size])],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx_files.save(made, path, names=("background", *classes))
    subject = Subject(None, network, classes, (size, size), 17)  # type: ignore[arg-type]
    told = Card("onnx", f"{network}_fixed", classes, (size, size), images_input(subject), dict.fromkeys(outputs, ""))
    card.path_of(path).write_text(told.text())
    return path


def map_model(path: Path, classes: tuple[str, ...], values: np.ndarray) -> Path:
    """A graph that says ``values``, uint8 [height, width], of every image: 0 is the background, 1 the first class."""
    helper, (height, width) = onnx.helper, values.shape
    arrays = {"values": values[None], "zero": np.array([0], np.int64), "sides": np.array([height, width], np.int64)}
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"], axis=0),
        helper.make_node("Concat", ["batch", "sides"], ["size"], axis=0),
        helper.make_node("Expand", ["values", "size"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes, "fixed", [helper.make_tensor_value_info("images", 1, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("map", onnx.TensorProto.UINT8, ["batch", height, width])],
        [onnx.numpy_helper.from_array(each, name) for name, each in arrays.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx_files.save(made, path, names=("background", *classes))
    given = images_input(Subject(None, "unet", classes, (height, width), 17))  # type: ignore[arg-type]
    card.path_of(path).write_text(Card("onnx", "unet_fixed", classes, (height, width), given, {"map": ""}).text())
    return path
