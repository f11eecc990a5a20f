"""What every sample must be before anything is made of it, whatever format it comes from."""

from __future__ import annotations

from msgspec import structs

from converters.model import Object, Sample, geometry, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError

ROUNDING = 1.0
"""Pixels that a box may reach beyond its picture and be clipped; further out it is taken for a mistake."""

_NOISE = 0.01  # pixels; what numbers lose that were written as shares of the picture

_FIX = "correct the file, mend a copy with `tltpipe check --fix OUT`, or leave such pictures out with --skip-bad"


def settled(sample: Sample, findings: Findings) -> Sample:
    """``sample`` with boxes clipped by up to a pixel and without rings that enclose nothing.

    Raises DataError for a box without area or further outside. What is odd goes to ``findings``.
    """
    if not sample.objects:
        findings.add(rules.NO_OBJECTS, sample.id)
        return sample
    objects, width, height = sample.objects, sample.width, sample.height
    for thing in objects:
        box = thing.box
        inside = 0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height
        if not inside or not all(map(geometry.encloses, thing.polygons)):
            objects = tuple([_object(thing, sample, findings) for thing in objects])
            break
    if len(objects) > 1 and len({(thing.category, thing.box) for thing in objects}) < len(objects):
        findings.add(rules.SAME_BOX, sample.id)
    return sample if objects == sample.objects else structs.replace(sample, objects=objects)


def _object(thing: Object, sample: Sample, findings: Findings) -> Object:
    box = thing.box
    if not (box.right > box.left and box.bottom > box.top):
        raise _error(thing, sample, "has no area: right and bottom must be larger than left and top", rules.NO_AREA)
    outside = geometry.overhang(box, sample.width, sample.height)
    if outside:
        if outside > ROUNDING:
            what = f"reaches {outside:g} pixels beyond the picture, which is {sample.width} x {sample.height}"
            raise _error(thing, sample, what, rules.OUTSIDE)
        box = geometry.clip(box, sample.width, sample.height)
        if not box.area:
            raise _error(thing, sample, "lies outside the picture", rules.OUTSIDE)
        if outside > _NOISE:
            findings.add(rules.ROUNDED, title(thing, sample))
        thing = structs.replace(thing, box=box)
    if thing.polygons and not all(map(geometry.encloses, thing.polygons)):
        findings.add(rules.FEW_POINTS, title(thing, sample))
        thing = structs.replace(thing, polygons=tuple(filter(geometry.encloses, thing.polygons)))
    return thing


def title(thing: Object, sample: Sample) -> str:
    """How people find ``thing``: the sample's name and its place in the file."""
    if thing.origin is None:
        return f"{sample.id} {thing.category}"
    return f"{sample.id}:{thing.origin}" if isinstance(thing.origin, int) else f"{sample.id} {thing.origin}"


def _error(thing: Object, sample: Sample, what: str, rule: rules.Rule) -> DataError:
    box = thing.box
    name = f"{thing.origin}, " if isinstance(thing.origin, str) else ""
    corners = ", ".join(f"{value:g}" for value in (box.left, box.top, box.right, box.bottom))
    where = sample.where(thing)
    return DataError(f"{name}{thing.category}: the box {corners} {what}", where=where, hint=_FIX, code=rule.code)
