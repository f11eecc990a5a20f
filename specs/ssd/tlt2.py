"""Training specs of TLT 2.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.checks import Finding, Rule, at_least, examine, message_at, one_of, only_one, required, share, warn, within
from specs.checks import without_effect as no_effect
from specs.spec import Spec
from specs.ssd import rules

TITLE = "TLT 2.0"
SCHEMA = "specs.schema.tlt2.experiment_pb2"

PICTURE = "augmentation_config.preprocessing"
SPACE = "augmentation_config.spatial_augmentation"
COLOUR = "augmentation_config.color_augmentation"

IMAGE_SIZE = (f"{PICTURE}.output_image_width", f"{PICTURE}.output_image_height")

RULES: tuple[Rule, ...] = (
    at_least("ssd_config.loss_loc_weight", 0),
    share("ssd_config.focal_loss_alpha"),
    at_least("ssd_config.focal_loss_gamma", 0),
    *(Rule(path, "above 32", lambda value: value > 32) for path in IMAGE_SIZE),
    one_of(f"{PICTURE}.output_image_channel", 0, 1, 3),
    *(at_least(f"{PICTURE}.min_bbox_{side}", 0) for side in ("width", "height")),
    *(within(f"{SPACE}.{way}flip_probability", 0, 1) for way in "hv"),
    *(
        at_least(f"{SPACE}.{name}", 0)
        for name in ("zoom_min", "zoom_max", "translate_max_x", "translate_max_y", "rotate_rad_max")
    ),
    at_least(f"{COLOUR}.color_shift_stddev", 0),
    within(f"{COLOUR}.hue_rotation_max", 0, 360),
    *(within(f"{COLOUR}.{name}", 0, 1) for name in ("saturation_shift_max", "contrast_scale_max")),
    within(f"{COLOUR}.contrast_center", 0, 255),
)


def check(spec: Spec) -> Iterator[Finding]:
    """Every problem of an Experiment of TLT 2.0, and warnings about what is read but does nothing."""
    yield from required(spec, *rules.SECTIONS)
    yield from rules.check(spec)
    yield from examine(spec, RULES)
    yield from _augmentation(spec)
    yield from _sources(spec)
    yield from no_effect(spec, f"{PICTURE}.scale_width", f"{PICTURE}.scale_height")


def _augmentation(spec: Spec) -> Iterator[Finding]:
    yield from required(spec, PICTURE)
    space = message_at(spec, SPACE)
    if space is not None and 0 < space.zoom_max < space.zoom_min:
        yield Finding(f"{SPACE}.zoom_min", f"zoom_min {space.zoom_min:g} is above zoom_max {space.zoom_max:g}")
    size = message_at(spec, PICTURE)
    if size is None:
        return
    left, top, right, bottom = (getattr(size, f"crop_{side}") for side in ("left", "top", "right", "bottom"))
    if (left, top, right, bottom) in ((0, 0, 0, 0), (0, 0, size.output_image_width, size.output_image_height)):
        return
    written = [path for side in ("left", "top", "right", "bottom") if spec.is_set(path := f"{PICTURE}.crop_{side}")]
    if not written:
        return
    if right <= left or bottom <= top:
        what = f"crop {left}, {top}, {right}, {bottom} (left, top, right, bottom) leaves nothing and is passed over"
    else:
        what = f"of every stored picture only the pixels from {left}, {top} to {right}, {bottom} are used (crop_*)"
    yield warn(written[0], what)


def _sources(spec: Spec) -> Iterator[Finding]:
    config = message_at(spec, "dataset_config")
    if config is None:
        return
    sources = {f"dataset_config.data_sources[{i}]": source for i, source in enumerate(config.data_sources)}
    if config.HasField("validation_data_source"):
        sources["dataset_config.validation_data_source"] = config.validation_data_source
    for path, source in sources.items():
        if not source.tfrecords_path:
            name = path.rpartition(".")[2].partition("[")[0]
            yield Finding(f"{path}.tfrecords_path", f'{name} needs "tfrecords_path"')
        weight = f"{path}.source_weight"
        if spec.is_set(weight) and not 0 < source.source_weight < float("inf"):
            yield Finding(weight, f"source_weight must be above 0, not {source.source_weight:g}")
    yield from only_one(spec, "dataset_config.validation_fold", "dataset_config.validation_data_source")
    if config.WhichOneof("dataset_split_type") is None:
        what = 'no "validation_fold" and no "validation_data_source": training will not be validated'
        yield warn("dataset_config", what)


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
