"""Training specs of TLT 3.0 to TAO 5."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from runtime.data.recipe import Data, EarlyStopping, Evaluation, Optimizer, Recipe, Source
from runtime.imaging.placement import View
from runtime.imaging.views.flat import Flat
from runtime.shell.mounts import host_text
from runtime.shell.program import host
from specs import Spec

CHAIN = tuple(field.name for field in fields(Flat) if field.name not in ("width", "height", "channels", "strict"))
"""Fields of augmentation_config that both chains have; 0 is "not written", which each chain knows the meaning of."""


def recipe(spec: Spec) -> Recipe:
    message = spec.message
    training, evaluation, picture = message.training_config, message.eval_config, message.augmentation_config
    data = _data(spec)
    view = _view(spec, from_records=any(source.records for source in data.training))
    return Recipe(
        spec=spec,
        seed=message.random_seed,
        epochs=training.num_epochs,
        batch_size=training.batch_size_per_gpu,
        checkpoint_interval=max(1, training.checkpoint_interval),
        size=(picture.output_height, picture.output_width),
        data=data,
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=Evaluation(
            period=max(1, evaluation.validation_period_during_training),
            batch_size=evaluation.batch_size,
            mode=evaluation.AP_MODE.Name(evaluation.average_precision_mode),
            iou=evaluation.matching_iou_threshold,
            pr_curve=evaluation.visualize_pr_curve,
        ),
        optimizer=_optimizer(spec),
        early_stopping=_early_stopping(training),
        workers=training.n_workers or None,
        average=training.model_ema and not spec.strict,
    )


def _view(spec: Spec, *, from_records: bool) -> View:
    """The chain that NVIDIA has for the kind of data: its own is of folders, DALI's of TFRecords."""
    config = spec.message.augmentation_config
    written = {name: value for name in CHAIN if (value := getattr(config, name))}
    size = {"width": config.output_width, "height": config.output_height, "channels": config.output_channel or 3}
    if from_records:
        from runtime.imaging.views.dali import Dali

        return Dali(**size, **written, strict=spec.strict)
    from runtime.imaging.views.ssd_chain import SsdChain

    return SsdChain(**size, **written, strict=spec.strict)


def _data(spec: Spec) -> Data:
    config = spec.message.dataset_config
    training = tuple(_sources(config.data_sources, "dataset_config.data_sources"))
    written = spec.is_set("dataset_config.include_difficult_in_training")
    return Data(
        training=training,
        extension=None,  # no field says it
        validation=tuple(_sources(config.validation_data_sources, "dataset_config.validation_data_sources")),
        mapping={key.lower(): value.lower() for key, value in config.target_class_mapping.items()},
        train_difficult=spec.strict or not written or config.include_difficult_in_training,
        shuffled=not (spec.strict and any(source.records for source in training)),
    )


def _sources(sources: Iterable[Any], field: str) -> Iterable[Source]:
    """Sources that have all they need; the spec's check refuses others, or under strict leaves them out."""
    for index, source in enumerate(sources):
        images, here = host(source.image_directory_path), f"{field}[{index}]"
        if source.tfrecords_path:
            yield Source(images=images, records=host_text(source.tfrecords_path), field=here)
        elif source.image_directory_path and source.label_directory_path:
            yield Source(images=images, labels=host(source.label_directory_path), field=here)


def _optimizer(spec: Spec) -> Optimizer:
    """The optimizer that is written, its unset numbers as in Keras, but for a momentum of 0.9; strict: SGD, 0.9."""
    field = "training_config.optimizer"
    config = spec.message.training_config.optimizer
    chosen = config.WhichOneof("optimizer")
    if spec.strict or chosen is None:
        return Optimizer()
    given = getattr(config, chosen)

    def value(name: str, default: float) -> float:
        written: float = getattr(given, name)
        return written if spec.is_set(f"{field}.{chosen}.{name}") else default

    match chosen:
        case "adam":
            betas = (value("beta1", 0.9), value("beta2", 0.999))
            return Optimizer("Adam", {"betas": betas, "eps": given.epsilon or 1e-7, "amsgrad": given.amsgrad})
        case "rmsprop":
            momentum, eps = value("momentum", 0.0), given.epsilon or 1e-7
            settings = {"alpha": value("rho", 0.9), "momentum": momentum, "eps": eps, "centered": given.centered}
            return Optimizer("RMSprop", settings)
    return Optimizer("SGD", {"momentum": value("momentum", 0.9), "nesterov": given.nesterov})


def _early_stopping(training: Any) -> EarlyStopping | None:
    if not training.HasField("early_stopping"):
        return None
    config = training.early_stopping
    return EarlyStopping(
        "loss" if config.monitor == "loss" else "validation_loss",  # which Keras calls val_loss
        patience=config.patience,
        min_delta=config.min_delta,
    )
