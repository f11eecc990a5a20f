"""HRNet as an ONNX graph: the network to its heat maps, and what stands behind it (``runtime.nn.export.pieces``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runtime.networks.hrnet.model import HRNet
from runtime.networks.hrnet.settings import STRIDE
from runtime.nn.export import dynamo, onnx_files, pieces
from runtime.nn.export.pieces import Piece
from runtime.nn.export.subject import label_names

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray
    from torch import Tensor

    from runtime.networks.hrnet.settings import Settings
    from runtime.nn.export.subject import Subject

IMAGES, MAPS = "images", "heatmaps"


def model_of(subject: Subject) -> HRNet:
    assert isinstance(subject.model, HRNet)
    return subject.model


def network(subject: Subject) -> onnx.ModelProto:
    """From IMAGES float32 [batch, 3, H, W], RGB from 0 to 255, to MAPS [batch, channels, H / 4, W / 4], with the mirror
    image where the settings want it, in fp16 where that is wanted."""
    import torch

    model = model_of(subject)

    class Maps(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> Tensor:
            return self.model.maps(images)

    example = torch.zeros(2, 3, *model.input_size)
    graph = dynamo.exported(Maps(), example, inputs=[IMAGES], outputs=[MAPS], opset=subject.opset)
    return dynamo.in_data_type(graph, subject, lambda _: {})


def save(subject: Subject, behind: Piece, path: Path) -> None:
    """Write the network with ``behind``."""
    model = pieces.join(network(subject), None, behind, batch=subject.batch)
    onnx_files.save(model, path, names=label_names(subject, first=1))


def raw(settings: Settings) -> Piece:
    """The heat maps as they are."""
    maps = _maps(settings)
    return Piece(f"raw ({maps}) => ({maps}) {{\n}}")


def decoded(settings: Settings) -> Piece:
    """Landmarks, as ``runtime.networks.hrnet.decode`` finds them."""
    height, width = settings.map_size
    text = f"""decode ({_maps(settings)}) => (float[batch,1,{len(settings.slots)},3] keypoints)
    {{
        flat = Reshape({MAPS}, flat_map)
        places = ArgMax<axis=-1,keepdims=1>(flat)
        highest = GatherElements<axis=2>(flat, places)
        column = Mod(places, width)
        row = Div(places, width)
        cell = Concat<axis=-1>(column, row)
        {_beside("right", "one")}
        {_beside("left", "minus_one")}
        {_beside("below", "width")}
        {_beside("above", "minus_width")}
        slope_across = Sub(value_right, value_left)
        slope_down = Sub(value_below, value_above)
        slope = Concat<axis=-1>(slope_across, slope_down)
        direction = Sign(slope)
        column_behind = Greater(column, one)
        column_before = Less(column, last_column)
        column_inner = And(column_behind, column_before)
        row_behind = Greater(row, one)
        row_before = Less(row, last_row)
        row_inner = And(row_behind, row_before)
        is_inner = And(column_inner, row_inner)
        inner = Cast<to=1>(is_inner)
        inner_direction = Mul(direction, inner)
        move = Mul(inner_direction, quarter)
        corner = Cast<to=1>(cell)
        exact = Add(corner, move)
        pixels = Mul(exact, stride)
        is_peak = Greater(highest, zero)
        peak_number = Cast<to=1>(is_peak)
        placed = Mul(pixels, peak_number)
        by_channel = Concat<axis=-1>(placed, highest)
        points = Gather<axis=1>(by_channel, slots)
        keypoints = Unsqueeze(points, second_axis)
    }}"""
    return Piece(text, _values(settings, height, width))


def _beside(name: str, step: str) -> str:
    """Lines to "value_NAME", that of the cell ``step`` further on."""
    return f"""place_{name} = Add(places, {step})
        place_{name}_low = Max(place_{name}, no_place)
        place_{name}_in = Min(place_{name}_low, last_place)
        value_{name} = GatherElements<axis=2>(flat, place_{name}_in)"""


def _maps(settings: Settings) -> str:
    height, width = settings.map_size
    return f"float[batch,{settings.channels},{height},{width}] {MAPS}"


def _values(settings: Settings, height: int, width: int) -> dict[str, NDArray[np.generic]]:
    whole = {
        "flat_map": [0, 0, -1],
        "width": width,
        "minus_width": -width,
        "one": 1,
        "minus_one": -1,
        "last_column": width - 1,
        "last_row": height - 1,
        "no_place": 0,
        "last_place": height * width - 1,
        "slots": settings.slots,
        "second_axis": [1],
    }
    broken = {"quarter": 0.25, "stride": STRIDE, "zero": 0}
    return {
        **{name: np.array(value, np.int64) for name, value in whole.items()},
        **{name: np.array(value, np.float32) for name, value in broken.items()},
    }
