"""Training specs of TLT 3.0 to TAO 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.checks import Finding, message_at, required
from specs.spec import Spec
from specs.ssd import rules, tlt3_data, tlt3_pictures, tlt3_training

TITLE = "TLT 3.0 and later"
SCHEMA = "specs.schema.tlt3.experiment_pb2"
IMAGE_SIZE = ("augmentation_config.output_width", "augmentation_config.output_height")


def check(spec: Spec) -> Iterator[Finding]:
    """Every problem of an Experiment of TLT 3.0 and later, and warnings about what is read but does nothing."""
    another = message_at(spec, "dssd_config") is not None
    yield from required(spec, *(section for section in rules.SECTIONS if not (another and section == "ssd_config")))
    if another:
        hint = "for an SSD, call the section ssd_config, with pred_num_channels 0, 256, 512 or 1024"
        yield Finding("dssd_config", "DSSD is not built here: only ssd_config is", hint)
    yield from rules.check(spec)
    yield from tlt3_training.check(spec)
    yield from tlt3_pictures.check(spec)
    yield from tlt3_data.check(spec)


_EARLIER = "a field of TLT 2.0; TLT 3.0 and later have"
_SIZE = f"{_EARLIER} augmentation_config.output_"
_FLAT = f"{_EARLIER} the flat fields of augmentation_config: random_flip, random_crop_*, zoom_out_*, brightness, ..."
_NONE = f"{_EARLIER} no such setting"
ELSEWHERE: Mapping[str, str] = {
    "loss_loc_weight": f"{_EARLIER} alpha for the weight of the box loss",
    "focal_loss_alpha": f"{_EARLIER} a softmax with neg_pos_ratio hard negatives instead",
    "focal_loss_gamma": f"{_EARLIER} a softmax with neg_pos_ratio hard negatives instead",
    "preprocessing": _FLAT,
    "spatial_augmentation": _FLAT,
    "color_augmentation": _FLAT,
    "output_image_width": f"{_SIZE}width",
    "output_image_height": f"{_SIZE}height",
    "output_image_channel": f"{_SIZE}channel",
    "crop_left": _NONE,
    "crop_top": _NONE,
    "crop_right": _NONE,
    "crop_bottom": _NONE,
    "min_bbox_width": _NONE,
    "min_bbox_height": _NONE,
    "scale_width": _NONE,
    "scale_height": _NONE,
    "hflip_probability": f"{_EARLIER} random_flip",
    "vflip_probability": _NONE,
    "zoom_min": f"{_EARLIER} zoom_out_max_scale, which is 1 over it",
    "zoom_max": f"{_EARLIER} random_crop_min_scale, which is 1 over it",
    "translate_max_x": _FLAT,
    "translate_max_y": _FLAT,
    "rotate_rad_max": _NONE,
    "color_shift_stddev": f"{_EARLIER} brightness",
    "hue_rotation_max": f"{_EARLIER} hue",
    "saturation_shift_max": f"{_EARLIER} saturation",
    "contrast_scale_max": f"{_EARLIER} contrast",
    "contrast_center": _NONE,
    "image_extension": f"{_EARLIER} none: pictures are found by their stem",
    "validation_fold": f"{_EARLIER} validation_data_sources",
    "validation_data_source": f"{_EARLIER} validation_data_sources (with s)",
    "source_weight": _NONE,
}
"""Field names of TLT 2.0, and what to write here instead."""
