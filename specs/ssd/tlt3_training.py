"""Loss, optimizer and what goes on beside a training, as TLT 3.0 and later spell it."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding, Rule, at_least, examine, message_at, only_one, share, warn, without_effect
from specs.spec import Spec
from specs.ssd import rules
from specs.values import choice, did_you_mean

OPTIMIZER = "training_config.optimizer"
STOPPING = "training_config.early_stopping"
NEGATIVES = "ssd_config.neg_pos_ratio"
HIGH = 0.005
"""A learning rate that SGD may like, and that sends Adam and RMSprop astray."""
MONITORS = ("loss", "validation_loss", "val_loss")


RULES: tuple[Rule, ...] = (
    at_least("ssd_config.alpha", 0),
    at_least(NEGATIVES, 0),
    share("ssd_config.pos_iou_thresh"),
    share("ssd_config.neg_iou_thresh"),
    at_least(f"{OPTIMIZER}.adam.epsilon", 0),
    share(f"{OPTIMIZER}.adam.beta1"),
    share(f"{OPTIMIZER}.adam.beta2"),
    share(f"{OPTIMIZER}.sgd.momentum"),
    share(f"{OPTIMIZER}.rmsprop.rho"),
    share(f"{OPTIMIZER}.rmsprop.momentum"),
    at_least(f"{OPTIMIZER}.rmsprop.epsilon", 0),
    at_least(f"{STOPPING}.min_delta", 0),
)

UNUSED = (
    "training_config.cost_scaling",
    "training_config.visualizer.weight_histograms",
    "training_config.visualizer.wandb_config",
    "training_config.visualizer.clearml_config",
)
MODELS = ("resume_model_path", "pretrain_model_path", "pruned_model_path")


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about alpha and its like, optimizer, early_stopping, visualizer and what has no effect."""
    yield from examine(spec, RULES)
    yield from _thresholds(spec)
    yield from _optimizer(spec)
    yield from _stopping(spec)
    yield from without_effect(spec, *UNUSED)
    for name in MODELS:
        if spec.is_set(f"training_config.{name}"):
            yield warn(f"training_config.{name}", f"{name} is read but has no effect: tlt-train takes the model by -m")
    if spec.strict:
        yield from without_effect(spec, "training_config.model_ema")
        if spec.is_set(NEGATIVES):
            what = "neg_pos_ratio ends NVIDIA's training with a type error, so it is refused under strict-tlt"
            yield Finding(NEGATIVES, what, "leave it out: 3 is meant")


def _thresholds(spec: Spec) -> Iterator[Finding]:
    config = message_at(spec, "ssd_config")
    if config is not None and 0 < config.pos_iou_thresh < config.neg_iou_thresh:
        what = f"neg_iou_thresh {config.neg_iou_thresh:g} is above pos_iou_thresh {config.pos_iou_thresh:g}"
        yield warn("ssd_config.neg_iou_thresh", f"{what}: anchors between the two are positive")


def _optimizer(spec: Spec) -> Iterator[Finding]:
    yield from only_one(spec, *(f"{OPTIMIZER}.{name}" for name in ("adam", "sgd", "rmsprop")))
    optimizer = message_at(spec, OPTIMIZER)
    if optimizer is None:
        return
    chosen = optimizer.WhichOneof("optimizer")
    if chosen is None:
        yield warn(OPTIMIZER, "optimizer names none of adam, sgd and rmsprop: SGD with momentum 0.9 is used")
    elif spec.strict:
        yield warn(f"{OPTIMIZER}.{chosen}", f"{chosen} is ignored under strict-tlt: NVIDIA trains SSD with SGD, 0.9")
    schedule = rules.schedule(spec)
    if chosen in ("adam", "rmsprop") and schedule is not None and schedule.max_learning_rate > HIGH and not spec.strict:
        what = f"max_learning_rate {schedule.max_learning_rate:g} is high for {chosen}: 0.001 or less is usual"
        yield warn(f"{OPTIMIZER}.{chosen}", what)
    if chosen == "sgd" and optimizer.sgd.nesterov:
        momentum = f"{OPTIMIZER}.sgd.momentum"
        if spec.is_set(momentum) and not optimizer.sgd.momentum:
            yield Finding(f"{OPTIMIZER}.sgd.nesterov", "nesterov needs a momentum above 0")


def _stopping(spec: Spec) -> Iterator[Finding]:
    stopping = message_at(spec, STOPPING)
    if stopping is None:
        return
    if stopping.monitor not in MONITORS:
        told = f'not "{stopping.monitor}"' if stopping.monitor else "which is missing"
        hint = did_you_mean(stopping.monitor, list(MONITORS))
        yield Finding(f"{STOPPING}.monitor", f"monitor must be {choice(list(MONITORS))}, {told}", hint)
        return
    if stopping.monitor == "loss":
        return
    data, evaluation = message_at(spec, "dataset_config"), message_at(spec, "eval_config")
    if data is not None and not data.validation_data_sources:
        yield Finding(f"{STOPPING}.monitor", f'{stopping.monitor} needs "validation_data_sources"', "or monitor: loss")
    period = evaluation.validation_period_during_training if evaluation is not None else 1
    if spec.strict and period > 1:
        what = f"{stopping.monitor} needs a validation after every epoch, not every {period} (strict-tlt)"
        yield Finding(f"{STOPPING}.monitor", what, "write validation_period_during_training: 1")
