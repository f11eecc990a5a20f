"""Boxes in numpy, all as corners left, top, right, bottom: overlap, suppression, and decoding from anchors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_LOG_RATIO = 20.0
"""exp() of more would leave float32 once squared; no real box is e^20 times its anchor."""

LARGEST_LOG_SIDE = 8.0
"""Of a box from a cell, in strides: no image is as large, and a network that has learnt little cannot say infinity."""


def iou(first: NDArray[Any], second: NDArray[Any], *, crowd: NDArray[Any] | bool = False) -> NDArray[Any]:
    """Intersection over union of [..., 4] and [..., 4], broadcast, in their dtype; 0 where nothing is shared. Where
    ``second`` is a ``crowd`` [...], over ``first`` alone, as COCO counts."""
    width = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    height = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1])
    shared = width.clip(0) * height.clip(0)
    union = np.where(crowd, area(first), area(first) + area(second) - shared)
    result: NDArray[Any] = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return result


def area(boxes: NDArray[Any]) -> NDArray[Any]:
    """[...] of [..., 4]"""
    sides: NDArray[Any] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return sides


def nms(boxes: NDArray[np.float32], *, limit: float, most: int) -> list[int]:
    """Which of ``boxes`` [n, 4], best first, stay: none overlaps a better one that stays by more than ``limit``.

    At most ``most``. Only those that stay are compared with the others, so it costs no more than ``most`` rows of
    overlaps.
    """
    areas = area(boxes)
    there = np.ones(len(boxes), dtype=bool)
    stay: list[int] = []
    for place in range(len(boxes)):
        if there[place]:
            stay.append(place)
            if len(stay) == most:
                break
            low = np.maximum(boxes[place, :2], boxes[place + 1 :, :2])
            high = np.minimum(boxes[place, 2:], boxes[place + 1 :, 2:])
            shared = (high - low).clip(0).prod(axis=1)
            union = areas[place] + areas[place + 1 :] - shared
            there[place + 1 :] &= shared <= limit * union
    return stay


def decode(offsets: NDArray[Any], anchors: NDArray[Any], variances: NDArray[Any]) -> NDArray[Any]:
    """Boxes [A, 4] from ``offsets`` [A, 4] (centre x, y, log of width, height; in units of ``variances`` [4] or
    [A, 4]) from ``anchors`` [A, 4], not clipped."""
    low, high = anchors[:, :2], anchors[:, 2:]
    scaled = offsets * variances
    centre = scaled[:, :2] * (high - low) + (low + high) / 2
    half = np.exp(np.minimum(scaled[:, 2:], LARGEST_LOG_RATIO)) * (high - low) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def from_cells(maps: Sequence[NDArray[Any]], height: int) -> NDArray[Any]:
    """Boxes [A, 4] from ``maps`` [4, h, w] of an input of ``height`` pixels: of each cell the centre's offset from its
    corner and the logs of the sides, in strides. Cells come row by row, those of the first map first."""
    found = []
    for each in maps:
        rows, columns = each.shape[-2:]
        stride = height / rows
        corners = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
        flat = each.reshape(4, -1).T
        centre = (flat[:, :2] + corners.astype(flat.dtype)) * stride
        half = np.exp(np.minimum(flat[:, 2:], LARGEST_LOG_SIDE)) * (stride / 2)
        found.append(np.concatenate([centre - half, centre + half], axis=1))
    return np.concatenate(found)
