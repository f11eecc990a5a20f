"""What is wrong with the images and boxes of a split: found before training, not in the middle of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.pictures import headers
from runtime.data.image_files import names_in
from runtime.shell import mounts
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.data.split import Split

MEASURED_IMAGES = 1000
"""Of so many images at most, spread over the split, is compared beforehand whether their size is as annotated."""


def require_finite(split: Split) -> None:
    bad = np.flatnonzero(~np.isfinite(split.boxes).all(axis=1))
    if len(bad):
        index = picture_of(split, bad[0])
        raise DataError(
            f"a box of {split.image(index)} is not of finite numbers", where=split.roots[split.folders[index]]
        )


def require_pixels(split: Split, what: str) -> None:
    """Raise DataError where every box lies within the first pixel: written as shares of the image."""
    if len(split.boxes) and split.boxes.min() >= 0 and split.boxes.max() <= 1 and split.sizes.max() > 1:
        told = f"all {len(split.boxes)} boxes of the {what} data lie within one pixel: are they shares of the image?"
        hint = "labels and records hold pixels: multiply x by the width and y by the height of each image"
        raise DataError(told, where=split.roots[split.folders[0]], hint=hint)


def without_area(boxes: NDArray[np.float32], sizes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which ``boxes`` [M, 4] have nothing of their picture in them: no width, no height, corners swapped, or all
    outside. ``sizes``: width and height of the picture of each [M, 2], or of all [1, 2]."""
    corners = boxes.reshape(-1, 2, 2).clip(0, sizes[:, None])
    return np.asarray(np.any(corners[:, 1] <= corners[:, 0], axis=1))


def flat_boxes(split: Split) -> NDArray[np.bool_]:
    """Which boxes [M] of ``split`` are without area."""
    return without_area(split.boxes, np.repeat(split.sizes, np.diff(split.starts), axis=0))


def picture_of(split: Split, box: int) -> int:
    return int(np.searchsorted(split.starts, box, side="right")) - 1


def require_pictures(split: Split, *, measured: bool, named: bool) -> None:
    """Raise DataError when a picture is not where the spec says, or of another size than it is annotated with
    (``measured``: they were looked into for it): before training, not in the middle of it. ``named``: the annotations
    have their names, not only a frame id."""
    listed: dict[tuple[int, str], frozenset[str]] = {}
    for index in range(len(split)):
        if split.parts is not None and split.parts[index, 1]:
            continue
        folder, _, file = split.name(index).rpartition("/")
        key = int(split.folders[index]), folder
        if key not in listed:
            listed[key] = names_in(split.roots[key[0]] / folder)
        if file not in listed[key]:
            hint = mounts.hint(split.roots[key[0]]) or _missing_hint(file, listed[key], named=named)
            raise DataError("this picture is missing", where=split.roots[key[0]] / split.name(index), hint=hint)
    if measured:
        return
    for index in range(0, len(split), max(1, len(split) // MEASURED_IMAGES)):
        place = split.image(index)
        if isinstance(place, Path) and headers.size(place) != tuple(split.sizes[index].tolist()):
            width, height = headers.size(place)
            what = f"this picture is {width}x{height}, but its annotations are of one of "
            hint = "boxes would lie in the wrong place: convert the data again, or put the right pictures there"
            raise DataError(what + "x".join(map(str, split.sizes[index].tolist())), where=place, hint=hint)


def _missing_hint(file: str, listed: frozenset[str], *, named: bool) -> str:
    if named:
        return "the annotations name it: put it there, or leave it out of them"
    stem = file.rpartition(".")[0]
    if other := sorted(name for name in listed if name.rpartition(".")[0] == stem):
        return f"there is {other[0]}: image_extension in the spec must be {other[0].rpartition('.')[2]}"
    return "image_directory_path, frame id and image_extension make this name; check all three"
