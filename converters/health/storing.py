"""Pictures stored anew: upright, as RGB, and as what their name says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from converters.health.looks import KINDS
from converters.health.shapes import lies_outside
from converters.model import Box, Keypoint, Keypoints, Object, Sample, flat, geometry, rules
from converters.model.findings import Findings
from converters.model.header import Header
from converters.model.validity import ROUNDING, title
from converters.pictures import headers
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 95

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": QUALITY, "subsampling": 0},
    "WEBP": {"quality": QUALITY},
    "AVIF": {"quality": QUALITY},
}
_NO_RGB = {"GIF": ".png"}  # what such a picture becomes


def fits(path: Path, header: Header) -> bool:
    """Whether the picture can stay as it is."""
    return header.orientation == 1 and header.mode == "RGB" and header.format == kind(path, header)


def kind(path: Path, header: Header) -> str:
    """What the extension of ``path`` says it is; where that says nothing, what it is."""
    return KINDS.get(path.suffix[1:].lower(), header.format)


def suffix(path: Path) -> str:
    """The extension under which the picture ``path`` is stored anew: its own, where that format has RGB."""
    return _NO_RGB.get(KINDS.get(path.suffix[1:].lower(), ""), path.suffix)


def store(source: Path, header: Header, target: Path) -> None:
    """Write ``source`` to ``target`` as its extension says: upright, RGB, with its colour profile and no EXIF.

    ``target`` appears whole. Raises DataError for a picture that cannot be read.
    """
    with headers.opened(source) as image:
        image.load()
        picture, profile = _rgb(_upright(image, header.orientation)), image.info.get("icc_profile")
    picture.info = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    keep = {"icc_profile": profile} if profile and header.mode == "RGB" else {}
    format = kind(target, header)
    picture.save(partial, format, **_OPTIONS.get(format, {}), **keep)
    os.replace(partial, target)


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,  # Pillow turns against the clock
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _rgb(image: Image) -> Image:
    """As trainers read it, but 16 bits are scaled to 8, not cut off."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        import numpy as np
        from PIL.Image import fromarray

        grey = np.asarray(image).astype(np.int64)
        image = fromarray((grey >> 8 if grey.max(initial=0) > 255 else grey).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")


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
        mended = _parts(thing if box is thing.box else structs.replace(thing, box=box), sample, points, findings)
        if (thing.category, box) in objects:
            findings.add(rules.SAME_BOX, title(thing, sample))
        else:
            objects[thing.category, box] = mended
    if sample.objects and not objects:
        what = "not one of its items has a box on the picture"
        raise DataError(what, where=sample.where(), code=rules.NO_AREA.code)
    return structs.replace(sample, objects=tuple(objects.values()))


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
        thing = structs.replace(thing, mask=None)
    if numbers and thing.category in points:
        if len(numbers) != 3 * points[thing.category]:
            findings.add(rules.LANDMARK_COUNT, title(thing, sample))
            return structs.replace(thing, keypoints=())
        seen = Keypoints(numbers)
        kept = [_UNSEEN if lies_outside(x, y, sample.width, sample.height) else Keypoint(x, y, v) for x, y, v in seen]
        if kept != list(seen):
            findings.add(rules.LANDMARK_OUTSIDE, title(thing, sample))
            thing = structs.replace(thing, keypoints=tuple(kept) if any(v for _, _, v in kept) else ())
    return thing


_UNSEEN = Keypoint(0, 0, 0)


def scaled(sample: Sample, size: tuple[int, int]) -> Sample:
    """``sample`` as it is on the same picture of another ``size`` (width, height); masks do not fit any more and go."""
    across, down = size[0] / sample.width, size[1] / sample.height
    objects = tuple(geometry.scaled(thing, across, down) for thing in sample.objects)
    ignored = tuple(geometry.scaled_box(box, across, down) for box in sample.ignored)
    return structs.replace(sample, width=size[0], height=size[1], objects=objects, ignored=ignored, void=None)
