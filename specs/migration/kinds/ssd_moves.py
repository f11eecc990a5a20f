"""What TLT 2.0's training specs call otherwise than TLT 3.0's, what each does, and what has no counterpart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from specs.migration.moving import Convert, Move, number
from specs.migration.portable import below_one
from specs.ssd.ranges import UNSET
from specs.ssd.sections import AUGMENTATION
from specs.ssd.tlt2 import COLOUR, PICTURE, SPACE

SPREAD = 255 * math.sqrt(3)
"""A uniform change of brightness by so many levels to either side has a standard deviation of 1, which is white."""
SMALLEST = 1e-3


def moves(dialect: str, *, folders: bool) -> Sequence[Move]:
    """The moves to ``dialect``, "tlt2" or "tlt3"; ``folders``: of a spec of TLT 3.0 with folders, not records."""
    to_tlt3 = [
        Move("ssd_config.loss_loc_weight", "ssd_config.alpha"),
        *(Move(f"{PICTURE}.output_image_{side}", f"{AUGMENTATION}.output_{side}") for side in ("width", "height")),
        Move(f"{PICTURE}.output_image_channel", f"{AUGMENTATION}.output_channel", _channels),
        Move(f"{SPACE}.hflip_probability", f"{AUGMENTATION}.random_flip", below_one),
        Move(f"{SPACE}.zoom_max", f"{AUGMENTATION}.random_crop_min_scale", _crop, _zoom_in, ZOOM),
        Move(f"{SPACE}.zoom_min", f"{AUGMENTATION}.zoom_out_max_scale", _canvas, _zoom_out, ZOOM),
        Move(f"{COLOUR}.hue_rotation_max", f"{AUGMENTATION}.hue", *_hue(2 if folders else 1), COLOURS),
        Move(f"{COLOUR}.saturation_shift_max", f"{AUGMENTATION}.saturation", below_one, effect=COLOURS),
        Move(f"{COLOUR}.contrast_scale_max", f"{AUGMENTATION}.contrast", below_one, effect=COLOURS),
        Move(f"{COLOUR}.color_shift_stddev", f"{AUGMENTATION}.brightness", _levels, _deviation, SHIFT),
    ]
    return to_tlt3 if dialect == "tlt3" else [move.reversed for move in to_tlt3]


def renamed(dialect: str) -> set[str]:
    """The fields of ``dialect`` that are called otherwise in the other one."""
    return {move.new for move in moves(dialect, folders=False)}


ZOOM = "TLT 2.0 zooms every image about its centre; later ones crop some, and put some on a larger canvas"
COLOURS = "TLT 2.0 changes the colours of every image; later ones those of every second one"
SHIFT = "TLT 2.0 shifts each colour by itself; later ones all of them together"

VALIDATION = ("dataset_config.validation_fold", "dataset_config.validation_data_source")
_RECORDS = (
    "NVIDIA's program validates on folders alone: without --validation DIR nothing is validated,"
    " and the images of this fold are trained on"
)
_FOCAL = "the class loss is a softmax with three hard negatives for each object, and not a focal loss: train anew"
_WARP = "later generations do not do this to images"
_SMALL = "small boxes are trained on as well"

EFFECTS: Mapping[str, Mapping[str, str]] = {
    "tlt3": {
        **dict.fromkeys(VALIDATION, _RECORDS),
        **dict.fromkeys(("ssd_config.focal_loss_alpha", "ssd_config.focal_loss_gamma"), _FOCAL),
        **dict.fromkeys((f"{PICTURE}.crop_{side}" for side in ("left", "top", "right", "bottom")), "images are whole"),
        **dict.fromkeys((f"{PICTURE}.min_bbox_{side}" for side in ("width", "height")), _SMALL),
        **dict.fromkeys((PICTURE, SPACE), _WARP),
        f"{COLOUR}.contrast_center": "contrast is about the middle level",
        "dataset_config.image_extension": "images are found by their names: .jpg, .jpeg and .png in lower case",
        "dataset_config.data_sources.source_weight": "sources count by their images",
    },
    "tlt2": {
        "ssd_config.neg_pos_ratio": "the class loss is a focal loss over all anchors: train anew",
        **dict.fromkeys(("ssd_config.pos_iou_thresh", "ssd_config.neg_iou_thresh"), "both thresholds are 0.5"),
        "training_config.optimizer": "TLT 2.0 has no choice of optimizer",
        "training_config.early_stopping": "training goes on to the last epoch",
        **dict.fromkeys((f"{AUGMENTATION}.{name}" for name in UNSET), "TLT 2.0 zooms evenly, about the centre"),
        f"{AUGMENTATION}.image_mean": "TLT 2.0 has fixed means",
        "dataset_config.validation_data_sources": "TLT 2.0 validates on one source of records",
        "eval_config.visualize_pr_curve": "no curve is drawn",
    },
}
"""What the loss of a field does to the result, by the dialect gone to; of sections, where no field in them is named."""


def _shown(number: float) -> str:
    return f"{number:.6g}"


def _number(text: str | None, unset: float) -> float:
    """What is written, or meant where nothing, or 0, is."""
    return number(text or "0") or unset


def _channels(text: str | None) -> str:
    return str(int(_number(text, 3)))


def _crop(zoom: str | None) -> str:
    return _shown(max(SMALLEST, min(1.0, 1 / _number(zoom, 1))))


def _zoom_in(crop: str | None) -> str:
    return _shown(1 / _number(crop, UNSET["random_crop_min_scale"]))


def _canvas(zoom: str | None) -> str:
    return _shown(max(1.0, 1 / _number(zoom, 1)))


def _zoom_out(canvas: str | None) -> str:
    return _shown(1 / _number(canvas, UNSET["zoom_out_max_scale"]))


def _hue(degrees: int) -> tuple[Convert, Convert]:
    """``degrees`` of a step of the later hue: two where its data are folders."""

    def steps(text: str | None) -> str | None:
        return None if text is None else str(round(number(text) / degrees))

    def turned(text: str | None) -> str | None:
        return None if text is None else str(min(360, int(number(text)) * degrees))

    return steps, turned


def _levels(deviation: str | None) -> str | None:
    return None if deviation is None else str(round(number(deviation) * SPREAD))


def _deviation(levels: str | None) -> str | None:
    return None if levels is None else _shown(number(levels) / SPREAD)
