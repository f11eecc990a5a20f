"""Pure functions on boxes and polygons, in pixels."""

from __future__ import annotations

from dataclasses import replace

from converters.model import Box, Keypoints, Object, Polygon, flat


def overhang(box: Box, width: float, height: float) -> float:
    """How far ``box`` reaches beyond an image of ``width`` x ``height``, at its worst side; 0 when it lies inside."""
    return max(0, -box.left, -box.top, box.right - width, box.bottom - height)


def clip(box: Box, width: float, height: float) -> Box:
    """The part of ``box`` inside an image of ``width`` x ``height``; of no area when it lies wholly outside."""
    return Box(
        min(max(box.left, 0), width),
        min(max(box.top, 0), height),
        min(max(box.right, 0), width),
        min(max(box.bottom, 0), height),
    )


def corners(ring: Polygon) -> int:
    """How many different points ``ring`` has; fewer than three enclose nothing."""
    return len(set(zip(ring[::2], ring[1::2], strict=True)))


def encloses(ring: Polygon) -> bool:
    """Whether ``ring`` has three different points at least."""
    if len(ring) >= 6 and ring[0:2] != ring[2:4] and ring[2:4] != ring[4:6] and ring[0:2] != ring[4:6]:
        return True  # nearly always: the first three differ
    return corners(ring) >= 3


def scaled_box(box: Box, across: float, down: float) -> Box:
    """``box`` on the same image ``across`` times as wide and ``down`` times as high."""
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down)


def scaled(thing: Object, across: float, down: float) -> Object:
    """``thing`` as ``scaled_box`` has its box; a mask does not fit any more and goes."""
    numbers = flat(thing.keypoints)
    triplets = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return replace(
        thing,
        box=scaled_box(thing.box, across, down),
        polygons=tuple(
            tuple(value * (down if place % 2 else across) for place, value in enumerate(ring))
            for ring in thing.polygons
        ),
        keypoints=Keypoints([value for x, y, v in triplets for value in (x * across, y * down, v)]) if numbers else (),
        mask=None,
    )
