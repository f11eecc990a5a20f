"""One file per dialect of SSD's training specs, and what the dialects have in common: a spec in, a Recipe out.

``specs.parse`` has refused what makes no sense: here it is only read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

from runtime.data.defaults import CLIP_NORM
from runtime.data.recipe import Data, Evaluation, Recipe
from runtime.imaging.placement import View
from runtime.networks.ssd.config import Settings
from runtime.nn.schedules import SoftStartAnnealing, SoftStartCosine
from specs import Spec, numbers
from specs.ssd import anchors, sections
from specs.ssd.backbones import BACKBONES
from tltpipe import registry

Pair = tuple[float, float]


class Dialect(Protocol):
    """What a module in this folder provides."""

    def recipe(self, spec: Spec) -> Recipe[Settings]: ...


def recipe(spec: Spec) -> Recipe[Settings]:
    return cast("Dialect", registry.load("runtime.networks.ssd.recipes", spec.dialect)).recipe(spec)


def assemble(spec: Spec, model: Settings, data: Data, views: tuple[View, View], **others: Any) -> Recipe[Settings]:
    """The recipe of what the dialects share. ``views`` are that of the data and that of any image at all; ``others``
    are further fields of the recipe."""
    message = spec.message
    training, evaluation = message.training_config, message.eval_config
    depth = model.nlayers or ""
    return Recipe(
        spec=spec,
        network=spec.kind,
        name=f"{spec.kind}_{model.arch}{depth}",
        classes=tuple(sorted({name.lower() for name in message.dataset_config.target_class_mapping.values()})),
        model=model,
        seed=message.random_seed,
        epochs=training.num_epochs,
        batch_size=training.batch_size_per_gpu,
        checkpoint_interval=max(1, training.checkpoint_interval),
        size=model.input_size,
        data=data,
        training_view=views[0],
        plain_view=views[0],
        inference_view=views[1],
        evaluation=Evaluation(
            period=evaluation.validation_period_during_training,
            batch_size=evaluation.batch_size,
            mode=evaluation.AP_MODE.Name(evaluation.average_precision_mode),
            iou=evaluation.matching_iou_threshold,
            pr_curve=getattr(evaluation, "visualize_pr_curve", False),
        ),
        schedule=_schedule(spec),
        clip_norm=None if spec.strict else CLIP_NORM,
        workers=training.n_workers or None,
        **others,
    )


def _schedule(spec: Spec) -> Callable[[int, int], Callable[[int], float]]:
    rate = spec.message.training_config.learning_rate
    form = rate.WhichOneof("schedule")
    curve = getattr(rate, form)

    def schedule(steps: int, processes: int) -> Callable[[int], float]:
        factor = processes if spec.strict else 1  # as NVIDIA does it
        low, high = factor * curve.min_learning_rate, factor * curve.max_learning_rate
        if form == "soft_start_cosine_annealing_schedule":
            return SoftStartCosine(low, high, curve.soft_start, steps)
        return SoftStartAnnealing(low, high, curve.soft_start, curve.annealing, steps)

    return schedule


def settings(spec: Spec, **own: Any) -> Settings:
    """The network's settings that are spelt alike in all dialects, and its ``own`` fields of Settings."""
    message = spec.message
    ssd: Any = sections.config(spec)
    nms, regularizer = message.nms_config, message.training_config.regularizer
    depths, _ = BACKBONES[ssd.arch]
    return Settings(
        arch=ssd.arch,
        nlayers=ssd.nlayers if depths else 0,
        scales=anchors.scales(ssd),
        aspect_ratios=anchors.aspect_ratios(ssd),
        two_boxes_for_ar1=ssd.two_boxes_for_ar1,
        clip_boxes=ssd.clip_boxes,
        variances=_floats(numbers(ssd.variances)),
        steps=_pairs(ssd.steps),
        offsets=_pairs(ssd.offsets),
        prediction_channels=ssd.pred_num_channels,
        freeze_bn=ssd.freeze_bn,
        freeze_blocks=tuple(ssd.freeze_blocks),
        regularizer=regularizer.RegularizationType.Name(regularizer.type),
        regularizer_weight=regularizer.weight,
        confidence_threshold=nms.confidence_threshold,
        clustering_iou_threshold=nms.clustering_iou_threshold,
        top_k=nms.top_k,
        strict=spec.strict,
        section=sections.network(spec),
        **own,
    )


def written(spec: Spec, field: str, default: float) -> float:
    """The number ``field`` of the network's section, zero included where that is written: unset numbers read as zero,
    too, which for those of a loss would mean to learn half of it or nothing."""
    value: float = getattr(sections.config(spec), field)
    return value if value or spec.is_set(f"{sections.network(spec)}.{field}") else default


def trains_difficult(spec: Spec) -> bool:
    """Whether objects that are marked as difficult are trained on: unless the spec says no, and always with NVIDIA."""
    field = "include_difficult_in_training"
    said = getattr(spec.message.dataset_config, field)
    return spec.strict or not spec.is_set(f"dataset_config.{field}") or bool(said)


def mapping(spec: Spec) -> dict[str, str]:
    """Class in the files to class to train, both lower case."""
    return {key.lower(): value.lower() for key, value in spec.message.dataset_config.target_class_mapping.items()}


def _pairs(text: str) -> tuple[Pair, ...] | None:
    """One number or [vertical, horizontal] for each map."""
    if not text:
        return None
    pairs = [entry if isinstance(entry, list) else [entry, entry] for entry in numbers(text)]
    return tuple((float(vertical), float(horizontal)) for vertical, horizontal in pairs)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(map(float, values))
