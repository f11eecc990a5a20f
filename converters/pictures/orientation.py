"""The eight EXIF orientations: where a pixel as stored is shown, and back.

Orientation 6, the commonest, says: turn the stored picture by 90 degrees clockwise to show it. Pure functions on
samples, boxes, polygons, keypoints and masks in pixels; ``width`` and ``height`` are those before the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from converters.model import Box, Keypoint, Keypoints, Mask, Object, Polygon, Sample, flat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UPRIGHT = 1
_SIDEWAYS = range(5, 9)

Turn = Callable[[float, float, float, float], tuple[float, float]]

# x, y, width, height -> x, y as shown: the table of EXIF 2.32, 4.6.4, tag 0x0112.
_TURNS: dict[int, Turn] = {
    1: lambda x, y, w, h: (x, y),  # noqa: ARG005
    2: lambda x, y, w, h: (w - x, y),  # noqa: ARG005
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, w, h: (x, h - y),  # noqa: ARG005
    5: lambda x, y, w, h: (y, x),  # noqa: ARG005
    6: lambda x, y, w, h: (h - y, x),  # noqa: ARG005
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),  # noqa: ARG005
}


def inverse(orientation: int) -> int:
    """The orientation that leads back: pass it to the functions here with the size as shown."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def turned_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """(width, height) as shown."""
    return (height, width) if orientation in _SIDEWAYS else (width, height)


def turned_sample(sample: Sample, orientation: int) -> Sample:
    """``sample``, annotated on a picture as stored, as all of it lies on the picture as shown."""
    size = sample.width, sample.height
    width, height = turned_size(*size, orientation)
    return structs.replace(
        sample,
        width=width,
        height=height,
        objects=tuple(turned(thing, orientation, *size) for thing in sample.objects),
        ignored=tuple(turned_box(box, orientation, *size) for box in sample.ignored),
        void=turned_mask(sample.void, orientation) if sample.void is not None else None,
    )


def turned(thing: Object, orientation: int, width: int, height: int) -> Object:
    """``thing``, annotated on a picture as stored, as it lies on the picture as shown."""
    if orientation == UPRIGHT:
        return thing
    size = (orientation, width, height)
    return structs.replace(
        thing,
        box=turned_box(thing.box, *size),
        polygons=tuple(turned_polygon(ring, *size) for ring in thing.polygons),
        keypoints=turned_keypoints(thing.keypoints, *size),
        mask=turned_mask(thing.mask, orientation) if thing.mask is not None else None,
    )


def turned_box(box: Box, orientation: int, width: float, height: float) -> Box:
    """A box stays one with left < right and top < bottom; one turned inside out stays so, too."""
    turn = _TURNS[orientation]
    ends = sorted((box.left, box.right)), sorted((box.top, box.bottom))
    (x1, y1), (x2, y2) = (turn(ends[0][end], ends[1][end], width, height) for end in (0, 1))
    across, down = sorted((x1, x2)), sorted((y1, y2))
    # Across and down change places with the picture's sides.
    inside_out = box.left > box.right, box.top > box.bottom
    flip_x, flip_y = reversed(inside_out) if orientation in _SIDEWAYS else inside_out
    left, right = reversed(across) if flip_x else across
    top, bottom = reversed(down) if flip_y else down
    return Box(left, top, right, bottom)


def turned_polygon(ring: Polygon, orientation: int, width: float, height: float) -> Polygon:
    turn = _TURNS[orientation]
    points = (turn(x, y, width, height) for x, y in zip(ring[::2], ring[1::2], strict=True))
    return tuple(number for point in points for number in point)


def turned_keypoints(points: Sequence[Keypoint], orientation: int, width: float, height: float) -> Sequence[Keypoint]:
    """Points that are not labelled stay at 0, 0."""
    if not points:
        return points
    turn, numbers = _TURNS[orientation], flat(points)
    triplets = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    moved = ((*turn(x, y, width, height), v) if v else (0, 0, 0) for x, y, v in triplets)
    return Keypoints([number for point in moved for number in point])


def turned_mask(mask: Mask, orientation: int) -> Mask:
    """Raises ValueError for run lengths that are damaged."""
    from converters.model import run_lengths

    return run_lengths.encode(turned_pixels(run_lengths.decode(mask), orientation))


def turned_pixels(pixels: NDArray[np.uint8], orientation: int) -> NDArray[Any]:
    """``pixels`` (height x width, and whatever further axes) as shown."""
    if orientation in _SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
