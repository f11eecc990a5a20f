"""TAO's multi-task classification of a table to the network of several tasks, without box and attributes."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration.rewriting import Rewriting, Row
from specs.migration.tao_data import replaced
from specs.migration.tao_training import (
    ACTIVATIONS,
    OPTIMIZERS,
    TRAINING,
    TRAINING_WHOLE,
    optimizer,
    rates,
    regularizer,
)

NAMES = ("multitask_classification",)
TARGET = "multitask"
RENAMED: Mapping[str, str] = {}
MODEL, DATA = "model_config", "dataset_config"
SMALLEST = 32
"""Pixels of a side of the input."""
FREEZING = "all layers learn"

FIELDS = (
    Row("random_seed", "train.seed"),
    *TRAINING,
    *OPTIMIZERS,
    Row(f"{MODEL}.arch", "model.backbone"),
    Row(f"{MODEL}.n_layers", "model.backbone"),
    Row(f"{MODEL}.input_image_size", "dataset.width"),
    Row(f"{MODEL}.dropout", "model.dropout"),
    Row(f"{MODEL}.freeze_blocks", effect=FREEZING),
    Row(f"{MODEL}.freeze_bn", effect=FREEZING, same=(False,)),
    Row(f"{MODEL}.use_batch_norm", effect="the backbone has normalisation layers", same=(True,)),
    *(Row(f"{MODEL}.{name}") for name in ("retain_head", "use_bias", "use_pooling", "all_projections")),
    Row(f"{MODEL}.activation.activation_type", effect=ACTIVATIONS, same=("relu",)),
    Row(f"{MODEL}.resize_interpolation_method", effect="images are resized bilinearly", same=("BILINEAR", 0)),
    Row(f"{MODEL}.batch_norm_config.momentum"),
    Row(f"{MODEL}.batch_norm_config.epsilon"),
    Row(f"{MODEL}.byom_model", effect="a backbone of torchvision's in place of a model of your own", same=("",)),
    Row(f"{DATA}.train_csv_path", "dataset.train_data_sources"),
    Row(f"{DATA}.val_csv_path", "dataset.val_data_sources"),
    Row(f"{DATA}.image_directory_path", "dataset.train_data_sources"),
)
WHOLE = (f"{MODEL}.activation", *TRAINING_WHOLE)


def migrate(spec: Rewriting) -> None:
    """Backbone, size, the fixed augmentation of TAO's, rates and tables."""
    spec.note("the network", "one layer a task, not two convolutions; pixels from -1 to 1; TAO's weights do not fit it")
    _backbone(spec)
    _size(spec)
    for name in ("box", "local_features"):
        spec.assume(f"model.{name}", False, "tables have no boxes")
    spec.assume("dataset.resize", 0, "images are stretched to the input, as there")
    for name, value in (("random_flip", 0.5), ("zoom", 0.2), ("shift", 0.1)):
        spec.assume(f"dataset.augmentation.{name}", value, "what TAO does to every training image")
    optimizer(spec)
    regularizer(spec)
    rates(spec)
    if spec.data is not None:
        replaced(spec)
        spec.drop(DATA, "the data of --data are trained on")
    else:
        _tables(spec)


def _backbone(spec: Rewriting) -> None:
    arch, layers = str(spec.value(f"{MODEL}.arch", "") or "resnet"), spec.number(f"{MODEL}.n_layers", 18) or 18
    known = {10: "resnet18", 18: "resnet18", 34: "resnet34", 50: "resnet50", 101: "resnet101"}
    backbone = known.get(layers, "resnet18" if layers < 34 else "resnet50")
    effect = "" if backbone == f"{arch}{layers}" else f"{arch}{layers} gives way to the nearest backbone that there is"
    spec.put("model.backbone", backbone, f"{MODEL}.arch", f"{MODEL}.n_layers", effect=effect)


def _size(spec: Rewriting) -> None:
    path = f"{MODEL}.input_image_size"
    if not spec.has(path):
        return
    try:
        channels, height, width = (int(part) for part in str(spec.value(path)).split(","))
    except ValueError:
        raise spec.error(path, 'input_image_size takes channels, height and width: "3,224,224"') from None
    effects = ["images are read in colour"] if channels != 3 else []
    if min(height, width) < SMALLEST:
        effects.append(f"sides have {SMALLEST} pixels at least")
    spec.put("dataset.width", max(width, SMALLEST), path, effect="; ".join(effects))
    spec.put("dataset.height", max(height, SMALLEST), path)


def _tables(spec: Rewriting) -> None:
    """The tables, whose images lie in one folder."""
    images = str(spec.value(f"{DATA}.image_directory_path", ""))
    for name, ours in (("train_csv_path", "train_data_sources"), ("val_csv_path", "val_data_sources")):
        table = str(spec.value(f"{DATA}.{name}", ""))
        if not table and ours == "train_data_sources":
            spec.need(f"dataset.{ours}", "the table to train on, or --data DATASET fills it in")
            table = "/workspace/data/train.csv"
        if table:
            source = ({"image_dir": images} if images else {}) | {"format": "multitask_csv", "path": table}
            spec.listed(f"dataset.{ours}", [source])
            spec.moved(f"{DATA}.{name}", f"dataset.{ours}")
    spec.moved(f"{DATA}.image_directory_path", "dataset.train_data_sources")
