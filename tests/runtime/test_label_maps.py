"""Maps of classes: painted in a stated order, whatever the data set holds, and as large as the input or the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_sources import CLASSES, annotation, coco, shown, split_of
from PIL import Image
from refusals import error_of

import specs
from converters.model import painting
from converters.transfer.convert import convert
from runtime import networks
from runtime.data import frames, label_maps
from runtime.data.fields import Fields
from runtime.data.label_maps import PixelClasses, StoredMap
from runtime.data.recipe import Data, Recipe, Source
from runtime.imaging.placement import Placement, Seen
from runtime.imaging.views.framing import KeepAspect, Letterbox
from tltpipe.errors import DataError
from tltpipe.progress import Silent

MAPS: Fields = {"map": PixelClasses(), "stored_map": StoredMap()}
SMALL = [20, 30, 30, 30, 30, 40, 20, 40]
"""Inside the square that ``annotation`` has (10, 20 to 40, 50)."""
NONE, BOXES = np.zeros(0, np.intp), np.zeros((0, 4), np.float32)


@pytest.fixture
def base(shapes: Any) -> Recipe:
    return networks.recipe(specs.parse(shapes.spec(), "ssd"))


def square(image: int, category: int, ring: list[int], **fields: Any) -> dict[str, Any]:
    box = [min(ring[::2]), min(ring[1::2]), max(ring[::2]) - min(ring[::2]), max(ring[1::2]) - min(ring[1::2])]
    return annotation(image, category_id=category, segmentation=[ring], bbox=box, **fields)


@pytest.mark.parametrize(("order", "middle"), [("larger_first", 1), ("smaller_first", 2), ("annotation", 2)])
def test_the_order_says_what_lies_on_top(base: Recipe, tmp_path: Path, order: painting.Order, middle: int) -> None:
    source = coco(tmp_path, square(1, 1, SMALL), annotation(1), images=1)
    fields: Fields = {"map": PixelClasses(order), "stored_map": StoredMap()}
    target = shown(split_of(base, source, fields, validates=True), KeepAspect(min_sizes=())).targets[0]
    expected = np.zeros((60, 80), np.uint8)
    expected[20:50, 10:40] = 2
    expected[30:40, 20:30] = middle
    assert np.array_equal(target["map"], expected)
    assert np.array_equal(target["stored_map"], expected)
    assert target["map"].dtype == target["stored_map"].dtype == np.uint8


def test_maps_follow_the_image_and_are_ignored_outside_it(base: Recipe, tmp_path: Path) -> None:
    split = split_of(base, coco(tmp_path, annotation(1), images=1), MAPS, validates=True)
    for flip, left in ((0.0, 10), (1.0, 40)):
        batch = shown(split, Letterbox(width=80, height=80, fill=(9, 9, 9), random_flip=flip), (80, 80), seed=1)
        placed = batch.targets[0]["map"]
        assert np.array_equal(placed == 2, batch.images[0, ..., 0] == 255)
        assert np.argwhere(placed == 2).min(axis=0).tolist() == [30, left]
        assert set(placed[:10].ravel().tolist()) == {255}
        assert set(placed[10:70].ravel().tolist()) == {0, 2}


def test_images_without_objects_are_all_background_and_training_gets_the_input_alone(
    base: Recipe, tmp_path: Path
) -> None:
    split = split_of(base, coco(tmp_path, annotation(1)), MAPS)
    targets = shown(split, Letterbox(width=64, height=64), (64, 64), seed=1).targets
    assert [each.keys() for each in targets] == [{"map"}] * 3
    assert sorted(np.unique(targets[1]["map"]).tolist()) == [0, 255]


def test_crowds_are_void_where_no_object_is(base: Recipe, tmp_path: Path) -> None:
    ring = [0, 20, 40, 20, 40, 50, 0, 50]
    source = coco(tmp_path, annotation(1), square(1, 1, ring, iscrowd=1), images=1)
    pixels = shown(split_of(base, source, MAPS, validates=True), KeepAspect(min_sizes=())).targets[0]["map"]
    assert set(pixels[20:50, :10].ravel().tolist()) == {255}
    assert set(pixels[20:50, 10:40].ravel().tolist()) == {2}
    assert (pixels == 0).sum() == 60 * 80 - 30 * 40


def test_an_object_without_an_outline_is_named(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1, segmentation=[]), images=1)
    error: DataError = error_of(DataError, split_of, base, source, MAPS)
    assert error.exit_code == 3
    assert "circle" in str(error) or "square" in str(error)
    assert error.where is not None


def test_masks_are_trained_on_as_they_are_and_so_is_the_coco_file_made_of_them(base: Recipe, tmp_path: Path) -> None:
    pixels = np.zeros((60, 80), np.uint8)
    pixels[5:20, 5:70], pixels[20:50, 10:40], pixels[:, 75:] = 1, 2, 255
    for folder, image in (("images", Image.new("RGB", (80, 60))), ("masks", Image.fromarray(pixels))):
        (tmp_path / "set/train" / folder).mkdir(parents=True)
        image.save(tmp_path / "set/train" / folder / "a.png")
    (tmp_path / "set/classes.txt").write_text("circle\nsquare\n")
    convert(tmp_path / "set", tmp_path / "coco", format="coco", progress=Silent())
    for root in ("set", "coco"):
        data = Data(training=(), validation=(Source(None, tmp_path / root),), mapping={})
        split = frames.validation(replace(base, data=data), CLASSES, MAPS)
        target = shown(split, KeepAspect(min_sizes=())).targets[0]
        assert np.array_equal(target["map"], pixels), root
        assert np.array_equal(target["stored_map"], pixels), root


def test_what_nobody_judged_is_not_cut_out() -> None:
    pixels = np.array([[0, 1, 255], [2, 255, 0]], np.uint8)
    covered = PixelClasses().cover([label_maps._packed(pixels)], (3, 2))
    assert covered.tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 70_000), (300, 400)])
def test_what_is_stored_of_a_map_is_small_and_gives_the_map(shape: tuple[int, int]) -> None:
    height, width = shape
    pixels = np.random.default_rng(0).choice(np.array([0, 1, 254, 255], np.uint8), shape)
    pixels[height // 2 :, width // 2 :] = 7
    seen = Seen(np.zeros((height, width, 3), np.uint8), Placement.resize((width, height), (width, height)), NONE, BOXES)
    assert np.array_equal(StoredMap().placed([label_maps._packed(pixels)], seen), pixels)
    assert len(label_maps._packed(np.zeros((1000, 1000), np.uint8))) < 30
