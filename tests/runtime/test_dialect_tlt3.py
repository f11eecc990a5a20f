"""What a spec of TLT 3.0 and later asks for, in plain values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import specs
from runtime import networks
from runtime.data import recipe
from runtime.imaging.views.dali import Dali
from runtime.imaging.views.ssd_chain import SsdChain

TEXT = (Path(__file__).parents[1] / "data" / "training.tlt3.conf").read_text()


def read(text: str = TEXT, *, strict: bool = False) -> recipe.Recipe:
    return networks.recipe(specs.parse_text(text, "ssd", source="spec", strict=strict))


def with_training(line: str, *, strict: bool = False) -> recipe.Recipe:
    return read(TEXT.replace("enable_qat: false", line), strict=strict)


def test_the_sample() -> None:
    made = read()
    assert (made.seed, made.epochs, made.batch_size, made.checkpoint_interval, made.workers) == (42, 60, 24, 5, 8)
    assert made.size == (416, 320)
    share = float(np.float32(0.3))
    assert made.training_view == SsdChain(
        width=320,
        height=416,
        random_crop_min_scale=float(np.float32(0.4)),
        zoom_out_max_scale=3.0,
        brightness=24,
        contrast=share,
        saturation=share,
        hue=12,
        random_flip=0.5,
    )
    assert made.evaluation == recipe.Evaluation(period=5, batch_size=16, mode="INTEGRATE", iou=0.5)
    assert made.data.training == (
        recipe.Source(
            images=Path("/workspace/data/train/images"),
            annotations=Path("/workspace/data/train/labels"),
            format="kitti",
            field="dataset_config.data_sources[0]",
        ),
    )
    assert made.data.validation[0].annotations == Path("/workspace/data/val/labels")
    assert made.data.mapping["sling"] == "sling"
    assert made.optimizer == recipe.Optimizer()
    assert made.early_stopping is None
    assert made.data.train_difficult
    assert made.data.shuffled
    assert not made.strict


def test_what_is_not_written_of_the_augmentation_is_left_to_the_chain() -> None:
    start, end = TEXT.index("  random_crop_min_scale"), TEXT.index("  image_mean")
    assert read(TEXT[:start] + TEXT[end:]).training_view == SsdChain(width=320, height=416)


def test_records_go_through_the_chain_of_dali() -> None:
    start, end = TEXT.index("  data_sources"), TEXT.index("  validation_data_sources")
    text = TEXT[:start] + '  data_sources { tfrecords_path: "/d/train*" }\n' + TEXT[end:]
    made = read(text)
    assert isinstance(made.training_view, Dali)
    assert (made.data.training[0].annotations, made.data.training[0].format) == ("/d/train*", "tfrecord")
    assert made.data.shuffled
    strict = read(text, strict=True)
    assert not strict.data.shuffled, "NVIDIA reads records in the order of the files"
    assert strict.training_view == replace(made.training_view, strict=True)
    assert read(strict=True).data.shuffled, "but lists of files are shuffled"


@pytest.mark.parametrize(
    ("written", "name", "settings"),
    [
        ("sgd { }", "SGD", {"momentum": 0.9, "nesterov": False}),
        ("sgd { momentum: 0 }", "SGD", {"momentum": 0.0, "nesterov": False}),
        ("sgd { momentum: 0.5 nesterov: true }", "SGD", {"momentum": 0.5, "nesterov": True}),
        ("adam { }", "Adam", {"betas": (0.9, 0.999), "eps": 1e-7, "amsgrad": False}),
        (
            "adam { beta1: 0 beta2: 0.5 epsilon: 1 amsgrad: true }",
            "Adam",
            {"betas": (0, 0.5), "eps": 1, "amsgrad": True},
        ),
        ("rmsprop { }", "RMSprop", {"alpha": 0.9, "momentum": 0.0, "eps": 1e-7, "centered": False}),
        (
            "rmsprop { rho: 0.5 momentum: 0.25 centered: true }",
            "RMSprop",
            {"alpha": 0.5, "momentum": 0.25, "eps": 1e-7, "centered": True},
        ),
    ],
)
def test_optimizers(written: str, name: str, settings: dict[str, object]) -> None:
    line = f"optimizer {{ {written} }}"
    assert with_training(line).optimizer == recipe.Optimizer(name, settings)  # type: ignore[arg-type]
    assert with_training(line, strict=True).optimizer == recipe.Optimizer(), "as NVIDIA does, SGD and no other"


def test_gradients_are_clipped_unless_strict() -> None:
    assert (read().clip_norm, read(strict=True).clip_norm) == (35.0, None)


def test_early_stopping() -> None:
    line = 'early_stopping { monitor: "val_loss" patience: 3 min_delta: 0.5 }'
    assert with_training(line).early_stopping == recipe.EarlyStopping("validation_loss", 3, 0.5)
    assert with_training('early_stopping { monitor: "loss" }').early_stopping == recipe.EarlyStopping("loss", 0)


def test_difficult_objects_train_unless_it_is_written_that_they_do_not() -> None:
    text = TEXT.replace("include_difficult_in_training: true", "include_difficult_in_training: false")
    assert not read(text).data.train_difficult
    assert read(text, strict=True).data.train_difficult, "where NVIDIA's filter is never asked"
    assert read(TEXT.replace("  include_difficult_in_training: true\n", "")).data.train_difficult


def test_the_average_of_weights() -> None:
    assert read().average is None
    assert with_training("model_ema: true").average == 0.999
    assert with_training("model_ema: true", strict=True).average is None, "which NVIDIA reads and ignores"
