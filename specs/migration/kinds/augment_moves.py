"""What the proto-text of an augmentation and its YAML call the parameters, and how each spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from specs.checks import message_at
from specs.migration.moving import Convert, Move, number, same
from specs.spec import Spec
from specs.templating import quoted

SPACE, COLOUR = "spatial_config", "color_config"
HUE, SATURATION = "color_aug.hue.hue_rotation_angle", "color_aug.saturation.saturation_shift"
CONTRAST, CENTER = "color_aug.contrast.contrast", "color_aug.contrast.center"
STD, SIZE = "blur_aug.std", "blur_aug.size"

NUMBERS: Mapping[str, str] = {
    f"{SPACE}.rotation_config.angle": "spatial_aug.rotation.angle",
    **{f"{SPACE}.shear_config.shear_ratio_{axis}": f"spatial_aug.shear.shear_ratio_{axis}" for axis in "xy"},
    **{f"{SPACE}.translation_config.translate_{axis}": f"spatial_aug.translation.translate_{axis}" for axis in "xy"},
    f"{COLOUR}.hue_saturation_config.hue_rotation_angle": HUE,
    f"{COLOUR}.hue_saturation_config.saturation_shift": SATURATION,
    f"{COLOUR}.contrast_config.contrast": CONTRAST,
    f"{COLOUR}.contrast_config.center": CENTER,
    f"{COLOUR}.brightness_config.offset": "color_aug.brightness.offset",
    "blur_config.std": STD,
    "blur_config.size": SIZE,
}
"""A number in proto-text, a list in YAML."""
UNSET = {SATURATION: "[1]", CENTER: "[0]", STD: "[0]", SIZE: "[0]"}
"""What proto-text means where it does not write these in a section that is there, and YAML does not."""
DEFAULTS = {SATURATION: "1", CENTER: "127", STD: "0.1", SIZE: "3"}
"""What YAML means where it does not write them, and proto-text does not."""
FLIPS = {f"{SPACE}.flip_config.flip_{way}": f"spatial_aug.flip.flip_{way}" for way in ("horizontal", "vertical")}
SIDES = {f"output_image_{side}": f"data.output_image_{side}" for side in ("width", "height")}
UNITS = (f"{SPACE}.rotation_config.units", "spatial_aug.rotation.units")

BLUR = "size is the whole window in pixels, which TLT 2.0 may have taken for its radius"
DRAWN = "every image has a value of its own, and proto-text one for all of them: it is left out"
EFFECTS: Mapping[str, str] = {"image_extension": "all images are augmented: .jpg, .jpeg and .png, in lower case"}
LOSSES: Mapping[str, str] = {
    **dict.fromkeys(NUMBERS.values(), DRAWN),
    "spatial_aug.rotation.refine_box": "boxes are those of the moved corners, not of the moved outlines",
}
"""What the loss of a field does, of YAML's in ``LOSSES``."""


def to_yaml(spec: Spec) -> list[Move]:
    """The moves of a spec in proto-text."""
    unset = {key: text for key, text in UNSET.items() if _section(spec, key)}
    return [
        *(
            Move(path, key, _listed(unset.get(key)), _single(DEFAULTS.get(key)), BLUR if key == SIZE else None)
            for path, key in NUMBERS.items()
        ),
        *(Move(path, key, _truth) for path, key in FLIPS.items()),
        *(Move(path, key, _whole, _written) for path, key in SIDES.items()),
        Move(*UNITS),
    ]


def to_proto_text(spec: Spec) -> list[Move]:
    """The moves of a spec in YAML; values are those that it comes to, with references filled in."""
    values = spec.message

    def truth(key: str) -> Convert:
        return lambda text: None if text is None else str(values[key]).lower()

    def side(key: str) -> Convert:
        return lambda text: None if text is None or values[key] is None else str(values[key])

    def units(text: str | None) -> str | None:
        return None if text is None else quoted(values[UNITS[1]])

    return [
        *(Move(key, path, _constant(spec, key), _listed(UNSET.get(key))) for path, key in NUMBERS.items()),
        *(Move(key, path, truth(key)) for path, key in FLIPS.items()),
        *(Move(key, path, side(key)) for path, key in SIDES.items()),
        Move(UNITS[1], UNITS[0], units, same),
    ]


def _constant(spec: Spec, key: str) -> Convert:
    """The one value of a parameter; none where images have their own. Some are written with another one of theirs:
    what proto-text takes them for, where they are not written, is not what YAML does."""
    with_ = {SATURATION: (HUE,), CENTER: (CONTRAST,), STD: (STD, SIZE), SIZE: (STD, SIZE)}.get(key, ())
    together = [spec.message[each] for each in (key, *with_)]
    needed = any(map(spec.is_set, with_))

    def convert(text: str | None) -> str | None:
        drawn = any(len({*each}) > 1 for each in together)
        nothing = key in (STD, SIZE) and not any(map(any, together))
        if (text is None and not needed) or drawn or nothing:
            return None
        value = next(iter(spec.message[key]), 0.0)
        return f"{value!r}".removesuffix(".0")

    return convert


def _section(spec: Spec, key: str) -> bool:
    """Whether the section that proto-text has the parameter ``key`` in is written."""
    path = next(path for path, each in NUMBERS.items() if each == key)
    return message_at(spec, path.rpartition(".")[0]) is not None


def _listed(unset: str | None) -> Convert:
    return lambda text: unset if text is None else f"[{_decimal(text)}]"


def _single(unset: str | None) -> Convert:
    """The one value of a list, ``unset`` of none; None of one that images draw their own values from."""

    def convert(text: str | None) -> str | None:
        values = None if text is None else text.strip("[]").split(",")
        return unset if values is None else None if len({*values}) > 1 else values[0].strip() or "0"

    return convert


def _written(text: str | None) -> str | None:
    return None if text in ("null", "~") else text


def _decimal(text: str) -> str:
    """A number of proto-text as YAML reads it."""
    plain = re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", text)
    return text if plain else f"{number(text)!r}".removesuffix(".0")


def _whole(text: str | None) -> str | None:
    return None if text is None else str(int(number(text)))


def _truth(text: str | None) -> str | None:
    from google.protobuf import text_format

    return None if text is None else str(text_format.ParseBool(text)).lower()
