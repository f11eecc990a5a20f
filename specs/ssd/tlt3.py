"""Training specs of TLT 3.0 to TAO 5."""

from __future__ import annotations

from collections.abc import Mapping

TITLE = "TLT 3.0 and later"
SCHEMA = "specs.schema.tlt3.experiment_pb2"
IMAGE_SIZE = ("augmentation_config.output_width", "augmentation_config.output_height")


_EARLIER = "a field of TLT 2.0; TLT 3.0 and later have"
_SIZE = f"{_EARLIER} augmentation_config.output_"
_FLAT = f"{_EARLIER} the flat fields of augmentation_config: random_flip, random_crop_*, zoom_out_*, brightness, ..."
_NONE = f"{_EARLIER} no such setting"
ELSEWHERE: Mapping[str, str] = {
    "loss_loc_weight": f"{_EARLIER} alpha for the weight of the box loss",
    **dict.fromkeys(
        ("focal_loss_alpha", "focal_loss_gamma"), f"{_EARLIER} a softmax with neg_pos_ratio hard negatives instead"
    ),
    **dict.fromkeys(("preprocessing", "spatial_augmentation", "color_augmentation"), _FLAT),
    **dict.fromkeys(("translate_max_x", "translate_max_y"), _FLAT),
    **{f"output_image_{name}": f"{_SIZE}{name}" for name in ("width", "height", "channel")},
    **{f"crop_{side}": _NONE for side in ("left", "top", "right", "bottom")},
    **{f"{of}_{side}": _NONE for of in ("min_bbox", "scale") for side in ("width", "height")},
    **dict.fromkeys(("vflip_probability", "rotate_rad_max", "contrast_center", "source_weight"), _NONE),
    "hflip_probability": f"{_EARLIER} random_flip",
    "zoom_min": f"{_EARLIER} zoom_out_max_scale, which is 1 over it",
    "zoom_max": f"{_EARLIER} random_crop_min_scale, which is 1 over it",
    "color_shift_stddev": f"{_EARLIER} brightness",
    "hue_rotation_max": f"{_EARLIER} hue",
    "saturation_shift_max": f"{_EARLIER} saturation",
    "contrast_scale_max": f"{_EARLIER} contrast",
    "image_extension": f"{_EARLIER} none: images are found by their stem",
    "validation_fold": f"{_EARLIER} validation_data_sources",
    "validation_data_source": f"{_EARLIER} validation_data_sources (with s)",
}
"""Field names of TLT 2.0, and what to write here instead."""
