"""Every key of the YAML augmentation spec: what it takes, its default, what it is for."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from specs.augment import LARGEST, LARGEST_SIDE
from specs.references import MISSING, Misfit
from specs.values import choice, did_you_mean
from specs.yaml_nodes import quoted
from specs.yaml_text import Scalar, Value

Numbers = tuple[float, ...]

MOST_CHOICES = 10_000

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_WHOLE = re.compile(r"[-+]?(0x[0-9a-fA-F]{1,32}|\d{1,99}|\d{1,3}(_\d{3}){1,9})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_ENDLESS = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Takes:
    """What a key takes: makes the value of what is written, or raises Misfit. ``schema``: the JSON schema of the same,
    numbers and lists as YAML has them."""

    read: Callable[[Value], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: Value) -> Any:
        return self.read(value)


@dataclass(frozen=True)
class Key:
    """``default`` is as it would be written."""

    takes: Takes
    default: str
    about: str
    effect: bool = True


def number(scalar: Scalar) -> int | float:
    """A finite number as YAML and OmegaConf write it, quoted or not: 3, -0.5, 1e3, 0x10."""
    text = scalar.text.strip()
    if scalar.null:
        raise Misfit("needs a number, not nothing")
    if _OCTAL.fullmatch(text):
        raise Misfit(f"has {quoted(text)}, which YAML reads as octal", "write it without the leading 0")
    if _ENDLESS.fullmatch(text):
        raise Misfit(f"must be finite, not {text}")
    if _WHOLE.fullmatch(text):
        return int(text, 0)
    if not _DECIMAL.fullmatch(text):
        raise Misfit(f"must be a number, not {quoted(scalar.text)}", _as_list(text))
    value = float(text)
    if math.isinf(value):
        raise Misfit(f"is too large: {text}")
    return value


def whole(low: int, high: int, *, optional: bool = False) -> Takes:
    """A whole number from ``low`` to ``high``; with ``optional`` nothing, too, which is None."""

    def takes(value: Value) -> int | None:
        scalar = _single(value)
        if optional and scalar.null:
            return None
        given = number(scalar)
        if given != int(given):
            raise Misfit(f"must be a whole number, not {scalar.text}")
        if not low <= given <= high:
            raise Misfit(f"must be from {low} to {high}, not {quoted(scalar.text)}")
        return int(given)

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Takes(takes, {"anyOf": [schema, {"type": "null"}]} if optional else schema)


def numbers(low: float = -LARGEST, high: float = LARGEST, *, integers: bool = False) -> Takes:
    """A list of numbers, or one by itself: none is 0, two are a range (low one first), more are a choice."""

    def takes(value: Value) -> Numbers:
        parts = (value,) if isinstance(value, Scalar) else value
        if len(parts) > MOST_CHOICES:
            raise Misfit(f"has {len(parts):,} values; {MOST_CHOICES:,} are the most")
        exact = [number(part) for part in parts]
        for each, part in zip(exact, parts, strict=True):
            if not low <= each <= high:
                raise Misfit(f"must be from {low:.10g} to {high:.10g}, not {quoted(part.text)}")
            if integers and each != int(each):
                raise Misfit(f"must be whole, not {part.text}")
        found = tuple(float(each) for each in exact)
        if len(found) == 2 and found[0] > found[1]:
            raise Misfit(
                f"is a range from {found[0]:g} down to {found[1]:g}",
                f"[{found[1]:g}, {found[0]:g}] draws any number between the two",
            )
        return found

    entry = {"type": "integer" if integers else "number", "minimum": low, "maximum": high}
    return Takes(takes, {"type": "array", "items": entry, "maxItems": MOST_CHOICES})


_SIZES = numbers(0, 9999, integers=True)


def _blur_sizes(value: Value) -> Numbers:
    """Odd windows of a blur, or 0. A range would draw even ones as well."""
    found: Numbers = _SIZES(value)
    even = next((size for size in found if size and not size % 2), None)
    if even is not None:
        raise Misfit(f"must be odd, or 0 to follow from std, not {even:g}")
    if len(found) == 2 and found[0] != found[1]:
        odd = [int(found[0]), *range(int(found[0]) + 1 + int(found[0]) % 2, int(found[1]) + 1, 2)]
        listed = odd if len(odd) > 2 else odd * 2
        hint = f"name the sizes to choose from: [{', '.join(map(str, listed))}]" if len(listed) < 20 else None
        raise Misfit("takes no range, which has even sizes in it", hint or "name the sizes to choose from")
    return found


blur_sizes = Takes(_blur_sizes, _SIZES.schema)


def _truth(value: Value) -> bool:
    """true or false, in any of YAML's ways to say it."""
    scalar = _single(value)
    told = scalar.text.lower()
    if scalar.null or told not in (*_TRUE, *_FALSE):
        raise Misfit(f"must be true or false, not {_shown(scalar)}", did_you_mean(scalar.text[:100], ["true", "false"]))
    return told in _TRUE


truth = Takes(_truth, {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]})


