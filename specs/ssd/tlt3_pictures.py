"""The flat augmentation_config of TLT 3.0 and later."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from specs.checks import Finding, Rule, at_least, examine, finite, message_at, one_of, warn, within
from specs.spec import Spec

HERE = "augmentation_config"
UNSET: Mapping[str, float] = {
    "random_crop_min_scale": 0.3,
    "random_crop_max_scale": 1.0,
    "random_crop_min_ar": 0.5,
    "random_crop_max_ar": 2.0,
    "zoom_out_min_scale": 1.0,
    "zoom_out_max_scale": 4.0,
}
"""What fields that are not written, or 0, mean."""

MEANS = {1: ("l",), 3: ("b", "g", "r")}


def share(path: str) -> Rule:
    return Rule(path, "from 0 and below 1", lambda value: 0 <= value < 1)


RULES: tuple[Rule, ...] = (
    Rule(f"{HERE}.output_width", "above 32", lambda value: value > 32),
    Rule(f"{HERE}.output_height", "above 32", lambda value: value > 32),
    one_of(f"{HERE}.output_channel", 1, 3),
    *(finite(f"{HERE}.{name}") for name in UNSET),
    at_least(f"{HERE}.brightness", 0),
    at_least(f"{HERE}.hue", 0),
    share(f"{HERE}.contrast"),
    share(f"{HERE}.saturation"),
)


def meant(spec: Spec, name: str) -> float:
    """The value of a field of UNSET: as written, or what is meant where nothing is."""
    return float(getattr(spec.message.augmentation_config, name) or UNSET[name])


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about the size of pictures and their augmentation."""
    config = message_at(spec, HERE)
    if config is None:
        return
    yield from examine(spec, RULES)
    flip = f"{HERE}.random_flip"
    yield from examine(spec, [share(flip) if spec.strict else within(flip, 0, 1)])
    yield from _range(spec, "random_crop_{}_scale", needed="0 < {} <= {} <= 1", low=0.0, high=1.0)
    yield from _range(spec, "random_crop_{}_ar", needed="0 < {} <= {}", low=0.0, high=math.inf)
    yield from _range(spec, "zoom_out_{}_scale", needed="1 <= {} <= {}", low=1.0, high=math.inf)
    yield from _forgotten(spec)
    yield from _means(spec)


def _range(spec: Spec, names: str, *, needed: str, low: float, high: float) -> Iterator[Finding]:
    """A finding unless low <= min <= max <= high, where 0 as ``low`` is not itself allowed."""
    first, last = names.format("min"), names.format("max")
    smallest, largest = meant(spec, first), meant(spec, last)
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        return  # told of already
    if not (low <= smallest <= largest <= high and smallest > 0):
        told = [
            f"{value:g}" if spec.is_set(f"{HERE}.{name}") else f"{value:g} (when unset)"
            for name, value in ((first, smallest), (last, largest))
        ]
        path = f"{HERE}.{first if spec.is_set(f'{HERE}.{first}') else last}"
        yield Finding(path, f"{needed.format(first, last)} is needed, not {told[0]} and {told[1]}")


def _forgotten(spec: Spec) -> Iterator[Finding]:
    """Cropping and zooming out are on when nothing is written, mirroring is off: both surprise."""
    if not any(spec.is_set(f"{HERE}.{name}") for name in UNSET):
        what = "random_crop_* and zoom_out_* are not written, and on: crops from 0.3, zoom-out to 4"
        yield warn(HERE, f"{what} (min and max 1.0 switch each off)")
    if not spec.is_set(f"{HERE}.random_flip"):
        yield warn(HERE, "random_flip is not written: no picture is mirrored (0.5 mirrors every second one)")


def _means(spec: Spec) -> Iterator[Finding]:
    config = spec.message.augmentation_config
    keys = MEANS.get(config.output_channel)
    if keys is None or not config.image_mean:
        return
    for key, value in sorted(config.image_mean.items()):
        path = f'{HERE}.image_mean["{key}"]'
        if key not in keys:
            what = f'image_mean has no "{key}" with output_channel {config.output_channel}'
            yield Finding(path, f"{what}, only {', '.join(keys)}")
        elif not 0 <= value <= 255:
            yield Finding(path, f'image_mean "{key}" must be from 0 to 255, not {value:g}')
    missing = [key for key in keys if key not in config.image_mean]
    if missing and all(key in keys for key in config.image_mean):
        yield Finding(f"{HERE}.image_mean", f"image_mean lacks {' and '.join(missing)}", "write all of them, or none")
