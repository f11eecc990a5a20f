"""What can be put right about an item: boxes turned, clipped, or drawn around its polygons; what does not fit goes.

Each repair goes to the findings, as the rule that was broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from converters.health.shapes import lies_outside
from converters.model import Box, Keypoint, Keypoints, Object, Sample, flat, geometry, rules
from converters.model.findings import Findings
from converters.model.validity import ROUNDING, title
from tltpipe.errors import DataError

LEAST = 1.0
"""Pixels that the sides of a mended box must have; formats round."""


def repaired(sample: Sample, points: Mapping[str, int], findings: Findings) -> Sample:
    """``sample`` without what can be told to be wrong. ``points``: landmarks of each category that has any.

    An item of which no box is left is dropped, and so is one that is there twice. Raises DataError when all are: the
    picture would teach that nothing is on it.
    """
    objects: dict[tuple[str, Box], Object] = {}
    for thing in sample.objects:
        box = _box(thing, sample, findings)
        if box is None:
            continue
        mended = _parts(thing if box is thing.box else replace(thing, box=box), sample, points, findings)
        if (thing.category, box) in objects:
            findings.add(rules.SAME_BOX, title(thing, sample))
        else:
            objects[thing.category, box] = mended
    if sample.objects and not objects:
        what = "not one of its items has a box on the picture"
        raise DataError(what, where=sample.where(), code=rules.NO_AREA.code)
    return replace(sample, objects=tuple(objects.values()))


def _box(thing: Object, sample: Sample, findings: Findings) -> Box | None:
    """The box with area inside the picture; None when there is none."""
    box, wrong = thing.box, None
    if not (box.right > box.left and box.bottom > box.top):
        wrong = rules.NO_AREA
        (left, right), (top, bottom) = sorted((box.left, box.right)), sorted((box.top, box.bottom))
        box = Box(left, top, right, bottom)
    outside = geometry.overhang(box, sample.width, sample.height)
    if outside:
        box = geometry.clip(box, sample.width, sample.height)
        wrong = wrong or (rules.OUTSIDE if outside > ROUNDING or not box.area else rules.ROUNDED)
    if wrong is None:
        return box
    findings.add(wrong, title(thing, sample))
    others = (box, _around(thing, sample))
    return next((each for each in others if each and min(each.width, each.height) >= LEAST), None)


def _around(thing: Object, sample: Sample) -> Box | None:
    """The box around the polygons, as far as they are on the picture."""
    rings = [ring for ring in thing.polygons if geometry.encloses(ring)]
    if not rings:
        return None
    return geometry.clip(geometry.extent(rings), sample.width, sample.height)


def _parts(thing: Object, sample: Sample, points: Mapping[str, int], findings: Findings) -> Object:
    """Mask and landmarks that fit."""
    mask, numbers = thing.mask, flat(thing.keypoints)
    if mask is not None and (mask.width, mask.height) != (sample.width, sample.height):
        findings.add(rules.ODD_MASK, title(thing, sample))
        thing = replace(thing, mask=None)
    if numbers and thing.category in points:
        if len(numbers) != 3 * points[thing.category]:
            findings.add(rules.LANDMARK_COUNT, title(thing, sample))
            return replace(thing, keypoints=())
        seen = Keypoints(numbers)
        kept = [_UNSEEN if lies_outside(x, y, sample.width, sample.height) else Keypoint(x, y, v) for x, y, v in seen]
        if kept != list(seen):
            findings.add(rules.LANDMARK_OUTSIDE, title(thing, sample))
            thing = replace(thing, keypoints=tuple(kept) if any(v for _, _, v in kept) else ())
    return thing


_UNSEEN = Keypoint(0, 0, 0)


def scaled(sample: Sample, size: tuple[int, int]) -> Sample:
    """``sample`` as it is on the same picture of another ``size`` (width, height); masks do not fit any more and go."""
    across, down = size[0] / sample.width, size[1] / sample.height
    objects = tuple(geometry.scaled(thing, across, down) for thing in sample.objects)
    ignored = tuple(geometry.scaled_box(box, across, down) for box in sample.ignored)
    return replace(sample, width=size[0], height=size[1], objects=objects, ignored=ignored)
