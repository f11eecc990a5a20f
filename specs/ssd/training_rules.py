"""Rules about the training of SSD: its length, learning rate, regulariser, optimiser and end."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import (
    Finding,
    inside,
    message_at,
    only_one,
    out_of_range,
    removed,
    required,
    without_effect,
)
from specs.rulebook import IN_RANGE, NVIDIA, Subject, rule
from specs.ssd import ranges
from specs.ssd.sections import COSINE, DATA, KINDS, OPTIMIZER, RATE, SCHEDULE, STOPPING, network, schedule
from specs.values import choice, did_you_mean

HIGH = 0.005
"""A learning rate that SGD may like, and that sends Adam and RMSprop astray."""
MONITORS = ("loss", "validation_loss", "val_loss")
MODELS = ("resume_model_path", "pretrain_model_path", "pruned_model_path")
UNUSED = (
    *(f"training_config.{name}" for name in ("use_multiprocessing", "cost_scaling", "visualizer.weight_histograms")),
    "nms_config.force_on_cpu",
    "augmentation_config.preprocessing.scale_width",
    "augmentation_config.preprocessing.scale_height",
    f"{DATA}.type",
)
NVIDIA_ONLY = (
    *(f"training_config.{name}" for name in ("enable_qat", "max_queue_size")),
    *(f"training_config.visualizer.{name}" for name in ("wandb_config", "clearml_config")),
    "nms_config.infer_nms_score_bits",
)
"""Fields that NVIDIA's programs honour, and ours do not."""


