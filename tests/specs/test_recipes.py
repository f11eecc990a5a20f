"""Recipes: every one renders, is clean, and says nothing that the settings of its kind do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import specs
from specs import drafting, recipes
from tltpipe.errors import UsageError

KINDS = [name for name in specs.folders() if recipes.names(name)]
ALL = [(kind, name) for kind in KINDS for name in recipes.names(kind)]
DATA = {
    "path": "/d",
    "val_path": "/d",
    "image_extension": "jpg",
    **{f"{split}{name}_directory_path": f"/d/{name}" for split in ("", "validation_") for name in ("label", "image")},
}


def spec(kind: str, name: str) -> Any:
    writing, tunables = drafting.load(kind), specs.tunables_from(kind, recipes.read(kind, name).settings)
    text = specs.render(kind, writing.template(next(iter(writing.FORMATS))), tunables, **DATA, classes=["a", "b"])
    found = specs.parse_text(text, kind, source=name)
    assert found.warnings == ()
    return found.message


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_each_is_a_spec_and_says_what_it_is(kind: str, name: str) -> None:
    assert specs.training(specs.parse_text(specs.dump(specs.Spec(spec(kind, name), "", kind=kind)), kind, source=""))
    about = recipes.read(kind, name).about
    assert 20 < len(about) < 140
    assert about.endswith(".")


def test_each_network_has_one_for_cpus() -> None:
    assert {kind for kind, name in ALL if name == "small"} == set(KINDS)
    assert {"ssd", "faster_rcnn", "mask_rcnn", "multitask", "unet", "yolox"} <= set(KINDS)


def test_the_published_faster_rcnns() -> None:
    clothing, person = spec("faster_rcnn", "clothing"), spec("faster_rcnn", "person")
    optim = clothing.train.optim
    assert (optim.optimizer, optim.lr, optim.momentum, optim.weight_decay) == ("sgd", 0.001, 0, 0)
    assert (optim.lr_scheduler, optim.warmup_steps, optim.warmup_factor) == ("constant", 1000, 0.001)
    assert (clothing.dataset.batch_size, clothing.dataset.augmentation.random_flip) == (4, 0)
    assert (clothing.model.min_size, clothing.model.max_size, clothing.train.num_epochs) == ((800,), 1333, 10)
    step = person.train.optim
    assert (step.lr_scheduler, step.lr, step.lr_step_size, step.lr_decay) == ("step", 0.01, 25, 0.8)
    assert (person.train.num_epochs, person.dataset.batch_size, step.momentum) == (300, 2, 0)


def test_the_published_mask_rcnn_counts_iterations() -> None:
    message = spec("mask_rcnn", "clothing")
    optim = message.train.optim
    assert (message.model.backbone.type, message.model.box.batch_size_per_image) == ("resnet101", 128)
    assert (message.model.min_size, message.model.max_size) == ((640, 672, 704, 736, 768, 800), 1333)
    assert (message.train.num_iterations, message.dataset.batch_size, optim.lr) == (30000, 16, 0.001)
    assert (optim.momentum, optim.weight_decay, optim.lr_scheduler, optim.warmup_steps) == (0.9, 1e-4, "constant", 1000)


def test_yolov5x_as_yolox() -> None:
    message = spec("yolox", "clothing-yolov5x")
    optim, images = message.train.optim, message.dataset
    assert (message.model.type, images.width, images.height, images.batch_size) == ("x", 640, 640, 64)
    assert (optim.lr, optim.momentum, optim.weight_decay, optim.lr_min) == (0.01, 0.937, 5e-4, 0.002)
    assert (message.train.num_epochs, optim.warmup_epochs, optim.lr_flat_epochs) == (100, 3, 0)
    augmentation = images.augmentation
    assert (augmentation.hsv_h, augmentation.hsv_s, augmentation.hsv_v, augmentation.translate) == (
        0.015,
        0.7,
        0.4,
        0.1,
    )
    assert (augmentation.mosaic, augmentation.mixup, augmentation.degrees, augmentation.shear) == (1, 0, 0, 0)
    assert (augmentation.mosaic_scale, augmentation.multi_scale, augmentation.closing_epochs) == ((0.5, 1.5), 0, 0)


def test_the_published_run_of_categories_and_attributes() -> None:
    message = spec("multitask", "seed")
    optim, images = message.train.optim, message.dataset
    assert (message.model.backbone, message.model.heads, message.model.local_pooling) == ("resnet18", "joint", "max")
    assert (images.resize, images.width, images.height, images.batch_size) == (256, 224, 224, 32)
    assert (optim.optimizer, optim.lr, optim.lr_scheduler, optim.weight_decay) == ("adam", 2e-4, "constant", 0)
    loss = message.loss
    assert (loss.attribute_loss, loss.reduce_sum, loss.beta, loss.pos_weights) == ("bce", True, 0.001, False)
    assert message.train.num_epochs == 200


def test_the_published_fairnet() -> None:
    message = spec("unet", "seed")
    optim, images = message.train.optim, message.dataset
    assert (message.model.arch, message.model.encoder, message.model.dilations) == (
        "fairnet", "resnext101_32x4d", (2, 3, 5)
    )  # fmt: skip
    assert (images.width, images.height, images.batch_size, images.resize) == (320, 512, 16, "stretch")
    assert (optim.optimizer, optim.lr, optim.weight_decay, optim.momentum) == ("adam", 2e-4, 1e-4, 0.9)
    assert (optim.lr_scheduler, optim.lr_power, optim.lr_min, optim.lr_decay_epochs) == ("poly", 0.9, 1e-7, 0)
    assert (message.train.num_epochs, message.loss.loss, message.loss.class_weights) == (200, "cross_entropy", ())
    assert (images.augmentation.cut_paste, images.augmentation.crop_area) == (0.4, (0.5, 1.0))


def test_a_recipe_that_there_is_not() -> None:
    with pytest.raises(UsageError) as refusal:
        recipes.read("yolox", "smal")
    assert "small" in (refusal.value.hint or "")
    assert recipes.names("augment") == []


def test_a_new_one_is_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("# Mine.\n\ntype: nano\nmosaic_scale: [0.5, 2]\n")
    monkeypatch.setattr(recipes, "_folder", lambda _: tmp_path)
    mine = recipes.read("yolox", "mine")
    assert (mine.about, mine.settings) == ("Mine.", {"type": "nano", "mosaic_scale": [0.5, 2]})
    assert str(mine.places["mosaic_scale"]) == "recipe mine of yolox:4:1"
