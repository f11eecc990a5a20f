"""Crops, colours and cut-outs: the map of classes says of every pixel what it shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_sources import annotation, coco, shown, split_of
from PIL import Image
from refusals import error_of

import specs
from runtime import networks
from runtime.data.batches import Pictures
from runtime.data.fields import Fields
from runtime.data.label_maps import PixelClasses
from runtime.data.orders import Draw
from runtime.data.split import Split
from runtime.imaging.placement import PastingView, RequiringView
from runtime.imaging.views.framing import Letterbox, Stretch
from runtime.imaging.views.pasting import Scene, _canvas
from runtime.imaging.views.windows import Window
from tltpipe.errors import DataError

MAPS: Fields = {"map": PixelClasses()}
RED = (200, 0, 0)
SIZE = (96, 64)
"""Height and width of the input."""
SCENE = Scene(width=64, height=96)


@pytest.fixture
def split(shapes: Any, tmp_path: Path) -> Split:
    """White squares on black, without one on the third image."""
    base = networks.recipe(specs.parse(shapes.spec(), "ssd"))
    return split_of(base, coco(tmp_path / "data", annotation(1), annotation(2)), MAPS)


@pytest.fixture
def backgrounds(tmp_path: Path) -> Path:
    (tmp_path / "backgrounds").mkdir()
    Image.new("RGB", (30, 20), RED).save(tmp_path / "backgrounds/shop.png")
    return tmp_path / "backgrounds"


def test_without_chance_it_is_a_plain_resize(split: Split) -> None:
    assert isinstance(SCENE, PastingView)
    for scene, plain in ((SCENE, Stretch), (replace(SCENE, letterbox=True), Letterbox)):
        found, expected = (shown(split, view, SIZE) for view in (scene, plain(width=64, height=96)))
        assert np.array_equal(found.images, expected.images)
        for one, other in zip(found.targets, expected.targets, strict=True):
            assert np.array_equal(one["map"], other["map"])


@pytest.mark.parametrize("letterbox", [False, True])
def test_a_crop_has_the_share_of_the_area_that_is_asked_for(split: Split, letterbox: bool) -> None:
    view = replace(SCENE, random_crop=1.0, crop_area=(0.4, 0.4), random_flip=0.5, letterbox=letterbox)
    batch = shown(split, view, SIZE, seed=4)
    for place, placement in enumerate(batch.placements[:2]):
        image, pixels = batch.images[place], batch.targets[place]["map"]
        share = 64 * 96 / abs(np.linalg.det(placement.matrix)) / (placement.stored[0] * placement.stored[1])
        across, down = np.abs(np.diag(placement.matrix)[:2])
        if letterbox:
            assert across == pytest.approx(down), "the aspect ratio stays"
            assert share > 0.4, "beside the part there is more of the image"
        else:
            assert share == pytest.approx(0.4)
        on_image = pixels != 255
        assert ((image[..., 0] > 127)[on_image] != (pixels == 2)[on_image]).mean() < 0.02


def test_colours_change_and_maps_do_not(split: Split) -> None:
    plain = shown(split, SCENE, SIZE, seed=1)
    changed = shown(split, replace(SCENE, brightness=0.2, contrast=0.1, saturation=0.1, hue=0.05), SIZE, seed=1)
    assert not np.array_equal(plain.images, changed.images)
    for one, other in zip(plain.targets, changed.targets, strict=True):
        assert np.array_equal(one["map"], other["map"])
    darkest = 255 * (0.8 * (1 - 0.1) + 0.8 * 0.05)
    assert all(darkest - 2 <= image[(target["map"] == 2)].max() for image, target in
               zip(changed.images, changed.targets, strict=True) if (target["map"] == 2).any())  # fmt: skip


@pytest.mark.parametrize("letterbox", [False, True])
def test_a_cut_out_comes_before_another_image(split: Split, backgrounds: Path, letterbox: bool) -> None:
    view = replace(SCENE, cut_paste=1.0, backgrounds=backgrounds, random_flip=0.5, letterbox=letterbox)
    batch = shown(split, view, SIZE, seed=2)
    for image, target in zip(batch.images[:2], batch.targets[:2], strict=True):
        square = target["map"] == 2
        assert set(np.unique(target["map"]).tolist()) == {0, 2}
        assert (image[~square] == RED).all(), "nothing of the old background is left"
        assert (image[square][:, 1] > 100).mean() > 0.9
        rows = np.flatnonzero(square.any(axis=1))
        high = (rows[-1] + 1 - rows[0]) / 96
        assert 1 / 1.6 - 0.02 <= high <= 1 / 1.2 + 0.02 or letterbox
    assert (batch.images[2] != RED).any(), "an image without objects stays as it is"
    assert set(np.unique(batch.targets[2]["map"]).tolist()) <= {0, 255}


def test_half_of_them_are_pasted(split: Split, backgrounds: Path) -> None:
    view = replace(SCENE, cut_paste=0.5, backgrounds=backgrounds)
    images = [Pictures(split, view, SIZE, seed)[Draw(1, 0, (0,))].images[0] for seed in range(40)]
    assert 10 <= sum((image == RED).all(axis=-1).any() for image in images) <= 30


def test_backgrounds_that_are_not_there_are_named(split: Split, tmp_path: Path) -> None:
    view = replace(SCENE, cut_paste=1.0, backgrounds=tmp_path / "none")
    assert isinstance(view, RequiringView)
    error = error_of(DataError, view.require)
    assert (error.exit_code, error.where) == (3, tmp_path / "none")
    assert error_of(DataError, shown, split, view, SIZE, 1).where == tmp_path / "none"
    (tmp_path / "none").mkdir()
    assert error_of(DataError, view.require).where == tmp_path / "none"
    replace(view, cut_paste=0.0).require()


def test_parts_lie_on_the_image_and_have_many_shapes() -> None:
    scene = replace(SCENE, random_crop=1.0, crop_area=(0.5, 1.0))
    shapes = []
    for seed in range(40):
        placement = scene.placement(Window(0, 0, 80, 60), (80, 60), np.random.default_rng(seed))
        left, top = placement.back().matrix[:2, 2].tolist()
        right, bottom = (placement.back().matrix @ (64, 96, 1))[:2].tolist()
        assert min(left, top) >= -1e-6, "nothing but the image is shown"
        assert (right <= 80 + 1e-6, bottom <= 60 + 1e-6) == (True, True)
        shapes.append((right - left) / (bottom - top))
    assert max(shapes) > 1.2 * min(shapes)


def test_all_of_a_wide_object_is_on_its_scene() -> None:
    objects = np.zeros((60, 200), np.bool_)
    objects[20:30, 5:195] = True
    for seed in range(10):
        window = _canvas(objects, np.random.default_rng(seed))
        assert (window.left, window.left + window.width) == (5, 195)
        assert window.top <= 20 < 30 <= window.top + window.height
