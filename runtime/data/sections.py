"""What the sections that YAML specs share (``specs.sections``) come to in a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runtime.data.recipe import Data, Evaluation, Optimizer, Source
from runtime.nn import schedules
from runtime.nn.schedules import Schedule
from runtime.shell.program import host

if TYPE_CHECKING:
    from specs import sections
    from specs.sections import Evaluate, Optim, Train


def training(train: Train) -> dict[str, Any]:
    """The fields of a Recipe that the section ``train`` says."""
    return {
        "seed": train.seed,
        "epochs": train.num_epochs,
        "iterations": train.num_iterations or None,
        "checkpoint_interval": train.checkpoint_interval,
        "summary_step": train.summary_step,
        "save_step": train.save_step,
        "optimizer": optimizer(train.optim),
        "schedule": schedule(train),
        "clip_norm": train.clip_grad_norm or None,
        "average": train.ema_decay if train.enable_ema else None,
        "pretrained": host(train.pretrained_model_path) if train.pretrained_model_path else None,
    }


def data(
    training: Sequence[sections.Source],
    validation: Sequence[sections.Source],
    mapped: Sequence[sections.Mapped] = (),
    *,
    flat: bool,
) -> Data:
    """The sources of the section ``dataset``, where a class is called the same in the data and in the spec but for
    those ``mapped``."""
    return Data(
        training=tuple(sources("dataset.train_data_sources", training)),
        validation=tuple(sources("dataset.val_data_sources", validation)),
        mapping={},
        merged={each.name.lower(): each.mapping_class.lower() for each in mapped},
        held_out_fields="val_data_sources",
        naming="dataset.classes",
        flat=flat,
    )


def evaluation(period: int, evaluate: Evaluate) -> Evaluation:
    """What the section ``evaluate`` says, after every ``period`` epochs, of boxes as they are."""
    return Evaluation(
        period=period,
        batch_size=evaluate.batch_size,
        mode="SAMPLE" if evaluate.average_precision_mode == "sample" else "INTEGRATE",
        iou=evaluate.matching_iou_threshold,
        whole_pixels=False,
    )


def optimizer(optim: Optim) -> Optimizer:
    decay = {"weight_decay": optim.weight_decay}
    match optim.optimizer:
        case "sgd":
            nesterov = {"nesterov": True} if optim.nesterov else {}
            return Optimizer("SGD", {"momentum": optim.momentum, **decay, **nesterov}, optim.norm_weight_decay)
        case "rmsprop":
            return Optimizer("RMSprop", {"momentum": optim.momentum, **decay}, optim.norm_weight_decay)
        case "adam":
            return Optimizer("Adam", {"betas": (optim.momentum, 0.999), **decay}, optim.norm_weight_decay)
        case "adamw":
            return Optimizer("AdamW", {"betas": (optim.momentum, 0.999), **decay}, optim.norm_weight_decay)


def schedule(train: Train) -> Callable[[int, int], Schedule]:
    """The learning rate, given the number of steps of the training, and of processes, which does not count."""
    optim, by_iterations = train.optim, train.num_iterations > 0

    def curve(steps: int, _processes: int) -> Schedule:
        per_epoch = 1 if by_iterations else max(1, steps // train.num_epochs)
        begin = min(round(optim.warmup_epochs * per_epoch), steps // 2)
        # A short training would not come to its rate at all.
        warmup = begin if optim.warmup_epochs else min(optim.warmup_steps, steps if by_iterations else per_epoch)
        made = _curve(optim, steps, per_epoch, begin)
        if optim.warmup_curve == "quadratic":
            return schedules.WarmUp(made, warmup, 0.0, power=2)
        return schedules.WarmUp(made, warmup, optim.warmup_factor)

    return curve


def _curve(optim: Optim, steps: int, per_epoch: int, begin: int) -> Schedule:
    """``per_epoch`` iterations are what ``optim`` counts by; poly and cosine begin behind ``begin`` of them."""
    flat = optim.lr_flat_epochs * per_epoch
    match optim.lr_scheduler:
        case "constant":
            return schedules.Constant(optim.lr)
        case "multistep":
            return schedules.MultiStep(optim.lr, optim.lr_steps, per_epoch, optim.lr_decay)
        case "step":
            return schedules.StepLR(optim.lr, optim.lr_step_size, per_epoch, optim.lr_decay)
        case "poly":
            return schedules.Polynomial(optim.lr, steps, optim.lr_power, optim.lr_min, flat, begin)
        case "cosine":
            return schedules.Cosine(optim.lr, steps, optim.lr_min, flat, begin)


def sources(field: str, given: Sequence[sections.Source]) -> Iterator[Source]:
    """The sources in the list ``field`` of a spec."""
    for index, source in enumerate(given):
        images = host(source.image_dir) if source.image_dir else None
        if source.json_file:
            annotations, format = host(source.json_file), "coco"
        else:
            annotations, format = host(source.path), source.format
        yield Source(images, annotations, format, source.weight, f"{field}[{index}]")
