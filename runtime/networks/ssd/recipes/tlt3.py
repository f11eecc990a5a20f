"""Training specs of TLT 3.0 to TAO 5: softmax with hard negatives, SSD's own chain of crops, folders or TFRecords."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from runtime.data.defaults import EMA_DECAY
from runtime.data.recipe import Data, EarlyStopping, Optimizer, Recipe, Source
from runtime.imaging.placement import View
from runtime.imaging.views.flat import Flat
from runtime.networks.ssd import recipes
from runtime.networks.ssd.config import MEAN_BGR, NEGATIVE_IOU, POSITIVE_IOU, Settings
from runtime.networks.ssd.loss import HardNegativeLoss
from runtime.shell.mounts import host_text
from runtime.shell.program import host
from specs import Spec

CHAIN = tuple(field.name for field in fields(Flat) if field.name not in ("width", "height", "channels", "strict"))
"""Fields of augmentation_config that both chains have; 0 is "not written", which each chain knows the meaning of."""

NEGATIVES_PER_POSITIVE = 3.0
MEANS = {3: MEAN_BGR, 1: (117.3786,)}
DALI_MEAN = (103.53, 116.28, 123.675)


def recipe(spec: Spec) -> Recipe[Settings]:
    training = spec.message.training_config
    from_records = any(source.tfrecords_path for source in spec.message.dataset_config.data_sources)
    view = _view(spec, from_records=from_records)
    return recipes.assemble(
        spec,
        _model(spec, from_records=from_records),
        _data(spec, from_records=from_records),
        (view, view),
        optimizer=_optimizer(spec),
        early_stopping=_early_stopping(training),
        average=EMA_DECAY if training.model_ema and not spec.strict else None,
    )


def _model(spec: Spec, *, from_records: bool) -> Settings:
    image, strict = spec.message.augmentation_config, spec.strict
    mean = _mean(image.image_mean)
    # What NVIDIA trains with from TFRecords, which go through another program than folders and validation do.
    dali = strict and from_records
    return recipes.settings(
        spec,
        size_field="augmentation_config.output_width",
        input_size=(image.output_height, image.output_width),
        input_channels=image.output_channel,
        mean=mean or MEANS[image.output_channel],
        positive_iou=recipes.written(spec, "pos_iou_thresh", POSITIVE_IOU),
        negative_iou=recipes.written(spec, "neg_iou_thresh", NEGATIVE_IOU),
        training_iou=(POSITIVE_IOU, NEGATIVE_IOU) if dali else None,
        training_mean=DALI_MEAN if dali and image.output_channel == 3 and not mean else None,
        loss=HardNegativeLoss(
            negatives_per_positive=recipes.written(spec, "neg_pos_ratio", NEGATIVES_PER_POSITIVE),
            location_weight=recipes.written(spec, "alpha", HardNegativeLoss.location_weight),
            rank_local=strict,
        ),
    )


def _mean(given: Mapping[str, float]) -> tuple[float, ...] | None:
    """B, G and R of ``image_mean``, or its l; None where it is not written."""
    return tuple(given[key] for key in ("b", "g", "r", "l") if key in given) or None


def _view(spec: Spec, *, from_records: bool) -> View:
    """The chain that NVIDIA has for the kind of data: its own is of folders, DALI's of TFRecords."""
    config = spec.message.augmentation_config
    written = {name: value for name in CHAIN if (value := getattr(config, name))}
    size = {"width": config.output_width, "height": config.output_height, "channels": config.output_channel}
    if from_records:
        from runtime.imaging.views.dali import Dali

        return Dali(**size, **written, strict=spec.strict)
    from runtime.imaging.views.ssd_chain import SsdChain

    return SsdChain(**size, **written, strict=spec.strict)


def _data(spec: Spec, *, from_records: bool) -> Data:
    config = spec.message.dataset_config
    return Data(
        training=tuple(_sources(config.data_sources, "dataset_config.data_sources")),
        extension=None,  # no field says it
        validation=tuple(_sources(config.validation_data_sources, "dataset_config.validation_data_sources")),
        mapping=recipes.mapping(spec),
        train_difficult=recipes.trains_difficult(spec),
        shuffled=not (spec.strict and from_records),
    )


def _sources(sources: Iterable[Any], field: str) -> Iterable[Source]:
    """Sources that have all they need; the spec's check refuses others, or under strict leaves them out."""
    for index, source in enumerate(sources):
        images, here = host(source.image_directory_path), f"{field}[{index}]"
        if source.tfrecords_path:
            yield Source(images, host_text(source.tfrecords_path), "tfrecord", field=here)
        elif source.image_directory_path and source.label_directory_path:
            yield Source(images, host(source.label_directory_path), "kitti", field=here)


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
