"""What NVIDIA's training of SSD and DSSD refuses, ignores or does otherwise than the spec reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from specs.checks import Finding, message_at
from specs.rulebook import LATER, NVIDIA, Function, Subject, rule
from specs.spec import Spec
from specs.ssd import strict_rules
from specs.ssd.sections import AUGMENTATION, KINDS, MAPPING, STOPPING, network


def as_nvidia(subject: Subject, rule: Function) -> Iterable[Finding]:
    """What a rule of strict-tlt reports of the spec: that is true of NVIDIA's own programs, whoever is to be strict.
    Nothing where the spec asks for strict-tlt, by which the rule reports itself."""
    return () if subject.spec.strict else rule(replace(subject, spec=replace(subject.spec, strict=True)))


def written(spec: Spec, path: str) -> float:
    """The number at ``path``; 0, which is nothing to protobuf, where it is not written."""
    parent, _, name = path.rpartition(".")
    holder = message_at(spec, parent)
    return getattr(holder, name, 0) if holder is not None and spec.is_set(path) else 0


@rule(
    "S511",
    "error",
    title="neg_pos_ratio is written, by which NVIDIA's training ends with a type error",
    fix="leave neg_pos_ratio out; 3 is used",
    kinds=KINDS,
    toolkits=LATER,
)
def negatives(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.negatives)


@rule(
    "S512",
    "error",
    title="a cosine schedule, which NVIDIA's SSD refuses",
    fix="write soft_start_annealing_schedule",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def cosine(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.cosine)


@rule(
    "S513",
    "error",
    title="TFRecords to validate on, which NVIDIA's SSD does not read",
    fix="name folders of images and labels in validation_data_sources",
    kinds=KINDS,
    toolkits=LATER,
)
def validation_records(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.validation_records)


@rule(
    "S514",
    "error",
    title="early stopping by the validation loss without a validation after every epoch",
    fix="write validation_period_during_training: 1",
    kinds=KINDS,
    toolkits=LATER,
)
def stopping(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.seldom_validated)


@rule(
    "S515",
    "error",
    title="random_flip: 1, which NVIDIA's SSD refuses",
    fix="write a number below 1",
    kinds=KINDS,
    toolkits=LATER,
)
def always_flipped(subject: Subject) -> Iterator[Finding]:
    path = f"{AUGMENTATION}.random_flip"
    if written(subject.spec, path) >= 1:
        yield Finding(path, "NVIDIA's SSD takes a random_flip below 1 only", "write 0.99 for nearly always")


@rule(
    "S516",
    "warning",
    title="optimizer, which NVIDIA's SSD ignores: it always trains by SGD with a momentum of 0.9",
    fix="leave optimizer out",
    kinds=KINDS,
    toolkits=LATER,
)
def optimizer(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.ignored_optimizer)


@rule(
    "S517",
    "warning",
    title="model_ema, which NVIDIA's SSD ignores",
    fix="leave model_ema out",
    kinds=KINDS,
    toolkits=LATER,
)
def average(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.moving_average)


@rule(
    "S518",
    "warning",
    title="include_difficult_in_training: false, which changes nothing: NVIDIA's SSD trains on difficult objects, too",
    fix="take objects with an occlusion out of the labels, where they should not be trained on",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def difficult(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.difficult)


@rule(
    "S519",
    "warning",
    title="checkpoint_interval does not divide num_epochs: NVIDIA's programs save no checkpoint of the last epochs",
    fix="write a checkpoint_interval that divides num_epochs",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def last_checkpoint(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.last_checkpoint)


@rule(
    "S520",
    "warning",
    title="steps or offsets, which NVIDIA's checkpoints forget: evaluation, export and resuming use the defaults",
    fix="leave steps and offsets out",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def forgotten(subject: Subject) -> Iterator[Finding]:
    for name in ("steps", "offsets"):
        if subject.spec.is_set(path := f"{network(subject.spec)}.{name}"):
            what = f"{name} is not stored with the model: what loads it again has its boxes elsewhere"
            yield Finding(path, what, f"leave {name} out")


@rule(
    "S525",
    "warning",
    title="classes in mixed case, which NVIDIA's SSD sorts in two ways: figures appear under other names",
    fix="write the values of target_class_mapping in lower case",
    kinds=KINDS,
    toolkits=LATER,
)
def class_case(subject: Subject) -> Iterator[Finding]:
    for source, target in sorted(subject.spec.message.dataset_config.target_class_mapping.items()):
        if target != target.lower():
            what = f'"{target}" is sorted as written for names, and in lower case for ids: figures may change places'
            yield Finding(f'{MAPPING}["{source}"]', what, f'write "{target.lower()}"')


@rule(
    "S526",
    "warning",
    title="a key of target_class_mapping that is not in lower case, as the records hold class names",
    fix="write the key in lower case",
    kinds=KINDS,
    toolkits=("tlt2",),
)
def key_case(subject: Subject) -> Iterator[Finding]:
    for source in sorted(subject.spec.message.dataset_config.target_class_mapping):
        if source != source.lower():
            what = f'"{source}" matches nothing for NVIDIA: records hold class names in lower case'
            yield Finding(f'{MAPPING}["{source}"]', what, f'write "{source.lower()}"')


@rule(
    "S527",
    "note",
    title="enable_qat, by which only models trained with it can be loaded",
    fix="give it the value that the model was trained with",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def quantisation(subject: Subject) -> Iterator[Finding]:
    if written(subject.spec, path := "training_config.enable_qat"):
        yield Finding(path, "NVIDIA's programs end unless the loaded model was trained with enable_qat, too")


@rule(
    "S528",
    "note",
    title="clip_boxes, which ends NVIDIA's anchors one pixel before the border",
    fix="nothing needs to be done",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def clipped(subject: Subject) -> Iterator[Finding]:
    if written(subject.spec, path := f"{network(subject.spec)}.clip_boxes"):
        yield Finding(path, "NVIDIA clips anchors to width - 1 and height - 1, one pixel short of the border")


@rule(
    "S529",
    "note",
    title="min_delta of a validation loss, which NVIDIA's SSD multiplies by the batch size of the evaluation",
    fix="multiply min_delta by eval_config.batch_size",
    kinds=KINDS,
    toolkits=LATER,
)
def scaled_delta(subject: Subject) -> Iterator[Finding]:
    config, batch = message_at(subject.spec, STOPPING), written(subject.spec, "eval_config.batch_size")
    if config is not None and config.monitor != "loss" and config.min_delta and batch > 1:
        what = f"NVIDIA's validation loss is {batch:g} times as large, by eval_config.batch_size, as min_delta may mean"
        yield Finding(f"{STOPPING}.min_delta", what)


@rule(
    "S530",
    "warning",
    title="sides of the input that are no multiples of 32, which TLT 2.0 needs",
    fix="write multiples of 32, and resize images and labels to them (augment)",
    kinds=KINDS,
    toolkits=("tlt2",),
)
def multiples(subject: Subject) -> Iterator[Finding]:
    for side in ("width", "height"):
        path = f"{AUGMENTATION}.preprocessing.output_image_{side}"
        value = int(written(subject.spec, path))
        if value % 32:
            near = max(64, round(value / 32) * 32)
            yield Finding(path, f"output_image_{side} {value} is no multiple of 32", f"write {near}")
