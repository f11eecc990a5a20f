"""Every field of an augmentation spec: of the proto-text of TLT 2.0 to TAO 4, and of the YAML of TAO 5."""

from __future__ import annotations

from collections.abc import Mapping

from specs.augment.rules import RANGES
from specs.augment.tao5_keys import KEYS
from specs.fields import NO, YES, Field

GENERATIONS: Mapping[str, str] = {"tlt2": "TLT 2.0 to TAO 4", "tao5": "TAO 5 and 6"}

_NEEDED: Mapping[str, str] = {each.path: each.needed for each in RANGES}
_DRAWN = "a number, or a list: two are a range to draw from, three and more a choice"
_ENDS = "a range ends the program"


def _older(
    path: str, unset: str, meaning: str, *, unit: str = "", nvidia: str = "", honoured: str = YES, zero: bool = False
) -> Field:
    range_ = _NEEDED.get(path, "")
    return Field(path, unset, meaning, honoured, ("tlt2",), range=range_, unit=unit, nvidia=nvidia, zero_counts=zero)


_SPACE, _COLOUR = "spatial_config", "color_config"
_PROTO = (
    _older(f"{_SPACE}.rotation_config.angle", "0", "rotation about the centre, clockwise on the screen", unit="units"),
    _older(f"{_SPACE}.rotation_config.units", "degrees", "degrees or radians", nvidia="any other text means degrees"),
    _older(f"{_SPACE}.shear_config.shear_ratio_x", "0", "shear to the right", unit="pixels for each pixel down"),
    _older(f"{_SPACE}.shear_config.shear_ratio_y", "0", "shear down", unit="pixels for each pixel to the right"),
    _older(f"{_SPACE}.flip_config.flip_horizontal", "false", "mirror left and right"),
    _older(f"{_SPACE}.flip_config.flip_vertical", "false", "mirror top and bottom"),
    _older(f"{_SPACE}.translation_config.translate_x", "0", "shift to the right", unit="whole pixels of the input"),
    _older(f"{_SPACE}.translation_config.translate_y", "0", "shift down", unit="whole pixels of the input"),
    _older(f"{_COLOUR}.hue_saturation_config.hue_rotation_angle", "0", "turn of the hue", unit="degrees"),
    _older(
        f"{_COLOUR}.hue_saturation_config.saturation_shift",
        "1",
        "factor of the saturation: 1 changes nothing, 0 is grey",
        nvidia="unset within hue_saturation_config it reads as 0, grey",
        zero=True,
    ),
    _older(f"{_COLOUR}.contrast_config.contrast", "0", "added to the contrast factor 1: 0 changes nothing, -1 is flat"),
    _older(f"{_COLOUR}.contrast_config.center", "0", "the level that contrast leaves alone", unit="levels of 255"),
    _older(f"{_COLOUR}.brightness_config.offset", "0", "added to every channel", unit="levels of 255"),
    _older("partition_config.partition_mode", "ID_WISE", "never used", honoured=NO, nvidia="not documented"),
    _older("partition_config.dataset_percentage", "0", "never used", honoured=NO, nvidia="not documented"),
    _older("blur_config.std", "0", "standard deviation of the Gaussian blur; 0 follows from size", unit="pixels"),
    _older(
        "blur_config.size", "0", "window of the blur, odd; 0 follows from std", unit="pixels", nvidia="even ends TAO 3"
    ),
    _older("output_image_width", "0", "width of the written images; 0 keeps that of the input", unit="pixels"),
    _older("output_image_height", "0", "height of the written images; 0 keeps that of the input", unit="pixels"),
    _older("output_image_channel", "3", "3 for colour, 1 for grey", unit="channels"),
    _older("image_extension", "any", "extension of the input's images, with or without its dot"),
    _older("dataset_config.image_path", "", "folder of the images, relative to -d"),
    _older("dataset_config.label_path", "", "folder of the KITTI labels, relative to -d"),
)

_UNITS: Mapping[str, str] = {
    "spatial_aug.rotation.angle": "units",
    "spatial_aug.shear.shear_ratio_x": "pixels for each pixel down",
    "spatial_aug.shear.shear_ratio_y": "pixels for each pixel to the right",
    "spatial_aug.translation.translate_x": "pixels of the input",
    "spatial_aug.translation.translate_y": "pixels of the input",
    "color_aug.hue.hue_rotation_angle": "degrees",
    "color_aug.contrast.center": "levels of 255",
    "color_aug.brightness.offset": "levels of 255",
    "blur_aug.std": "pixels",
    "blur_aug.size": "pixels",
    "data.output_image_width": "pixels",
    "data.output_image_height": "pixels",
}
_NVIDIA: Mapping[str, str] = {
    "data.dataset_type": "coco up to 6.0: boxes are moved to wrong places",
    "data.batch_size": "images that are augmented at once",
    "data.include_masks": "masks of COCO are moved only where it is true",
    **dict.fromkeys((f"spatial_aug.shear.shear_ratio_{axis}" for axis in "xy"), _ENDS),
    **dict.fromkeys((f"spatial_aug.translation.translate_{axis}" for axis in "xy"), _ENDS),
    "color_aug.contrast.center": _ENDS,
    "blur_aug.std": "0 with size 0 ends the program",
    "blur_aug.size": "an even window ends the program",
    "num_gpus": "GPUs to use",
    "gpu_ids": "numbers of the GPUs to use",
    "cuda_blocking": "from 5.5 on; unknown before",
}
_YAML = tuple(
    Field(
        path,
        "needed" if key.default == "???" else key.default,
        key.about.rstrip(".").removesuffix(". Needed"),
        YES if key.effect else NO,
        ("tao5",),
        takes=_DRAWN if key.default.startswith("[") and key.effect else "",
        unit=_UNITS.get(path, ""),
        nvidia=_NVIDIA.get(path, ""),
    )
    for path, key in KEYS.items()
)

FIELDS: tuple[Field, ...] = (*_PROTO, *_YAML)
