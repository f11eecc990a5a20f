"""Training specs of TLT 2.0."""

from __future__ import annotations

from collections.abc import Mapping

TITLE = "TLT 2.0"
SCHEMA = "specs.schema.tlt2.experiment_pb2"

PICTURE = "augmentation_config.preprocessing"
SPACE = "augmentation_config.spatial_augmentation"
COLOUR = "augmentation_config.color_augmentation"

IMAGE_SIZE = (f"{PICTURE}.output_image_width", f"{PICTURE}.output_image_height")


_LATER = "a field of TLT 3.0 and later; TLT 2.0 has"
_SIZE = f"{_LATER} augmentation_config.preprocessing.output_image_"
_ONLINE = f"{_LATER} its own in spatial_augmentation and color_augmentation"
_NONE = f"{_LATER} no such setting"
ELSEWHERE: Mapping[str, str] = {
    "dssd_config": f"{_LATER} ssd_config alone",
    "alpha": f"{_LATER} loss_loc_weight for the weight of the box loss",
    "neg_pos_ratio": f"{_LATER} focal_loss_alpha and focal_loss_gamma instead",
    "optimizer": f"{_LATER} no choice of optimizer",
    **{f"{model}_model_path": f"{_LATER} -m of tlt-train" for model in ("resume", "pretrain", "pruned")},
    **{f"output_{name}": f"{_SIZE}{name}" for name in ("width", "height", "channel")},
    **{f"random_crop_{end}_{of}": _ONLINE for end in ("min", "max") for of in ("scale", "ar")},
    **dict.fromkeys(("zoom_out_min_scale", "zoom_out_max_scale", "random_flip"), _ONLINE),
    **dict.fromkeys(("brightness", "contrast", "saturation", "hue"), _ONLINE),
    "image_mean": f"{_LATER} fixed means",
    "label_directory_path": f"{_LATER} tfrecords_path: convert the labels with tlt-dataset-convert",
    **dict.fromkeys(("pos_iou_thresh", "neg_iou_thresh", "early_stopping", "visualizer", "visualize_pr_curve"), _NONE),
    **dict.fromkeys(("model_ema", "cost_scaling", "root_path"), _NONE),
    "validation_data_sources": f"{_LATER} validation_data_source (without s) or validation_fold",
}
"""Field names of TLT 3.0 and later, and what to write here instead."""
