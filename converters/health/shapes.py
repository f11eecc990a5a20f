"""What can be wrong with the items of one picture: boxes, polygons, masks, landmarks."""

from __future__ import annotations

from collections.abc import Mapping

from converters.model import Keypoints, Object, Polygon, Sample, flat, geometry, rules
from converters.model.findings import Findings
from converters.model.validity import ROUNDING, title

SMALL = 8
"""Pixels; less gives a detector's coarsest grids nothing to hold on to."""

FULL = 0.99
"""Share of a picture's sides from which on a box fills it."""

NOISE = 0.05
"""Pixels that mean nothing: what decimals and shares of a picture's size leave."""

FAR, SHARE = 16, 0.1
"""A polygon may reach out of its box by so many pixels, or this share of its longer side: real ones are drawn apart."""


def judge(sample: Sample, points: Mapping[str, int], findings: Findings) -> None:
    """Add to ``findings`` what is wrong with the objects of ``sample``, against the size it records.

    ``points`` has the number of landmarks of each category that has any.
    """
    objects, width, height = sample.objects, sample.width, sample.height
    if not objects:
        findings.add(rules.NO_OBJECTS, sample.id)
        return
    for thing in objects:
        box = thing.box
        left, top, right, bottom = box.left, box.top, box.right, box.bottom
        across, down = right - left, bottom - top
        if not (across > 0 and down > 0):
            findings.add(rules.NO_AREA, title(thing, sample))
        else:
            if left < 0 or top < 0 or right > width or bottom > height:
                _outside(thing, sample, findings)
            if across < SMALL or down < SMALL:
                findings.add(rules.TINY, f"{title(thing, sample)} ({across:g} x {down:g})")
            elif across >= FULL * width and down >= FULL * height:
                findings.add(rules.HUGE, title(thing, sample))
            if thing.polygons and _reach(thing.polygons, left, top, right, bottom) > FAR:
                _far(thing, sample, findings)
        if thing.polygons and not all(map(geometry.encloses, thing.polygons)):
            findings.add(rules.FEW_POINTS, title(thing, sample))
        if thing.mask is not None and (thing.mask.width, thing.mask.height) != (width, height):
            size = f"{thing.mask.width} x {thing.mask.height}"
            findings.add(rules.ODD_MASK, f"{title(thing, sample)} ({size}, the picture {width} x {height})")
        if points and thing.category in points:
            _landmarks(thing, sample, points[thing.category], findings)
    if len(objects) > 1 and len({(thing.category, thing.box) for thing in objects}) < len(objects):
        findings.add(rules.SAME_BOX, sample.id)


def _outside(thing: Object, sample: Sample, findings: Findings) -> None:
    outside = geometry.overhang(thing.box, sample.width, sample.height)
    within = geometry.clip(thing.box, sample.width, sample.height)
    if outside > ROUNDING or not within.area:
        findings.add(rules.OUTSIDE, f"{title(thing, sample)} ({outside:g} pixels)")
    elif outside > NOISE:
        findings.add(rules.ROUNDED, title(thing, sample))


def _reach(polygons: tuple[Polygon, ...], left: float, top: float, right: float, bottom: float) -> float:
    """How far the ``polygons`` reach out of a box at its worst side."""
    most = 0.0
    for ring in polygons:
        if ring:
            xs, ys = ring[::2], ring[1::2]
            most = max(most, left - min(xs), max(xs) - right, top - min(ys), max(ys) - bottom)
    return most


def _far(thing: Object, sample: Sample, findings: Findings) -> None:
    box = thing.box
    reach = _reach(thing.polygons, box.left, box.top, box.right, box.bottom)
    if reach > SHARE * max(box.width, box.height):
        findings.add(rules.OUTSIDE_BOX, f"{title(thing, sample)} ({reach:g} pixels)")


def _landmarks(thing: Object, sample: Sample, count: int, findings: Findings) -> None:
    points = thing.keypoints
    numbers = points.flat if isinstance(points, Keypoints) else flat(points)
    if not numbers:
        if not thing.crowd:
            findings.add(rules.NO_LANDMARKS, title(thing, sample))
        return
    if len(numbers) != 3 * count:
        findings.add(rules.LANDMARK_COUNT, f"{title(thing, sample)} ({len(numbers) // 3}, not {count})")
    xs, ys = numbers[::3], numbers[1::3]
    # Those that are not labelled lie at 0, 0, which is inside.
    if min(xs) < 0 or min(ys) < 0 or max(xs) > sample.width or max(ys) > sample.height:
        outside = sum(lies_outside(*point, sample.width, sample.height) for point in zip(xs, ys, strict=True))
        if outside:
            findings.add(rules.LANDMARK_OUTSIDE, f"{title(thing, sample)} ({outside} of {count})")


def lies_outside(x: float, y: float, width: int, height: int) -> bool:
    """Whether a point lies outside a picture of that size by more than rounding does."""
    return not (-ROUNDING <= x <= width + ROUNDING and -ROUNDING <= y <= height + ROUNDING)
