"""What makes no sense in a training spec of SSD whatever its dialect, and what deserves a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specs.checks import (
    Finding,
    Rule,
    above,
    examine,
    inside,
    message_at,
    one_of,
    only_one,
    required,
    share,
    warn,
    without_effect,
)
from specs.spec import Spec
from specs.ssd import anchors, backbones

SECTIONS = ("ssd_config", "training_config", "eval_config", "nms_config", "augmentation_config", "dataset_config")
RATE = "training_config.learning_rate"
SCHEDULE = f"{RATE}.soft_start_annealing_schedule"
COSINE = f"{RATE}.soft_start_cosine_annealing_schedule"
DIFFICULT = "dataset_config.include_difficult_in_training"

RULES: tuple[Rule, ...] = (
    one_of("ssd_config.pred_num_channels", 0, 256, 512, 1024),
    *(above(f"training_config.{name}", 0) for name in ("batch_size_per_gpu", "num_epochs")),
    *(above(f"{path}.{name}_learning_rate", 0) for path in (SCHEDULE, COSINE) for name in ("min", "max")),
    inside(f"{SCHEDULE}.soft_start", 0, 1),
    inside(f"{SCHEDULE}.annealing", 0, 1),
    share(f"{COSINE}.soft_start"),
    *(above(f"eval_config.{name}", 0) for name in ("validation_period_during_training", "batch_size")),
    inside("eval_config.matching_iou_threshold", 0, 1),
    inside("nms_config.confidence_threshold", 0, 1),
    inside("nms_config.clustering_iou_threshold", 0, 1),
    above("nms_config.top_k", 0),
)

UNUSED = (
    "ssd_config.mean_color",
    "training_config.enable_qat",
    "training_config.max_queue_size",
    "training_config.use_multiprocessing",
    "nms_config.infer_nms_score_bits",
    "nms_config.force_on_cpu",
)


BACKGROUND = "background"


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about what the dialects have in common."""
    yield from examine(spec, RULES)
    yield from backbones.check(spec)
    yield from anchors.check(spec)
    yield from _training(spec)
    yield from required(spec, "dataset_config.data_sources", "dataset_config.target_class_mapping")
    yield from _classes(spec)
    yield from without_effect(spec, *UNUSED)
    if spec.strict:
        yield from _to_the_letter(spec)


def schedule(spec: Spec) -> Any | None:
    """The schedule of the learning rate that is written, of either form."""
    rate = message_at(spec, RATE)
    form = rate.WhichOneof("schedule") if rate is not None else None
    return getattr(rate, form) if form else None


def _training(spec: Spec) -> Iterator[Finding]:
    yield from required(spec, RATE, "training_config.regularizer")
    yield from only_one(spec, SCHEDULE, COSINE)
    rate = message_at(spec, RATE)
    if rate is not None and rate.WhichOneof("schedule") is None:
        yield Finding(RATE, 'learning_rate needs "soft_start_annealing_schedule"')
    for path in (SCHEDULE, COSINE):
        curve = message_at(spec, path)
        if curve is not None and curve.min_learning_rate > curve.max_learning_rate > 0:
            what = f"min_learning_rate {curve.min_learning_rate:g} is above max_learning_rate"
            yield warn(f"{path}.min_learning_rate", f"{what} {curve.max_learning_rate:g}")
    curve = message_at(spec, SCHEDULE)
    if curve is not None and 0 < curve.annealing < 1 and curve.soft_start >= curve.annealing:
        what = f"soft_start must be below annealing ({curve.annealing:g}), not {curve.soft_start:g}"
        yield Finding(f"{SCHEDULE}.soft_start", what)
    regularizer = message_at(spec, "training_config.regularizer")
    if regularizer is not None and regularizer.type:
        yield from examine(spec, [inside("training_config.regularizer.weight", 0, 1)])


def _classes(spec: Spec) -> Iterator[Finding]:
    mapping: Mapping[str, str] = spec.message.dataset_config.target_class_mapping
    for source, target in sorted(mapping.items()):
        path = f'dataset_config.target_class_mapping["{source}"]'
        if not source or not target:
            yield Finding(path, f'"{source}": "{target}" is no mapping of classes: key and value must be written')
        elif target.lower() == BACKGROUND:
            what = f'"{BACKGROUND}" is what every part of an image without an object is: it is no class to train'
            yield Finding(path, what, "leave the mapping out, or give the class another name")
        elif source != source.lower() or target != target.lower():
            yield warn(path, f'"{source}": "{target}" is read in lower case, as the records hold class names')
        elif len(source.split()) > 1:
            yield warn(path, f'"{source}" matches nothing in KITTI labels, whose class names hold no blanks')
        other = source.lower()
        if other != source and mapping.get(other, target).lower() != target.lower():
            told = f'"{source}" and "{other}" are one class in lower case: "{target}" or "{mapping[other]}"?'
            yield Finding(path, told)
    yield from _written_over(spec, mapping)


def _written_over(spec: Spec, mapping: Mapping[str, str]) -> Iterator[Finding]:
    """Entries whose key comes again: of a map protobuf keeps the last one, and says nothing."""
    kept = {spec.positions.get(f'dataset_config.target_class_mapping["{source}"]') for source in mapping}
    for index in range(len(spec.positions)):
        path = f"dataset_config.target_class_mapping[{index}]"
        if path not in spec.positions:
            return
        if spec.positions[path] not in kept and None not in kept:
            yield warn(
                path, "the class of this target_class_mapping is mapped once more below, and the last one counts"
            )


def _to_the_letter(spec: Spec) -> Iterator[Finding]:
    """What NVIDIA's programs refuse or leave undone, where we by default do not."""
    if message_at(spec, COSINE) is not None:
        what = "SSD trains with soft_start_annealing_schedule; the cosine schedule is refused under strict-tlt"
        yield Finding(COSINE, what)
    training = message_at(spec, "training_config")
    if training is not None and training.num_epochs % max(1, training.checkpoint_interval):
        last = training.num_epochs - training.num_epochs % training.checkpoint_interval
        what = f"checkpoint_interval {training.checkpoint_interval} does not divide num_epochs {training.num_epochs}"
        told = f"the last checkpoint of NVIDIA's program is that of epoch {last}" if last else "NVIDIA's saves none"
        yield warn("training_config.checkpoint_interval", f"{what}: {told}")
    if spec.is_set(DIFFICULT) and not spec.message.dataset_config.include_difficult_in_training:
        what = "include_difficult_in_training: false has no effect under strict-tlt: NVIDIA trains on difficult ones"
        yield warn(DIFFICULT, what)
