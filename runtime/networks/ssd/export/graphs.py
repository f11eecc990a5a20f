"""What stands before and behind an SSD in an exported graph (``runtime.nn.export.pieces``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.imaging.boxes import LARGEST_LOG_RATIO
from runtime.networks.ssd.export.core import INPUT, LOGITS, OFFSETS
from runtime.nn.export.onnx_files import TENSORRT_NMS
from runtime.nn.export.pieces import Piece, suppression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.networks.ssd.export.heads import Heads

IMAGES = "images"


def pixels(heads: Heads) -> Piece:
    """RGB pictures from 0 to 255 to what the backbone wants."""
    height, width = heads.input_size
    values: dict[str, NDArray[Any]] = {
        "bgr": np.array([2, 1, 0], np.int64),
        "mean": np.array(heads.mean, np.float32).reshape(-1, 1, 1),
    }
    last = f"{INPUT} = Sub(pixels_bgr, mean)"
    if heads.grey:
        values["grey"] = np.array(heads.grey, np.float32).reshape(-1, 1, 1)
        values["colours"] = np.array([1], np.int64)
        last = f"""pixels_centred = Sub(pixels_bgr, mean)
        pixels_weighted = Mul(pixels_centred, grey)
        {INPUT} = ReduceSum<keepdims=1>(pixels_weighted, colours)"""
    text = f"""before (float[batch,3,{height},{width}] {IMAGES})
        => (float[batch,{heads.colours},{height},{width}] {INPUT})
    {{
        pixels_bgr = Gather<axis=1>({IMAGES}, bgr)
        {last}
    }}"""
    return Piece(text, values)


def raw(heads: Heads) -> Piece:
    """The heads as they are, and the anchors they speak of."""
    count = len(heads.anchors)
    text = f"""raw (float[batch,{count},{heads.channels}] {LOGITS}, float[batch,{count},4] {OFFSETS})
        => (float[batch,{count},{heads.channels}] {LOGITS}, float[batch,{count},4] {OFFSETS}, float[{count},4] anchors)
    {{
        anchors = Identity(anchor_corners)
    }}"""
    return Piece(text, {"anchor_corners": heads.anchors})


def detections(heads: Heads) -> Piece:
    """Decoding and suppression in standard operators, as ``runtime.networks.ssd.decode.detect`` does them."""
    anchors = len(heads.anchors)
    behind = suppression(heads.thresholds, boxes=anchors, classes=heads.classes)
    found = behind.most
    height, width = heads.input_size
    low, high = heads.anchors[:, :2], heads.anchors[:, 2:]
    scale = np.array([width, height], np.float32)
    values: dict[str, NDArray[Any]] = {
        "variances": np.array(heads.variances, np.float32),
        "halves": np.array([2, 2], np.int64),
        "largest_log_ratio": np.array(LARGEST_LOG_RATIO, np.float32),
        "anchor_centre": (low + high) / 2 * scale,
        "anchor_size": (high - low) * scale,
        "anchor_half": (high - low) / 2 * scale,
        "channel_end": np.array([heads.channels], np.int64),
        **behind.values,
    }
    text = f"""detect (float[batch,{anchors},{heads.channels}] {LOGITS}, float[batch,{anchors},4] {OFFSETS})
        => (float[batch,{found},4] boxes, int64[batch,{found}] labels, float[batch,{found}] scores, int64[batch] count)
    {{
        scaled = Mul({OFFSETS}, variances)
        shift, log_ratio = Split<axis=-1>(scaled, halves)
        moved = Mul(shift, anchor_size)
        centre = Add(moved, anchor_centre)
        bounded = Min(log_ratio, largest_log_ratio)
        ratio = Exp(bounded)
        half = Mul(ratio, anchor_half)
        lower = Sub(centre, half)
        upper = Add(centre, half)
        corners = Concat<axis=-1>(lower, upper)
        {_scores(heads)}
        by_class = Transpose<perm=[0,2,1]>(probabilities)
        {behind.lines}
    }}"""
    return Piece(text, values)


def plugin(heads: Heads) -> Piece:
    """TensorRT's plugin that decodes and suppresses, fed and set as NVIDIA's exporter does.

    Its outputs are what DeepStream's parser reads: NMS [batch, 1, top_k, 7] rows of picture, class, score, corners in
    shares of the input; NMS_1 [batch, 1, 1, 1] how many of them count. Without a background class the classes start
    at 0.
    """
    count, limits = len(heads.anchors), heads.thresholds
    corners = heads.anchors.reshape(1, 1, -1, 1)
    variances = np.tile(np.array(heads.variances, np.float32), count).reshape(1, 1, -1, 1)
    settings = {
        "shareLocation": 1,
        "varianceEncodedInTarget": 0,
        "backgroundLabelId": 0 if heads.background else -1,
        "confidenceThreshold": float(np.float32(limits.confidence)),
        "nmsThreshold": float(np.float32(limits.iou)),
        "topK": 2 * limits.top_k,
        "codeType": 1,
        "keepTopK": limits.top_k,
        "numClasses": heads.channels,
        "inputOrder": [1, 2, 0],
        "confSigmoid": 0,
        "isNormalized": 1,
        "scoreBits": 0,
    }
    values: dict[str, NDArray[Any]] = {
        "anchor_and_variance": np.concatenate([corners, variances], axis=1).astype(np.float32),
        "column": np.array([0, -1, 1, 1], np.int64),
        "batch_from": np.array([0], np.int64),
        "batch_to": np.array([1], np.int64),
        "anchor_shape": np.array([2, 4 * count, 1], np.int64),
        "first": np.array([1], np.int64),
        "last_axis": np.array([2], np.int64),
        "channel_end": np.array([heads.channels], np.int64),
    }
    text = f"""plugin (float[batch,{count},{heads.channels}] {LOGITS}, float[batch,{count},4] {OFFSETS})
        => (float[batch,1,{limits.top_k},7] NMS, float[batch,1,1,1] NMS_1)
    {{
        loc_data = Reshape({OFFSETS}, column)
        {_probabilities(heads)}
        conf_data = Reshape(probabilities, column)
        input_shape = Shape({INPUT})
        batch_size = Slice(input_shape, batch_from, batch_to)
        anchor_target = Concat<axis=0>(batch_size, anchor_shape)
        anchor_data = Expand(anchor_and_variance, anchor_target)
        NMS, NMS_1 = {TENSORRT_NMS}<{_attributes(settings)}>(anchor_data, loc_data, conf_data)
    }}"""
    return Piece(text, values)


def _probabilities(heads: Heads) -> str:
    """Of every channel, the background's too."""
    return f"probabilities = {'Softmax<axis=-1>' if heads.background else 'Sigmoid'}({LOGITS})"


def _scores(heads: Heads) -> str:
    """Of the classes alone."""
    if not heads.background:
        return f"probabilities = Sigmoid({LOGITS})"
    return f"""with_background = Softmax<axis=-1>({LOGITS})
        probabilities = Slice(with_background, first, channel_end, last_axis)"""


def _attributes(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in settings.items())