def _text(value: Value) -> str:
    """A text; "" for nothing and for what is still to be filled in."""
    scalar = _single(value)
    if scalar.null or scalar.text in MISSING:
        return ""
    strange = next((c for c in scalar.text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if strange is not None:
        raise Misfit(f"has the character {quoted(strange)} in it, which no name should have")
    return scalar.text


def _needed(value: Value) -> str:
    """A text that must be there."""
    found = _text(value)
    if not found.strip():
        raise Misfit("is needed", "write it in the spec, or key=value on the command line")
    return found


text = Takes(_text, {"type": ["string", "number", "boolean", "null"]})
needed = Takes(_needed, {"type": ["string", "number", "boolean"]})


def one_of(*names: str) -> Takes:
    """One of ``names``, in capitals or not."""

    def takes(value: Value) -> str:
        scalar = _single(value)
        if scalar.text.lower() not in names:
            meant = did_you_mean(scalar.text[:100], list(names))
            raise Misfit(f"must be {choice(list(names))}, not {_shown(scalar)}", meant)
        return scalar.text.lower()

    letters = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in name) for name in names)
    return Takes(takes, {"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": rf"^({letters})$|\$\{{"}]})


def _single(value: Value) -> Scalar:
    if not isinstance(value, Scalar):
        raise Misfit("takes one value, not a list")
    return value


def _shown(scalar: Scalar) -> str:
    return "nothing" if scalar.null else quoted(scalar.text)


def _as_list(text: str) -> str | None:
    return f"lists are in brackets: [{text}]" if "," in text and len(text) < 40 else None


KEYS: Mapping[str, Key] = {
    "results_dir": Key(text, "null", "Folder to write to; null: data.output_dataset."),
    "random_seed": Key(whole(-(2**63), 2**63 - 1), "42", "Decides everything that is drawn."),
    "data.dataset_type": Key(one_of("coco", "kitti"), "coco", "coco or kitti."),
    "data.image_dir": Key(needed, "???", "Folder of the images. Needed."),
    "data.ann_path": Key(needed, "???", "coco: the JSON file; kitti: the folder of labels. Needed."),
    "data.output_dataset": Key(text, "null", "Folder to write to where there is no results_dir."),
    "data.output_image_width": Key(
        whole(0, LARGEST_SIDE, optional=True), "null", "Pixels; null, here and below: every image keeps its size."
    ),
    "data.output_image_height": Key(whole(0, LARGEST_SIDE, optional=True), "null", "Pixels."),
    "data.batch_size": Key(whole(1, 2**31 - 1), "8", "No effect: images go one by one.", effect=False),
    "data.include_masks": Key(truth, "false", "No effect: masks always move with the images."),
    "spatial_aug.rotation.angle": Key(numbers(), "[0]", "About the centre, clockwise on the screen."),
    "spatial_aug.rotation.units": Key(text, "degrees", "degrees or radians."),
    "spatial_aug.rotation.refine_box.enabled": Key(
        truth, "false", "Boxes are those of the moved masks, not of the moved corners of boxes."
    ),
    "spatial_aug.rotation.refine_box.gt_cache": Key(text, "''", "COCO JSON with masks of the same images."),
    "spatial_aug.shear.shear_ratio_x": Key(numbers(), "[0]", "Pixels to the right for each pixel down."),
    "spatial_aug.shear.shear_ratio_y": Key(numbers(), "[0]", "Pixels down for each pixel to the right."),
    "spatial_aug.flip.flip_horizontal": Key(truth, "false", "Mirror left and right."),
    "spatial_aug.flip.flip_vertical": Key(truth, "false", "Mirror top and bottom."),
    "spatial_aug.translation.translate_x": Key(
        numbers(integers=True), "[0]", "To the right, whole pixels of the input."
    ),
    "spatial_aug.translation.translate_y": Key(numbers(integers=True), "[0]", "Down, whole pixels of the input."),
    "color_aug.hue.hue_rotation_angle": Key(numbers(), "[0]", "Turn of the hue in degrees."),
    "color_aug.saturation.saturation_shift": Key(
        numbers(0), "[1]", "Factor of the saturation: 1 changes nothing, 0 is grey."
    ),
    "color_aug.contrast.contrast": Key(numbers(), "[0]", "Added to the contrast factor 1."),
    "color_aug.contrast.center": Key(numbers(), "[127]", "The level that contrast leaves alone, 0 to 255."),
    "color_aug.brightness.offset": Key(numbers(), "[0]", "Added to every channel, levels of 0 to 255."),
    "blur_aug.std": Key(numbers(0, 1000), "[0.1]", "Standard deviation in pixels; 0 follows from size."),
    "blur_aug.size": Key(blur_sizes, "[3]", "Window in pixels, odd; 0 follows from std. Both 0: no blur."),
    "num_gpus": Key(whole(0, 2**31 - 1), "1", "No effect: it runs on the processor.", effect=False),
    "gpu_ids": Key(numbers(integers=True), "[0]", "No effect.", effect=False),
    "cuda_blocking": Key(truth, "false", "No effect.", effect=False),
}
TEXTS = frozenset(name for name, key in KEYS.items() if key.takes in (text, needed))
