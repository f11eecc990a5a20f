"""Training specs of TLT 3.0 to TAO 5."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from specs.checks import (
    Finding,
    Rule,
    at_least,
    examine,
    finite,
    message_at,
    one_of,
    required,
    share,
    warn,
    within,
    without_effect,
)
from specs.spec import Spec
from specs.ssd import rules, tlt3_training

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
    yield from _pictures(spec)
    yield from _data(spec)


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
    "image_extension": f"{_EARLIER} none: pictures are found by their stem",
    "validation_fold": f"{_EARLIER} validation_data_sources",
    "validation_data_source": f"{_EARLIER} validation_data_sources (with s)",
}
"""Field names of TLT 2.0, and what to write here instead."""


TRAINING, VALIDATION = "dataset_config.data_sources", "dataset_config.validation_data_sources"


def _data(spec: Spec) -> Iterator[Finding]:
    """Findings about data_sources and validation_data_sources."""
    config = message_at(spec, "dataset_config")
    if config is None:
        return
    for index, source in enumerate(config.data_sources):
        yield from _source(spec, f"{TRAINING}[{index}]", source, lenient=False)
    recorded = [bool(source.tfrecords_path) for source in config.data_sources]
    if len(set(recorded)) > 1:
        odd = recorded.index(not recorded[0])
        what = "data_sources are TFRecords in one place and folders in another: all must be of one kind"
        yield Finding(f"{TRAINING}[{odd}]", what)
    for index, source in enumerate(config.validation_data_sources):
        path = f"{VALIDATION}[{index}]"
        yield from _source(spec, path, source, lenient=spec.strict)
        if spec.strict and source.tfrecords_path:
            what = "TFRecords do not validate under strict-tlt: NVIDIA's program takes folders only"
            yield Finding(f"{path}.tfrecords_path", what, "write label_directory_path and image_directory_path")
    if not config.validation_data_sources:
        yield warn("dataset_config", 'no "validation_data_sources": training will not be validated')
    yield from without_effect(spec, "dataset_config.type")
    if spec.strict and recorded and recorded[0]:
        yield from _records_to_the_letter(spec)


def _source(spec: Spec, path: str, source: Any, *, lenient: bool) -> Iterator[Finding]:
    name = path.rpartition(".")[2].partition("[")[0]
    yield from without_effect(spec, f"{path}.root_path")
    if source.tfrecords_path:
        if source.label_directory_path:
            yield warn(f"{path}.label_directory_path", "label_directory_path has no effect beside tfrecords_path")
        return
    missing = [each for each in ("label_directory_path", "image_directory_path") if not getattr(source, each)]
    if missing and lenient:
        yield warn(path, f'{name} lacks "{missing[0]}": NVIDIA\'s program leaves this source out')
    elif len(missing) == 2:
        what = f'{name} needs "label_directory_path" and "image_directory_path", or "tfrecords_path"'
        yield Finding(path, what)
    elif missing:
        yield Finding(f"{path}.{missing[0]}", f'{name} needs "{missing[0]}"')


def _records_to_the_letter(spec: Spec) -> Iterator[Finding]:
    """What NVIDIA's pipeline for TFRecords leaves undone."""
    for name in ("pos_iou_thresh", "neg_iou_thresh"):
        if spec.is_set(f"ssd_config.{name}"):
            yield warn(f"ssd_config.{name}", f"{name} is ignored with TFRecords under strict-tlt: 0.5 is used")
    for name in ("zoom_out_min_scale", "zoom_out_max_scale"):
        value = getattr(spec.message.augmentation_config, name)
        if value % 1:
            what = f"{name} {value:g} is cut to {int(value)} with TFRecords under strict-tlt"
            yield warn(f"augmentation_config.{name}", what)


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


def _pictures(spec: Spec) -> Iterator[Finding]:
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
