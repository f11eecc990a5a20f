"""Rules of ``# tltpipe: strict-tlt``: what NVIDIA's programs refuse or leave undone, where ours by default do not."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding, message_at, value_at, without_effect
from specs.rulebook import Subject, rule
from specs.ssd.dataset_rules import FOLDERS
from specs.ssd.sections import AUGMENTATION, COSINE, DATA, KINDS, OPTIMIZER, STOPPING, TRAINING, VALIDATION, network
from specs.ssd.sources import messages
from specs.ssd.training_rules import MONITORS

DIFFICULT = f"{DATA}.include_difficult_in_training"


@rule(
    "S127",
    "error",
    title="the cosine schedule is refused under strict-tlt",
    fix="write soft_start_annealing_schedule",
    kinds=KINDS,
)
def cosine(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's SSD has but one schedule."""
    if subject.spec.strict and message_at(subject.spec, COSINE) is not None:
        what = "SSD trains with soft_start_annealing_schedule: NVIDIA's program refuses the cosine schedule"
        yield Finding(COSINE, what)


@rule(
    "S128",
    "warning",
    title="the last epoch leaves no checkpoint under strict-tlt",
    fix="write a checkpoint_interval that divides num_epochs",
    kinds=KINDS,
)
def last_checkpoint(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's program saves by the interval alone."""
    training = message_at(subject.spec, "training_config")
    if not subject.spec.strict or training is None:
        return
    epochs, interval = training.num_epochs, training.checkpoint_interval
    if epochs % max(1, interval):
        last = epochs - epochs % interval
        what = f"checkpoint_interval {interval} does not divide num_epochs {epochs}"
        left = f"the last checkpoint of NVIDIA's program is that of epoch {last}" if last else "NVIDIA's saves none"
        yield Finding("training_config.checkpoint_interval", f"{what}: {left}")


@rule(
    "S132",
    "warning",
    title="the optimizer is ignored under strict-tlt",
    fix="leave optimizer out: NVIDIA trains SSD with SGD, momentum 0.9",
    kinds=KINDS,
)
def ignored_optimizer(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's SSD has but one optimiser."""
    optimizer = message_at(subject.spec, OPTIMIZER) if subject.spec.strict else None
    chosen = optimizer.WhichOneof("optimizer") if optimizer is not None else None
    if chosen is not None:
        what = f"{chosen} is ignored: NVIDIA trains SSD with SGD, momentum 0.9"
        yield Finding(f"{OPTIMIZER}.{chosen}", what)


@rule(
    "S138",
    "error",
    title="early_stopping needs a validation after every epoch under strict-tlt",
    fix="write validation_period_during_training: 1",
    kinds=KINDS,
)
def seldom_validated(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's program ends where the loss that it watches is missing."""
    stopping, evaluation = message_at(subject.spec, STOPPING), message_at(subject.spec, "eval_config")
    period = evaluation.validation_period_during_training if evaluation is not None else 1
    if subject.spec.strict and stopping is not None and stopping.monitor in MONITORS[1:] and period > 1:
        what = f"{stopping.monitor} needs a validation after every epoch of NVIDIA's program, not every {period}"
        yield Finding(f"{STOPPING}.monitor", what, "write validation_period_during_training: 1")


@rule(
    "S141",
    "error",
    title="neg_pos_ratio is refused under strict-tlt",
    fix="leave neg_pos_ratio out; 3 is meant",
    kinds=KINDS,
)
def negatives(subject: Subject) -> Iterator[Finding]:
    """Written, it ends NVIDIA's training with a type error."""
    path = f"{network(subject.spec)}.neg_pos_ratio"
    if subject.spec.strict and subject.spec.is_set(path):
        what = "neg_pos_ratio ends NVIDIA's training with a type error"
        yield Finding(path, what, "leave it out: 3 is meant")


@rule(
    "S142",
    "warning",
    title="model_ema has no effect under strict-tlt",
    fix="leave model_ema out",
    kinds=KINDS,
)
def moving_average(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's SSD keeps no average of its weights."""
    if subject.spec.strict:
        yield from without_effect(subject.spec, "training_config.model_ema")


@rule(
    "S173",
    "warning",
    title="a source of validation is left out under strict-tlt",
    fix="write label_directory_path and image_directory_path",
    kinds=KINDS,
)
def left_out(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's program passes over sources that lack a path."""
    for path, source in messages(subject.spec):
        missing = [name for name in FOLDERS if not getattr(source, name, "")]
        if subject.spec.strict and path.startswith(VALIDATION) and missing and not source.tfrecords_path:
            name = VALIDATION.rpartition(".")[2]
            yield Finding(path, f'{name} lacks "{missing[0]}": NVIDIA\'s program leaves this source out')


@rule(
    "S174",
    "error",
    title="TFRecords do not validate under strict-tlt",
    fix="write label_directory_path and image_directory_path",
    kinds=KINDS,
)
def validation_records(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's program of TLT 3.0 and later validates on folders only."""
    for path, source in messages(subject.spec):
        if subject.spec.strict and path.startswith(VALIDATION) and source.tfrecords_path:
            what = "TFRecords do not validate: NVIDIA's program takes folders only"
            yield Finding(f"{path}.tfrecords_path", what, "write label_directory_path and image_directory_path")


@rule(
    "S175",
    "warning",
    title="thresholds of the overlap are ignored with TFRecords under strict-tlt",
    fix="leave pos_iou_thresh and neg_iou_thresh out; 0.5 is used",
    kinds=KINDS,
)
def ignored_thresholds(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's pipeline for records does not read them, which matters where they say something else."""
    for name in ("pos_iou_thresh", "neg_iou_thresh"):
        path = f"{network(subject.spec)}.{name}"
        if not _records_to_the_letter(subject) or not subject.spec.is_set(path):
            continue
        if value_at(subject.spec, path) not in (0, 0.5):
            yield Finding(path, f"{name} is ignored by NVIDIA's program with TFRecords: 0.5 is used")


@rule(
    "S176",
    "warning",
    title="zoom-outs are cut to whole numbers with TFRecords under strict-tlt",
    fix="write whole numbers",
    kinds=KINDS,
)
def cut_zooms(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's pipeline for records does so."""
    for name in ("zoom_out_min_scale", "zoom_out_max_scale"):
        config = message_at(subject.spec, AUGMENTATION) if _records_to_the_letter(subject) else None
        value = getattr(config, name, 0.0)
        if value % 1:
            what = f"{name} {value:g} is cut to {int(value)} by NVIDIA's program with TFRecords"
            yield Finding(f"{AUGMENTATION}.{name}", what)


@rule(
    "S177",
    "warning",
    title="include_difficult_in_training: false has no effect under strict-tlt",
    fix="leave include_difficult_in_training out",
    kinds=KINDS,
)
def difficult(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's loader of SSD overrides the filter that reads it."""
    config = message_at(subject.spec, DATA) if subject.spec.strict else None
    if config is not None and subject.spec.is_set(DIFFICULT) and not config.include_difficult_in_training:
        what = "include_difficult_in_training: false has no effect"
        yield Finding(DIFFICULT, f"{what}: NVIDIA trains on difficult ones")


def _records_to_the_letter(subject: Subject) -> bool:
    """Whether NVIDIA's pipeline for the records of TLT 3.0 and later is meant."""
    config = message_at(subject.spec, DATA) if subject.spec.strict else None
    first = next(iter(getattr(config, TRAINING.rpartition(".")[2], ())), None)
    later = first is not None and "label_directory_path" in first.DESCRIPTOR.fields_by_name
    return later and bool(first.tfrecords_path) if first is not None else False
