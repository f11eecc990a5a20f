"""What several of TAO's networks say in the same words: length, optimiser, rates."""

from __future__ import annotations

from typing import Any

from specs.migration.rewriting import Rewriting, Row

HERE = "training_config"
WEIGHTS = "weights of NVIDIA's are not read here: the training starts from random ones, or those of tlt-train -m"
QAT = "the training knows nothing of int8; tlt-export calibrates it"
ACTIVATIONS = "activations are those of the backbone"
MOST_STEPS = 20
"""Drops that stand for a curve."""

TRAINING = (
    Row(f"{HERE}.batch_size_per_gpu", "dataset.batch_size"),
    Row(f"{HERE}.num_epochs", "train.num_epochs"),
    Row(f"{HERE}.checkpoint_interval", "train.checkpoint_interval"),
    Row(f"{HERE}.learning_rate.soft_start_annealing_schedule.min_learning_rate", "train.optim.lr_decay"),
    Row(f"{HERE}.learning_rate.soft_start_annealing_schedule.max_learning_rate", "train.optim.lr"),
    Row(f"{HERE}.learning_rate.soft_start_annealing_schedule.soft_start", "train.optim.warmup_epochs"),
    Row(f"{HERE}.learning_rate.soft_start_annealing_schedule.annealing", "train.optim.lr_steps"),
    Row(f"{HERE}.learning_rate.soft_start_cosine_annealing_schedule.min_learning_rate", "train.optim.lr_min"),
    Row(f"{HERE}.learning_rate.soft_start_cosine_annealing_schedule.max_learning_rate", "train.optim.lr"),
    Row(f"{HERE}.learning_rate.soft_start_cosine_annealing_schedule.soft_start", "train.optim.warmup_epochs"),
    Row(f"{HERE}.regularizer.type"),
    Row(f"{HERE}.regularizer.weight", "train.optim.weight_decay"),
    Row(f"{HERE}.enable_qat", effect=QAT, same=(False,)),
    Row(f"{HERE}.resume_model_path", effect=WEIGHTS, same=("",)),
    Row(f"{HERE}.pretrain_model_path", effect=WEIGHTS, same=("",)),
    Row(f"{HERE}.pruned_model_path", effect=WEIGHTS, same=("",)),
    Row(f"{HERE}.max_queue_size"),
    Row(f"{HERE}.n_workers", "dataset.workers"),
    Row(f"{HERE}.use_multiprocessing"),
    Row(f"{HERE}.early_stopping.monitor", effect="the training always has all its epochs; the best one is kept"),
    Row(f"{HERE}.early_stopping.min_delta"),
    Row(f"{HERE}.early_stopping.patience"),
    Row(f"{HERE}.model_ema", "train.enable_ema"),
)
"""``TrainingConfig`` of yolo_v3, yolo_v4 and multitask_classification."""
TRAINING_WHOLE = (f"{HERE}.visualizer", f"{HERE}.cost_scaling")

OPTIMIZERS = tuple(
    Row(f"{HERE}.optimizer.{name}")
    for name in (
        *("adam.epsilon", "adam.beta1", "adam.beta2", "adam.beta_1", "adam.beta_2", "adam.amsgrad", "adam.lr"),
        *("adam.decay", "sgd.momentum", "sgd.nesterov", "sgd.lr", "sgd.decay"),
        *("rmsprop.rho", "rmsprop.momentum", "rmsprop.epsilon", "rmsprop.centered", "rmsprop.lr"),
    )
)


def optimizer(spec: Rewriting) -> None:
    """The optimiser, of yolo's form and of Faster R-CNN's."""
    here = f"{HERE}.optimizer"
    chosen = next((name for name in ("adam", "sgd", "rmsprop") if spec.sections(f"{here}.{name}")), None)
    if chosen is None:
        return
    spec.also("train.optim.optimizer", chosen)
    if chosen == "adam":
        beta = next((f"{here}.adam.{name}" for name in ("beta1", "beta_1") if spec.has(f"{here}.adam.{name}")), "")
        spec.put("train.optim.momentum", spec.number(beta, 0.9) or 0.9, *filter(None, [beta]))
        for name in ("beta2", "beta_2"):
            _unlike(spec, f"{here}.adam.{name}", 0.999, "beta2 is 0.999 here")
        _unlike(spec, f"{here}.adam.amsgrad", False, "Adam without AMSGrad")
    else:
        spec.put("train.optim.momentum", spec.number(f"{here}.{chosen}.momentum", 0.0), f"{here}.{chosen}.momentum")
    if chosen == "sgd":
        spec.put("train.optim.nesterov", bool(spec.value(f"{here}.sgd.nesterov", False)), f"{here}.sgd.nesterov")
    _unlike(spec, f"{here}.{chosen}.decay", 0.0, "the rate does not also fall by 1 / (1 + decay * step)")
    _unlike(spec, f"{here}.rmsprop.rho", 0.99, "rho is 0.99 here")
    _unlike(spec, f"{here}.rmsprop.centered", False, "RMSprop is not centred here")
    spec.drop(f"{here}.{chosen}.epsilon")


