"""Rules about the size of images and their augmentation during the training of SSD, in both dialects."""

from __future__ import annotations

import math
from collections.abc import Iterator

from specs.checks import Finding, message_at, out_of_range, required, share, within
from specs.rulebook import IN_RANGE, Subject, rule
from specs.spec import Spec
from specs.ssd import ranges
from specs.ssd.ranges import UNSET
from specs.ssd.sections import AUGMENTATION, KINDS
from specs.ssd.tlt2 import PICTURE, SPACE

MEANS = {1: ("l",), 3: ("b", "g", "r")}
SIDES = ("left", "top", "right", "bottom")


@rule(
    "S150",
    "error",
    title="a number of the augmentation is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def augmentation_numbers(subject: Subject) -> Iterator[Finding]:
    """Of TLT 2.0, and of TLT 3.0 and later."""
    path = f"{AUGMENTATION}.random_flip"
    flip = share(path) if subject.spec.strict else within(path, 0, 1)
    yield from out_of_range(subject.spec, [*ranges.AUGMENTED, flip])


@rule(
    "S151",
    "error",
    title="zoom_min is above zoom_max, or preprocessing is missing",
    fix="exchange the two, or write preprocessing with the size of the input",
    kinds=KINDS,
)
def zoom(subject: Subject) -> Iterator[Finding]:
    """Magnifications of TLT 2.0."""
    yield from required(subject.spec, PICTURE)
    space = message_at(subject.spec, SPACE)
    if space is not None and 0 < space.zoom_max < space.zoom_min:
        yield Finding(f"{SPACE}.zoom_min", f"zoom_min {space.zoom_min:g} is above zoom_max {space.zoom_max:g}")


@rule(
    "S152",
    "warning",
    title="only a part of each stored image is used",
    fix="leave crop_left, crop_top, crop_right and crop_bottom out, unless that is what you want",
    kinds=KINDS,
)
def crop(subject: Subject) -> Iterator[Finding]:
    """The fixed crop of TLT 2.0, in pixels of the stored image."""
    size = message_at(subject.spec, PICTURE)
    written = [path for side in SIDES if subject.spec.is_set(path := f"{PICTURE}.crop_{side}")]
    if size is None or not written:
        return
    left, top, right, bottom = (getattr(size, f"crop_{side}") for side in SIDES)
    if (left, top, right, bottom) in ((0, 0, 0, 0), (0, 0, size.output_image_width, size.output_image_height)):
        return
    if right <= left or bottom <= top:
        what = f"crop {left}, {top}, {right}, {bottom} (left, top, right, bottom) leaves nothing and is passed over"
    else:
        what = f"of every stored image only the pixels from {left}, {top} to {right}, {bottom} are used (crop_*)"
    yield Finding(written[0], what)


@rule(
    "S154",
    "error",
    title="a range of the augmentation ends before it begins",
    fix="write the smaller value as min; crops are at most 1, zoom-outs at least 1",
    kinds=KINDS,
)
def crossed_ranges(subject: Subject) -> Iterator[Finding]:
    """Crops and zoom-outs of TLT 3.0, with the values of fields that are not written."""
    if not _flat(subject.spec):
        return
    yield from _range(subject.spec, "random_crop_{}_scale", needed="0 < {} <= {} <= 1", low=0.0, high=1.0)
    yield from _range(subject.spec, "random_crop_{}_ar", needed="0 < {} <= {}", low=0.0, high=math.inf)
    yield from _range(subject.spec, "zoom_out_{}_scale", needed="1 <= {} <= {}", low=1.0, high=math.inf)


@rule(
    "S155",
    "warning",
    title="crops and zoom-outs are on without being written",
    fix="write random_crop_* and zoom_out_*; min and max 1.0 switch each off",
    kinds=KINDS,
)
def cropping_unsaid(subject: Subject) -> Iterator[Finding]:
    """What is not written is on."""
    if _flat(subject.spec) and not any(subject.spec.is_set(f"{AUGMENTATION}.{name}") for name in UNSET):
        what = "random_crop_* and zoom_out_* are not written, and on: crops from 0.3, zoom-out to 4"
        yield Finding(AUGMENTATION, f"{what} (min and max 1.0 switch each off)")


@rule(
    "S156",
    "warning",
    title="no image is mirrored",
    fix="write random_flip: 0.5, or random_flip: 0 to be sure",
    kinds=KINDS,
)
def flipping_unsaid(subject: Subject) -> Iterator[Finding]:
    """What is not written is off, though the guide mentions it as usual."""
    if _flat(subject.spec) and not subject.spec.is_set(f"{AUGMENTATION}.random_flip"):
        what = "random_flip is not written: no image is mirrored (0.5 mirrors every second one)"
        yield Finding(AUGMENTATION, what)


@rule(
    "S157",
    "error",
    title="image_mean does not fit the channels",
    fix='write image_mean for "b", "g" and "r", or for "l" of grey images, or leave it out',
    kinds=KINDS,
)
def image_mean(subject: Subject) -> Iterator[Finding]:
    """All channels, or none; levels from 0 to 255."""
    here = AUGMENTATION
    config = message_at(subject.spec, here) if _flat(subject.spec) else None
    keys = MEANS.get(config.output_channel) if config is not None else None
    if config is None or keys is None or not config.image_mean:
        return
    for key, value in sorted(config.image_mean.items()):
        path = f'{here}.image_mean["{key}"]'
        if key not in keys:
            what = f'image_mean has no "{key}" with output_channel {config.output_channel}'
            yield Finding(path, f"{what}, only {', '.join(keys)}")
        elif not 0 <= value <= 255:
            yield Finding(path, f'image_mean "{key}" must be from 0 to 255, not {value:g}')
    missing = [key for key in keys if key not in config.image_mean]
    if missing and all(key in keys for key in config.image_mean):
        yield Finding(f"{here}.image_mean", f"image_mean lacks {' and '.join(missing)}", "write all of them, or none")


def _flat(spec: Spec) -> bool:
    """Whether the augmentation is written in the flat fields of TLT 3.0 and later."""
    config = message_at(spec, AUGMENTATION)
    return config is not None and "random_flip" in config.DESCRIPTOR.fields_by_name


def _range(spec: Spec, names: str, *, needed: str, low: float, high: float) -> Iterator[Finding]:
    """A finding unless low <= min <= max <= high, where 0 as ``low`` is not itself allowed."""
    first, last = names.format("min"), names.format("max")
    smallest, largest = meant(spec, first), meant(spec, last)
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        return  # reported by S150
    if not (low <= smallest <= largest <= high and smallest > 0):
        written = [
            f"{value:g}" if spec.is_set(f"{AUGMENTATION}.{name}") else f"{value:g} (when unset)"
            for name, value in ((first, smallest), (last, largest))
        ]
        path = f"{AUGMENTATION}.{first if spec.is_set(f'{AUGMENTATION}.{first}') else last}"
        yield Finding(path, f"{needed.format(first, last)} is needed, not {written[0]} and {written[1]}")


def meant(spec: Spec, name: str) -> float:
    """The value of a field of UNSET: as written, or what is meant where nothing is."""
    return float(getattr(spec.message.augmentation_config, name) or UNSET[name])
