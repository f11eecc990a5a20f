"""What makes no sense in a training spec of SSD, and what deserves a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from specs.checks import (
    Finding,
    Rule,
    above,
    at_least,
    examine,
    inside,
    list_of,
    message_at,
    one_of,
    required,
    warn,
    within,
    without_effect,
)
from specs.spec import Spec
from specs.values import choice, did_you_mean

MAPS = 6
"""Feature maps of the network; each has a scale, and the extra square of the last needs one more."""

BACKBONES: Mapping[str, tuple[tuple[int, ...], range]] = {
    "resnet": ((10, 18, 34, 50, 101), range(5)),
    "vgg": ((16, 19), range(1, 6)),
    "darknet": ((19, 53), range(6)),
    "mobilenet_v1": ((), range(12)),
    "mobilenet_v2": ((), range(14)),
    "squeezenet": ((), range(0)),
    "googlenet": ((), range(10)),
    "efficientnet_b0": ((), range(9)),
}
"""By arch: the depths it comes in (none: it has but one), and the numbers of its blocks."""

SECTIONS = ("ssd_config", "training_config", "eval_config", "nms_config", "augmentation_config", "dataset_config")
PICTURE = "augmentation_config.preprocessing"
SPACE = "augmentation_config.spatial_augmentation"
COLOUR = "augmentation_config.color_augmentation"
SCHEDULE = "training_config.learning_rate.soft_start_annealing_schedule"

RULES: tuple[Rule, ...] = (
    one_of("ssd_config.pred_num_channels", 0, 256, 512, 1024),
    at_least("ssd_config.loss_loc_weight", 0),
    Rule("ssd_config.focal_loss_alpha", "from 0 and below 1", lambda value: 0 <= value < 1),
    at_least("ssd_config.focal_loss_gamma", 0),
    above("training_config.batch_size_per_gpu", 0),
    above("training_config.num_epochs", 0),
    above(f"{SCHEDULE}.min_learning_rate", 0),
    above(f"{SCHEDULE}.max_learning_rate", 0),
    inside(f"{SCHEDULE}.soft_start", 0, 1),
    inside(f"{SCHEDULE}.annealing", 0, 1),
    above("eval_config.validation_period_during_training", 0),
    above("eval_config.batch_size", 0),
    inside("eval_config.matching_iou_threshold", 0, 1),
    inside("nms_config.confidence_threshold", 0, 1),
    inside("nms_config.clustering_iou_threshold", 0, 1),
    above("nms_config.top_k", 0),
    above(f"{PICTURE}.output_image_width", 32),
    above(f"{PICTURE}.output_image_height", 32),
    one_of(f"{PICTURE}.output_image_channel", 0, 1, 3),
    at_least(f"{PICTURE}.min_bbox_width", 0),
    at_least(f"{PICTURE}.min_bbox_height", 0),
    within(f"{SPACE}.hflip_probability", 0, 1),
    within(f"{SPACE}.vflip_probability", 0, 1),
    at_least(f"{SPACE}.zoom_min", 0),
    at_least(f"{SPACE}.zoom_max", 0),
    at_least(f"{SPACE}.translate_max_x", 0),
    at_least(f"{SPACE}.translate_max_y", 0),
    at_least(f"{SPACE}.rotate_rad_max", 0),
    at_least(f"{COLOUR}.color_shift_stddev", 0),
    within(f"{COLOUR}.hue_rotation_max", 0, 360),
    within(f"{COLOUR}.saturation_shift_max", 0, 1),
    within(f"{COLOUR}.contrast_scale_max", 0, 1),
    within(f"{COLOUR}.contrast_center", 0, 255),
)

UNUSED = (
    "ssd_config.mean_color",
    "training_config.enable_qat",
    "training_config.max_queue_size",
    "training_config.use_multiprocessing",
    "nms_config.infer_nms_score_bits",
    "nms_config.force_on_cpu",
    f"{PICTURE}.scale_width",
    f"{PICTURE}.scale_height",
    "dataset_config.include_difficult_in_training",
)


def check(spec: Spec) -> Iterator[Finding]:
    """Every problem of an Experiment, and warnings about what is read but does nothing."""
    yield from required(spec, *SECTIONS)
    yield from examine(spec, RULES)
    yield from _backbone(spec)
    yield from _anchors(spec)
    yield from _training(spec)
    yield from _augmentation(spec)
    yield from _dataset(spec)
    yield from without_effect(spec, *UNUSED)


def _backbone(spec: Spec) -> Iterator[Finding]:
    config = message_at(spec, "ssd_config")
    if config is None:
        return
    if config.arch not in BACKBONES:
        known = list(BACKBONES)
        what = f'arch must be {choice(known)}, not "{config.arch}"' if config.arch else 'ssd_config needs "arch"'
        yield Finding("ssd_config.arch", what, did_you_mean(config.arch, known))
        return
    depths, blocks = BACKBONES[config.arch]
    if depths and config.nlayers not in depths:
        told = config.nlayers or "unset"
        what = f"nlayers of {config.arch} must be {choice([str(depth) for depth in depths])}, not {told}"
        yield Finding("ssd_config.nlayers", what)
    if not depths and config.nlayers:
        yield warn("ssd_config.nlayers", f"nlayers has no effect: {config.arch} comes in one depth")
    for index, block in enumerate(config.freeze_blocks):
        if not blocks:
            yield warn(f"ssd_config.freeze_blocks[{index}]", f"freeze_blocks has no effect with {config.arch}")
        elif block not in blocks:
            what = f"freeze_blocks of {config.arch} must be from {blocks.start} to {blocks.stop - 1}, not {block}"
            yield Finding(f"ssd_config.freeze_blocks[{index}]", what)


def _anchors(spec: Spec) -> Iterator[Finding]:
    config = message_at(spec, "ssd_config")
    if config is None:
        return
    if config.aspect_ratios:
        yield from list_of(
            spec, "ssd_config.aspect_ratios", length=MAPS, needed="a list of numbers above 0", holds=_positives
        )
    elif not config.aspect_ratios_global:
        yield Finding("ssd_config.aspect_ratios_global", 'ssd_config needs "aspect_ratios_global" or "aspect_ratios"')
    if config.scales:
        yield from list_of(spec, "ssd_config.scales", length=MAPS + 1, needed="above 0", holds=_positive)
    elif not 0 < config.min_scale <= config.max_scale < float("inf"):
        what = 'ssd_config needs "scales", or "min_scale" and "max_scale" with 0 < min_scale <= max_scale'
        yield Finding("ssd_config.scales", what)
    if not config.variances:
        yield Finding("ssd_config.variances", 'ssd_config needs "variances", for example "[0.1, 0.1, 0.2, 0.2]"')
    rest: tuple[tuple[str, int | None, str, Callable[[Any], bool]], ...] = (
        ("aspect_ratios_global", None, "above 0", _positive),
        ("variances", 4, "above 0", _positive),
        ("steps", MAPS, "above 0, or a pair of such numbers", _one_or_two(_positive)),
        ("offsets", MAPS, "above 0 and below 1, or a pair of such numbers", _one_or_two(_inner)),
    )
    for name, length, needed, holds in rest:
        if getattr(config, name):
            yield from list_of(spec, f"ssd_config.{name}", length=length, needed=needed, holds=holds)


def _training(spec: Spec) -> Iterator[Finding]:
    yield from required(spec, "training_config.learning_rate", "training_config.regularizer")
    rate = message_at(spec, "training_config.learning_rate")
    if rate is not None and rate.WhichOneof("schedule") != "soft_start_annealing_schedule":
        path = "training_config.learning_rate.soft_start_cosine_annealing_schedule"
        if rate.HasField("soft_start_cosine_annealing_schedule"):
            yield Finding(path, "SSD trains with soft_start_annealing_schedule; the cosine schedule is not supported")
        else:
            yield Finding("training_config.learning_rate", 'learning_rate needs "soft_start_annealing_schedule"')
    schedule = message_at(spec, SCHEDULE)
    if schedule is not None:
        if 0 < schedule.annealing < 1 and schedule.soft_start >= schedule.annealing:
            what = f"soft_start must be below annealing ({schedule.annealing:g}), not {schedule.soft_start:g}"
            yield Finding(f"{SCHEDULE}.soft_start", what)
        if schedule.min_learning_rate > schedule.max_learning_rate > 0:
            what = f"min_learning_rate {schedule.min_learning_rate:g} is above max_learning_rate"
            yield warn(f"{SCHEDULE}.min_learning_rate", f"{what} {schedule.max_learning_rate:g}")
    regularizer = message_at(spec, "training_config.regularizer")
    if regularizer is not None and regularizer.type:
        yield from examine(spec, [inside("training_config.regularizer.weight", 0, 1)])


def _augmentation(spec: Spec) -> Iterator[Finding]:
    yield from required(spec, PICTURE)
    space = message_at(spec, SPACE)
    if space is not None and 0 < space.zoom_max < space.zoom_min:
        yield Finding(f"{SPACE}.zoom_min", f"zoom_min {space.zoom_min:g} is above zoom_max {space.zoom_max:g}")
    size = message_at(spec, PICTURE)
    if size is None:
        return
    whole = {"left": 0, "top": 0, "right": size.output_image_width, "bottom": size.output_image_height}
    for side, pixels in whole.items():
        path = f"{PICTURE}.crop_{side}"
        if spec.is_set(path) and getattr(size, f"crop_{side}") not in (0, pixels):
            yield warn(path, f"crop_{side} has no effect: images are resized to the output size, never cropped")


def _dataset(spec: Spec) -> Iterator[Finding]:
    config = message_at(spec, "dataset_config")
    if config is None:
        return
    yield from required(spec, "dataset_config.data_sources", "dataset_config.target_class_mapping")
    sources = {f"dataset_config.data_sources[{i}]": source for i, source in enumerate(config.data_sources)}
    if config.HasField("validation_data_source"):
        sources["dataset_config.validation_data_source"] = config.validation_data_source
    for path, source in sources.items():
        if not source.tfrecords_path:
            name = path.rpartition(".")[2].partition("[")[0]
            yield Finding(f"{path}.tfrecords_path", f'{name} needs "tfrecords_path"')
        yield from without_effect(spec, f"{path}.source_weight")
    if spec.is_set("dataset_config.validation_fold") and spec.is_set("dataset_config.validation_data_source"):
        # protobuf would silently keep the last one.
        what = "validation_fold and validation_data_source are both written: only one can be used"
        yield Finding("dataset_config.validation_data_source", what)
    elif config.WhichOneof("dataset_split_type") is None:
        what = 'no "validation_fold" and no "validation_data_source": training will not be validated'
        yield warn("dataset_config", what)
    for source, target in sorted(config.target_class_mapping.items()):
        path = f'dataset_config.target_class_mapping["{source}"]'
        if not source or not target:
            yield Finding(path, f'"{source}": "{target}" is no mapping of classes: key and value must be written')
        elif source != source.lower() or target != target.lower():
            yield warn(path, f'"{source}": "{target}" is read in lower case, as the records hold class names')


def _positive(value: Any) -> bool:
    return not isinstance(value, list) and bool(value > 0)


def _inner(value: Any) -> bool:
    return not isinstance(value, list) and 0 < value < 1


def _positives(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_positive, value))


def _one_or_two(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def check_entry(value: Any) -> bool:
        return (isinstance(value, list) and len(value) == 2 and all(map(holds, value))) or holds(value)

    return check_entry