def _unlike(spec: Rewriting, path: str, usual: Any, effect: str) -> None:
    """Note a field that can only be ``usual`` here."""
    if spec.has(path):
        value = spec.value(path)
        like = isinstance(value, (int, float)) and abs(value - usual) < 1e-6
        spec.drop(path, "" if like else effect)


def regularizer(spec: Rewriting, factor: float = 2.0) -> None:
    """Weight decay of kernels. Keras adds weight * w^2 to the loss, whose slope is twice that: ``factor``."""
    here = f"{HERE}.regularizer"
    if not spec.has(here):
        return
    kind = str(spec.value(f"{here}.type", "NO_REG"))
    weight = float(spec.number(f"{here}.weight", 0.0))
    if kind in ("L2", "2"):
        spec.put("train.optim.weight_decay", round(weight * factor, 12), f"{here}.weight", f"{here}.type",
                 effect="" if factor == 1 else f"as strong: Keras' weight counts {factor:g} times")  # fmt: skip
    else:
        spec.also("train.optim.weight_decay", 0.0)
        spec.drop(here, "there is no L1 here: the weights are not held down" if weight and kind in ("L1", "1") else "")
    spec.also("train.optim.norm_weight_decay", 0.0)


def rates(spec: Rewriting) -> None:
    """The soft start, and the fall by annealing or along a cosine."""
    here = f"{HERE}.learning_rate"
    epochs = int(spec.number(f"{HERE}.num_epochs", 1) or 1)
    if spec.sections(f"{here}.soft_start_annealing_schedule"):
        _annealing(spec, f"{here}.soft_start_annealing_schedule", epochs)
    elif spec.sections(f"{here}.soft_start_cosine_annealing_schedule"):
        _cosine(spec, f"{here}.soft_start_cosine_annealing_schedule", epochs)


def _annealing(spec: Rewriting, here: str, epochs: int) -> None:
    """As high as ``max`` until ``annealing``, then down to ``min`` by equal factors, in steps of whole epochs."""
    low, high = spec.number(f"{here}.min_learning_rate", 0.0), spec.number(f"{here}.max_learning_rate", 0.0)
    start = min(max(1, round(spec.number(f"{here}.annealing", 1.0) * epochs)), epochs)
    count = min(MOST_STEPS, epochs - start)
    steps = sorted({start + index * (epochs - start) // count for index in range(count)}) if count else []
    _soft_start(spec, here, epochs, low, high, "the rate climbs on a straight line, not by equal factors")
    if not steps or not 0 < low < high:
        spec.also("train.optim.lr_scheduler", "constant")
        spec.drop(f"{here}.annealing", "the rate does not fall: the training is too short for steps of whole epochs")
        spec.drop(f"{here}.min_learning_rate")
        return
    spec.also("train.optim.lr_scheduler", "multistep")
    spec.put("train.optim.lr_steps", steps, f"{here}.annealing", effect="the rate falls after epochs, not in each step")
    spec.put("train.optim.lr_decay", round((low / high) ** (1 / len(steps)), 6), f"{here}.min_learning_rate")


def _cosine(spec: Rewriting, here: str, epochs: int) -> None:
    low, high = spec.number(f"{here}.min_learning_rate", 0.0), spec.number(f"{here}.max_learning_rate", 0.0)
    spec.also("train.optim.lr_scheduler", "cosine")
    _soft_start(spec, here, epochs, low, high, "")
    spec.put("train.optim.lr_min", low, f"{here}.min_learning_rate",
             effect="the wave ends with the training; NVIDIA's is cut off before its end")  # fmt: skip


def _soft_start(spec: Rewriting, here: str, epochs: int, low: float, high: float, effect: str) -> None:
    share = float(spec.number(f"{here}.soft_start", 0.0))
    spec.put("train.optim.lr", high, f"{here}.max_learning_rate", effect="NVIDIA multiplies it by the number of GPUs")
    spec.put("train.optim.warmup_epochs", round(share * epochs, 4), f"{here}.soft_start", effect=effect)
    spec.also("train.optim.warmup_curve", "linear")
    factor = min(round(low / high, 8), 1.0) if high > 0 else 0.0
    spec.also("train.optim.warmup_factor", max(factor, 0.0), f"{here}.min_learning_rate")