@rule(
    "S120",
    "error",
    title="a number of the training is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def training_numbers(subject: Subject) -> Iterator[Finding]:
    """Length and batches."""
    yield from out_of_range(subject.spec, ranges.TRAINING)


@rule(
    "S121",
    "error",
    title="the learning rate has no schedule",
    fix="write learning_rate { soft_start_annealing_schedule { ... } }",
    kinds=KINDS,
)
def missing_schedule(subject: Subject) -> Iterator[Finding]:
    """Both forms of it are soft starts."""
    yield from required(subject.spec, RATE)
    if message_at(subject.spec, RATE) is not None and schedule(subject.spec) is None:
        yield Finding(RATE, 'learning_rate needs "soft_start_annealing_schedule"')


@rule("S122", "error", title="two schedules are written", fix="write one of them", kinds=KINDS)
def two_schedules(subject: Subject) -> Iterator[Finding]:
    """protobuf would keep the last one and say nothing."""
    yield from only_one(subject.spec, SCHEDULE, COSINE)


@rule(
    "S123",
    "error",
    title="a number of the learning rate is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def rate_numbers(subject: Subject) -> Iterator[Finding]:
    """Rates are above 0; the ramps are shares of the training."""
    yield from out_of_range(subject.spec, ranges.RATES)


@rule(
    "S124",
    "warning",
    title="min_learning_rate is above max_learning_rate",
    fix="exchange the two",
    kinds=KINDS,
)
def falling_rates(subject: Subject) -> Iterator[Finding]:
    """The rate would fall where it is meant to climb."""
    for path in (SCHEDULE, COSINE):
        curve = message_at(subject.spec, path)
        if curve is not None and curve.min_learning_rate > curve.max_learning_rate > 0:
            what = f"min_learning_rate {curve.min_learning_rate:g} is above max_learning_rate"
            yield Finding(f"{path}.min_learning_rate", f"{what} {curve.max_learning_rate:g}")


@rule("S125", "error", title="the two ramps overlap", fix="write a soft_start below annealing", kinds=KINDS)
def crossed_ramps(subject: Subject) -> Iterator[Finding]:
    """The rate cannot fall before it has climbed."""
    curve = message_at(subject.spec, SCHEDULE)
    if curve is not None and 0 < curve.annealing < 1 and curve.soft_start >= curve.annealing:
        what = f"soft_start must be below annealing ({curve.annealing:g}), not {curve.soft_start:g}"
        yield Finding(f"{SCHEDULE}.soft_start", what)


@rule(
    "S126",
    "error",
    title="the regulariser is missing or its weight is out of its range",
    fix="write regularizer { type: L1 weight: 3e-9 }, or type: NO_REG",
    kinds=KINDS,
)
def regularizer(subject: Subject) -> Iterator[Finding]:
    """Of NO_REG the weight counts nothing."""
    path = "training_config.regularizer"
    yield from required(subject.spec, path)
    found = message_at(subject.spec, path)
    if found is not None and found.type:
        yield from out_of_range(subject.spec, [inside(f"{path}.weight", 0, 1)])


@rule("S129", "error", title="two optimizers are written", fix="write one of them", kinds=KINDS)
def two_optimizers(subject: Subject) -> Iterator[Finding]:
    """protobuf would keep the last one and say nothing."""
    yield from only_one(subject.spec, *(f"{OPTIMIZER}.{name}" for name in ("adam", "sgd", "rmsprop")))


@rule(
    "S130",
    "error",
    title="a number of the optimizer is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def optimizer_numbers(subject: Subject) -> Iterator[Finding]:
    """Of Adam, SGD and RMSprop."""
    yield from out_of_range(subject.spec, ranges.OPTIMIZERS)


@rule(
    "S131",
    "warning",
    title="the section of the optimizer names none",
    fix="write adam, sgd or rmsprop in it, or leave it out",
    kinds=KINDS,
)
def no_optimizer(subject: Subject) -> Iterator[Finding]:
    """SGD is used then."""
    optimizer = message_at(subject.spec, OPTIMIZER)
    if optimizer is not None and optimizer.WhichOneof("optimizer") is None:
        yield Finding(OPTIMIZER, "optimizer names none of adam, sgd and rmsprop: SGD with momentum 0.9 is used")


@rule(
    "S133",
    "warning",
    title="the learning rate is high for this optimizer",
    fix="write a max_learning_rate of 0.001 or less",
    kinds=KINDS,
)
def high_rate(subject: Subject) -> Iterator[Finding]:
    """Rates of SGD send Adam and RMSprop astray."""
    optimizer, curve = message_at(subject.spec, OPTIMIZER), schedule(subject.spec)
    chosen = optimizer.WhichOneof("optimizer") if optimizer is not None else None
    if subject.spec.strict or curve is None or curve.max_learning_rate <= HIGH:
        return
    if chosen in ("adam", "rmsprop"):
        what = f"max_learning_rate {curve.max_learning_rate:g} is high for {chosen}: 0.001 or less is usual"
        yield Finding(f"{OPTIMIZER}.{chosen}", what)


@rule(
    "S134",
    "error",
    title="nesterov without momentum",
    fix="write a momentum above 0, or leave nesterov out",
    kinds=KINDS,
)
def nesterov(subject: Subject) -> Iterator[Finding]:
    """Nesterov's momentum is one of SGD's."""
    sgd, momentum = message_at(subject.spec, f"{OPTIMIZER}.sgd"), f"{OPTIMIZER}.sgd.momentum"
    if sgd is not None and sgd.nesterov and subject.spec.is_set(momentum) and not sgd.momentum:
        yield Finding(f"{OPTIMIZER}.sgd.nesterov", "nesterov needs a momentum above 0")


@rule(
    "S135",
    "error",
    title="early_stopping watches nothing that there is",
    fix="write monitor: loss, or validation_loss",
    kinds=KINDS,
)
def monitor(subject: Subject) -> Iterator[Finding]:
    """What ends a training when it stops falling."""
    stopping = message_at(subject.spec, STOPPING)
    if stopping is not None and stopping.monitor not in MONITORS:
        written = f'not "{stopping.monitor}"' if stopping.monitor else "which is missing"
        hint = did_you_mean(stopping.monitor, list(MONITORS))
        yield Finding(f"{STOPPING}.monitor", f"monitor must be {choice(list(MONITORS))}, {written}", hint)


@rule(
    "S136",
    "error",
    title="a number of early_stopping is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def stopping_numbers(subject: Subject) -> Iterator[Finding]:
    """The smallest fall that counts."""
    yield from out_of_range(subject.spec, ranges.ENDS)


@rule(
    "S137",
    "error",
    title="early_stopping watches a validation that does not take place",
    fix="write validation_data_sources, or monitor: loss",
    kinds=KINDS,
)
def unvalidated_monitor(subject: Subject) -> Iterator[Finding]:
    """The validation loss needs images to validate on."""
    stopping, data = message_at(subject.spec, STOPPING), message_at(subject.spec, DATA)
    if stopping is None or stopping.monitor not in MONITORS[1:]:
        return
    if data is not None and not data.validation_data_sources:
        what = f'{stopping.monitor} needs "validation_data_sources"'
        yield Finding(f"{STOPPING}.monitor", what, "or monitor: loss")


@rule("S139", "warning", title="the field has no effect", fix="leave the field out", kinds=KINDS)
def no_effect(subject: Subject) -> Iterator[Finding]:
    """Fields that are read so that NVIDIA's specs stay as they are, and that change nothing here."""
    ours = () if subject.toolkit in NVIDIA else NVIDIA_ONLY
    yield from without_effect(subject.spec, f"{network(subject.spec)}.mean_color", *UNUSED, *ours)
    for path in subject.spec.positions:
        if path.startswith(f"{DATA}.") and path.endswith(".root_path"):
            yield from without_effect(subject.spec, path)


@rule(
    "S140",
    "warning",
    title="the path of a model in the spec has no effect",
    fix="name the model on the command line: tlt-train -m",
    kinds=KINDS,
)
def model_paths(subject: Subject) -> Iterator[Finding]:
    """Of three fields that NVIDIA's programs read."""
    for name in MODELS:
        if subject.spec.is_set(f"training_config.{name}"):
            what = f"{name} is read but has no effect: tlt-train takes the model by -m"
            path = f"training_config.{name}"
            yield Finding(path, what, edit=removed(subject.spec, path))


@rule(
    "S145",
    "error",
    title="a number of the evaluation is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def evaluation_numbers(subject: Subject) -> Iterator[Finding]:
    """Batches, periods and the overlap of a match."""
    yield from out_of_range(subject.spec, ranges.EVALUATION)


@rule(
    "S146",
    "error",
    title="a number of the non-maximum suppression is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def suppression_numbers(subject: Subject) -> Iterator[Finding]:
    """Thresholds and the most detections of an image."""
    yield from out_of_range(subject.spec, ranges.SUPPRESSION)
