"""The full spec of ``augment_specs.py`` by OpenCV, as three users would write it.

    python benchmarks/augment_opencv.py WAY ROOT OUTPUT

``steps``: resize, then one documented call after another on the small picture. ``late``: the same calls on the whole
picture, resized at the end. ``fused``: one matrix, one warp straight to the small picture, tables for all that is
done to a level: what an expert writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import peers
from augment_specs import FULL
from peers import SIZE

cv2.setNumThreads(1)

Picture = Any
Matrix = np.ndarray[Any, np.dtype[np.float64]]
Size = tuple[int, int]

# NVIDIA's hue turns the other way round than that of HSV.
LEVELS = np.arange(256, dtype=np.float32)
HUES = (LEVELS - FULL.hue_rotation_angle / 2) % 180
SATURATIONS = np.clip(LEVELS * FULL.saturation_shift, 0, 255)
HSV_TABLE = np.stack([HUES, SATURATIONS, LEVELS], axis=1)[None].astype(np.uint8)
GAIN = 1 + FULL.contrast
BIAS = GAIN * FULL.brightness_offset - FULL.contrast * FULL.contrast_center
LEVEL_TABLE = np.clip(GAIN * LEVELS + BIAS, 0, 255).round().astype(np.uint8)


def moves(size: Size) -> list[Matrix]:
    """Rotation, flip, shear about the centre, translation, each 3 x 3, for a picture of ``size``."""
    width, height = size
    # OpenCV turns the other way round.
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -FULL.rotation_angle, 1.0)
    flip = [[-1, 0, width], [0, 1, 0]]
    shear = [[1, FULL.shear_ratio_x, -FULL.shear_ratio_x * height / 2], [0, 1, 0]]
    shift = [[1, 0, FULL.translate_x], [0, 1, FULL.translate_y]]
    return [np.vstack([np.asarray(each, dtype=np.float64), [0, 0, 1]]) for each in (turn, flip, shear, shift)]


def composed(size: Size) -> Matrix:
    turn, flip, shear, shift = moves(size)
    moved: Matrix = np.diag([SIZE / size[0], SIZE / size[1], 1.0]) @ shift @ shear @ flip @ turn
    return moved


def by_steps(picture: Picture) -> Picture:
    size = (picture.shape[1], picture.shape[0])
    turn, _, shear, shift = moves(size)
    picture = cv2.warpAffine(picture, turn[:2], size)
    picture = cv2.flip(picture, 1)
    picture = cv2.warpAffine(picture, shear[:2], size)
    picture = cv2.warpAffine(picture, shift[:2], size)
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
    hue = ((hue.astype(np.int16) - round(FULL.hue_rotation_angle / 2)) % 180).astype(np.uint8)
    saturation = cv2.convertScaleAbs(saturation, alpha=FULL.saturation_shift)
    picture = cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2BGR)
    picture = cv2.addWeighted(picture, GAIN, picture, 0, BIAS)
    return cv2.GaussianBlur(picture, (FULL.blur_size, FULL.blur_size), FULL.blur_std)


def steps(picture: Picture) -> Picture:
    return by_steps(cv2.resize(picture, (SIZE, SIZE)))


def late(picture: Picture) -> Picture:
    return cv2.resize(by_steps(picture), (SIZE, SIZE))


def fused(picture: Picture) -> Picture:
    picture = cv2.warpAffine(picture, composed((picture.shape[1], picture.shape[0]))[:2], (SIZE, SIZE))
    picture = cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV), HSV_TABLE)
    picture = cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_HSV2BGR), LEVEL_TABLE)
    return cv2.GaussianBlur(picture, (FULL.blur_size, FULL.blur_size), FULL.blur_std)


WAYS: dict[str, Callable[[Picture], Picture]] = {way.__name__: way for way in (steps, late, fused)}


def one(way: str, root: Path, output: Path, stem: str) -> None:
    picture: Any = cv2.imread(str(root / "image" / f"{stem}.jpg"))
    made = WAYS[way](picture)
    cv2.imwrite(str(output / "images" / f"{stem}.jpg"), made, [cv2.IMWRITE_JPEG_QUALITY, 75])
    lines = peers.read(root / "label" / f"{stem}.txt")
    boxes = np.array([line[4:8] for line in lines], dtype=np.float64).reshape(-1, 4)
    matrix = composed((picture.shape[1], picture.shape[0]))
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] @ matrix[:2, :2].T + matrix[:2, 2]
    moved = np.clip(np.hstack([corners.min(axis=1), corners.max(axis=1)]), 0, SIZE)
    peers.write(output / "labels" / f"{stem}.txt", lines, moved.tolist())


if __name__ == "__main__":
    peers.spread(partial(one, sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
