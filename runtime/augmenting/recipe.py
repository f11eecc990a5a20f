"""What to do with every picture, and with this one: parameters, and the values drawn for a picture by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import pi
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specs.spec import Spec

Size = tuple[int, int]
Values = tuple[float, ...]
"""What a parameter may be: nothing (0), a number, any number between two, or one of three and more."""

SPATIAL = ("angle", "shear_x", "shear_y", "translate_x", "translate_y")
COLOUR = ("hue", "saturation", "contrast", "center", "offset")
BLUR = ("size", "std")
PARAMETERS = (*SPATIAL, *COLOUR, *BLUR)
NEUTRAL = dict.fromkeys(PARAMETERS, 0.0) | {"saturation": 1.0, "center": 127.5}
"""What changes nothing; they mean what the fields of ``transforms.Spatial``, ``Colour`` and ``Blur`` do."""
IN_YAML = {
    "angle": "spatial_aug.rotation.angle",
    **{f"shear_{axis}": f"spatial_aug.shear.shear_ratio_{axis}" for axis in "xy"},
    **{f"translate_{axis}": f"spatial_aug.translation.translate_{axis}" for axis in "xy"},
    "hue": "color_aug.hue.hue_rotation_angle",
    "saturation": "color_aug.saturation.saturation_shift",
    **{name: f"color_aug.contrast.{name}" for name in ("contrast", "center")},
    "offset": "color_aug.brightness.offset",
    **{name: f"blur_aug.{name}" for name in BLUR},
}
"""The keys of the parameters in a spec of TAO 5."""


@dataclass(frozen=True)
class Recipe:
    """``values`` by the names in ``PARAMETERS``, what is missing changes nothing. ``output`` None keeps each picture's
    own size; ``grey`` writes one channel. ``refine``: boxes are those of the moved outlines, where there are any.
    ``drop_outside``: boxes that have no area any more are dropped.

    ``seed`` and a picture's name decide all that is random about it, so that it comes out the same alone and among
    200,000. ``antialias`` lets every pixel count where a picture gets smaller; ``reduced`` then allows a JPEG to be
    decoded at half, a quarter or an eighth of its size.
    """

    values: Mapping[str, Values] = field(default_factory=dict)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    output: Size | None = None
    grey: bool = False
    refine: bool = False
    drop_outside: bool = False
    arithmetic: str = "tao5"
    seed: int = 42
    antialias: bool = False
    reduced: bool = False

    def drawn(self, name: str) -> dict[str, float]:
        """The value of each parameter for the picture called ``name``."""
        if not self.random:
            return self._fixed
        return self._fixed | {key: self._drawn(name, key) for key in self.random}

    @cached_property
    def only_resizes(self) -> bool:
        """Whether pixels go where a plain resize brings them, in every picture."""
        moves = any(self._fixed[key] or key in self.random for key in SPATIAL)
        return not (moves or self.flip_horizontal or self.flip_vertical)

    @cached_property
    def random(self) -> tuple[str, ...]:
        """Parameters that differ from picture to picture."""
        return tuple(key for key, values in self.values.items() if len(values) > 1)

    @cached_property
    def _fixed(self) -> dict[str, float]:
        told = {key: values[0] if values else 0.0 for key, values in self.values.items() if len(values) < 2}
        return {key: told.get(key, NEUTRAL[key]) for key in PARAMETERS}

    def _drawn(self, name: str, key: str) -> float:
        """Each parameter by itself: that another one is drawn as well changes nothing here."""
        draw, values = Random(f"{self.seed}/{key}/{name}"), self.values[key]
        return draw.uniform(*values) if len(values) == 2 else draw.choice(values)


def of_proto_text(spec: Spec, *, arithmetic: str = "tao5", **choices: Any) -> Recipe:
    """What a (checked) AugmentorConfig asks for.

    An unset ``saturation_shift`` in a ``hue_saturation_config`` counts as 1 (unchanged), not as protobuf's 0 (grey).
    Raises SpecError for an even blur window where ``arithmetic`` takes ``blur_config.size`` for its width.
    """
    config = spec.message
    if arithmetic != "tlt2" and config.blur_config.size % 2 == 0 and config.blur_config.size:
        from specs.augment import EVEN_BLUR, EVEN_RADIUS

        raise spec.error("blur_config.size", f"{EVEN_BLUR}, not {config.blur_config.size:g}", hint=EVEN_RADIUS)
    rotation, shear, shift = (
        config.spatial_config.rotation_config,
        config.spatial_config.shear_config,
        config.spatial_config.translation_config,
    )
    colour = config.color_config
    has_saturation = spec.is_set("color_config.hue_saturation_config.saturation_shift")
    size = (config.output_image_width, config.output_image_height)
    values = {
        "angle": rotation.angle * _degrees(rotation.units),
        "shear_x": shear.shear_ratio_x,
        "shear_y": shear.shear_ratio_y,
        "translate_x": shift.translate_x,
        "translate_y": shift.translate_y,
        "hue": colour.hue_saturation_config.hue_rotation_angle,
        "saturation": colour.hue_saturation_config.saturation_shift if has_saturation else 1.0,
        "contrast": colour.contrast_config.contrast,
        "center": colour.contrast_config.center,
        "offset": colour.brightness_config.offset,
        "size": config.blur_config.size,
        "std": config.blur_config.std,
    }
    return Recipe(
        values={key: (value,) for key, value in values.items()},
        flip_horizontal=config.spatial_config.flip_config.flip_horizontal,
        flip_vertical=config.spatial_config.flip_config.flip_vertical,
        output=size if all(size) else None,
        grey=config.output_image_channel == 1,
        arithmetic=arithmetic,
        **choices,
    )


def of_yaml(spec: Spec, **choices: Any) -> Recipe:
    """What a (checked) YAML spec asks for; its seed counts."""
    import specs

    given = spec.message
    values: dict[str, Values] = {name: given[key] for name, key in IN_YAML.items()}
    values["angle"] = tuple(value * _degrees(given["spatial_aug.rotation.units"]) for value in values["angle"])
    return Recipe(
        values=values,
        flip_horizontal=given["spatial_aug.flip.flip_horizontal"],
        flip_vertical=given["spatial_aug.flip.flip_vertical"],
        output=specs.image_size(spec),
        refine=given["spatial_aug.rotation.refine_box.enabled"],
        seed=given["random_seed"],
        **choices,
    )


def _degrees(units: str) -> float:
    """How many degrees the unit is: NVIDIA takes every other word than "radians" for degrees."""
    return 180 / pi if units == "radians" else 1.0
