"""Training specs of TLT 2.0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from runtime.data.recipe import Data, Evaluation, Recipe, Source
from runtime.imaging.views.warp import Warp
from runtime.shell.mounts import host_text
from runtime.shell.program import host
from specs import Spec
from specs.extensions import dotted


def recipe(spec: Spec) -> Recipe:
    message = spec.message
    training, evaluation = message.training_config, message.eval_config
    picture = message.augmentation_config.preprocessing
    view = Warp.of(message)
    return Recipe(
        spec=spec,
        seed=message.random_seed,
        epochs=training.num_epochs,
        batch_size=training.batch_size_per_gpu,
        checkpoint_interval=max(1, training.checkpoint_interval),
        size=(picture.output_image_height, picture.output_image_width),
        data=_data(spec),
        training_view=view,
        plain_view=view,
        inference_view=replace(view, preprocess=replace(view.preprocess, crop=None)),
        evaluation=Evaluation(
            period=max(1, evaluation.validation_period_during_training),
            batch_size=evaluation.batch_size,
            mode=evaluation.AP_MODE.Name(evaluation.average_precision_mode),
            iou=evaluation.matching_iou_threshold,
        ),
        workers=training.n_workers or None,
    )


def _data(spec: Spec) -> Data:
    config = spec.message.dataset_config
    split = config.WhichOneof("dataset_split_type")
    held_out = [config.validation_data_source] if split == "validation_data_source" else []
    written = spec.is_set("dataset_config.include_difficult_in_training")
    return Data(
        training=tuple(_sources(config.data_sources, "dataset_config.data_sources[{}]")),
        validation=tuple(_sources(held_out, "dataset_config.validation_data_source")),
        mapping={key.lower(): value.lower() for key, value in config.target_class_mapping.items()},
        extension=dotted(config.image_extension),
        fold=config.validation_fold if split == "validation_fold" else None,
        held_out_fields="validation_fold or validation_data_source",
        train_difficult=spec.strict or not written or config.include_difficult_in_training,
    )


def _sources(sources: Iterable[Any], field: str) -> Iterable[Source]:
    for index, source in enumerate(sources):
        yield Source(
            images=host(source.image_directory_path),
            annotations=host_text(source.tfrecords_path),
            format="tfrecord",
            weight=source.source_weight or 1.0,
            field=field.format(index),
        )
