"""Mosaic and mixup: every object is where its pixels are, the same batches whoever makes them, and it ends in time."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import specs
from runtime.data import batches, frames
from runtime.data.batches import Batch, Pictures
from runtime.data.fields import BOXES, Fields
from runtime.data.keypoints import Keypoints
from runtime.data.label_maps import PixelClasses
from runtime.data.masks import Outlines
from runtime.data.orders import Draw, Order, further
from runtime.data.recipe import Data, Evaluation, Recipe, Source
from runtime.data.split import Split
from runtime.imaging.placement import Composed, Part
from runtime.imaging.views.framing import Letterbox, Stretch
from runtime.imaging.views.mosaic import Mosaic

IMAGES = 40
CLASSES = tuple(f"c{number:02}" for number in range(1, 65))
SIZE = (128, 96)
SQUARE = np.ones((3, 3), np.uint8)
RICH: Fields = {**BOXES, "masks": Outlines(), "keypoints": Keypoints(2)}
TURNED = Mosaic(width=SIZE[0], height=SIZE[1], hsv=(0, 0, 0), mixup=0, mosaic_scale=(0.5, 1.5))
STEADY = replace(TURNED, degrees=0, shear=0)


def colour(label: int) -> np.ndarray:
    """RGB of the objects of class ``label``: each has a class of its own."""
    number = label - 1
    return np.array([60 + 65 * (number // 16), 30 + 75 * (number // 4 % 4), 20 + 70 * (number % 4)])


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Images with two rectangles on black; of every fifth image nothing is annotated. The polygon of the first reaches
    out of its image, and so does its box; the second has a mask in run lengths."""
    root = tmp_path_factory.mktemp("mosaic")
    (root / "images").mkdir()
    random, images, things = np.random.default_rng(4), [], []
    for number in range(1, IMAGES + 1):
        width, height = random.integers(90, 200, 2).tolist()
        pixels = np.zeros((height, width, 3), np.uint8)
        images.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        middle = width // 2
        for left, top, right, bottom in ((-9, 20, middle - 8, height - 30), (middle + 8, 10, width - 12, height - 10)):
            if number % 5 == 0:
                break
            thing = _annotation(len(things) + 1, number, (left, top, right, bottom), (width, height))
            pixels[top:bottom, max(0, left) : right] = colour(thing["category_id"])
            things.append(thing)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
    points = {"keypoints": ["left_end", "right_end"]}
    categories = [{"id": at, "name": name, **points} for at, name in enumerate(CLASSES, start=1)]
    (root / "train.json").write_text(json.dumps({"images": images, "annotations": things, "categories": categories}))
    view = Stretch(width=1, height=1)
    recipe: Recipe[Any] = Recipe(
        spec=specs.Spec(None, "mosaic.yaml"), network="any", name="any", classes=CLASSES, model=None, seed=1, epochs=1,
        batch_size=4, checkpoint_interval=1, size=None,
        data=Data((Source(root / "images", root / "train.json", "coco"),), (), {name: name for name in CLASSES}),
        training_view=view, plain_view=view, inference_view=view, evaluation=Evaluation(1, 4),
        schedule=lambda _steps, _processes: lambda _: 0.1,
    )  # fmt: skip
    return frames.training(recipe, CLASSES, RICH)


def _annotation(label: int, image: int, box: tuple[int, ...], size: tuple[int, int]) -> dict[str, Any]:
    left, top, right, bottom = box
    shape: Any = [[left, top, right, top, right, bottom, left, bottom]]
    if left > 0:
        mask = np.zeros(size[::-1], np.uint8)
        mask[top:bottom, left:right] = 1
        edges = np.flatnonzero(np.diff(mask.ravel(order="F"), prepend=0))
        shape = {"size": list(size[::-1]), "counts": np.diff([0, *edges, mask.size]).tolist()}
    points = [max(left, 0) + 6, top + 6, 2, right - 6, top + 6, 2]
    return {
        "id": label, "image_id": image, "category_id": label, "bbox": [left, top, right - left, bottom - top],
        "segmentation": shape, "keypoints": points, "iscrowd": 0, "area": (right - left) * (bottom - top),
    }  # fmt: skip


def part(split: Split, index: int) -> Part:
    width, height = split.sizes[index].tolist()
    return Part(split.image(index), split.boxes[split.places(index)], (width, height))


def coloured(pixels: np.ndarray, label: int, within: int = 12) -> np.ndarray:
    return np.asarray((np.abs(pixels.astype(int) - colour(label)) < within).all(axis=2))


def mosaics(split: Split, view: Mosaic, count: int) -> list[tuple[Composed, list[int]]]:
    """``count`` of them, each of four different images."""
    made = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        indices = random.permutation(len(split))[:4].tolist()
        made.append((view.composed([part(split, index) for index in indices], random), indices))
    return made


@pytest.mark.parametrize("view", [STEADY, replace(STEADY, letterbox=False), replace(STEADY, mosaic_scale=(0.2, 3))])
def test_boxes_lie_on_their_pixels(split: Split, view: Mosaic) -> None:
    """What is in a box has the colour of its object, what is beside it has not; of others little is to be seen."""
    compared = 0
    for (pixels, parts), indices in mosaics(split, view, 40):
        assert pixels.shape == (SIZE[1], SIZE[0], 3)
        for seen, index in zip(parts, indices, strict=True):
            start, count = split.places(index).start, split.places(index).stop - split.places(index).start
            for place, box in zip(seen.kept, seen.boxes, strict=True):
                left, top, right, bottom = box.round().astype(int).tolist()
                alike = coloured(pixels, int(split.labels[start + place]))
                inner = alike[top + 1 : bottom - 1, left + 1 : right - 1]
                assert not inner.size or inner.mean() > 0.97
                beside = alike.copy()
                beside[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
                assert beside.sum() <= 0.02 * alike.sum()
                compared += inner.size > 100
            for place in set(range(count)) - set(seen.kept.tolist()):
                whole = seen.placement.boxes(split.boxes[[start + place]])[0]
                alike = coloured(pixels, int(split.labels[start + place]))
                assert alike.sum() < 0.3 * np.prod(whole[2:] - whole[:2]) or min(whole[2:] - whole[:2]) < 3
    assert compared > 60


def test_every_field_follows_a_turned_mosaic(split: Split) -> None:
    order = list(Order(split.samples, 8, range(1, 5), seed=3))
    pictures = Pictures(split, TURNED, SIZE[::-1], 3)
    compared, pointed, several = 0, 0, 0
    with closing(batches.batches(pictures, order, workers=2)) as made:
        for draw, batch in zip(order, made, strict=True):
            for at, (pixels, target) in enumerate(zip(batch.images, batch.targets, strict=True)):
                count = len(target["labels"])
                assert {name: len(values) for name, values in target.items()} == dict.fromkeys(target, count)
                shown = pictures.images(draw)[4 * at : 4 * at + 4]
                assert shown[0] == draw.indices[at]
                if len(set(shown)) < 4:
                    continue  # an image that is shown twice
                several += count > 2
                things = (target[name] for name in ("labels", "masks", "boxes", "keypoints"))
                for label, mask, box, points in zip(*things, strict=True):
                    alike = coloured(pixels, int(label))
                    inner, outer = cv2.erode(mask, SQUARE), cv2.dilate(mask, SQUARE)
                    assert (inner & ~alike).sum() <= 0.02 * inner.sum()
                    assert (alike & (outer == 0)).sum() <= 0.05 * alike.sum()
                    across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
                    if (box[:2] > 1).all() and (box[2:] < np.array(SIZE) - 1).all() and mask.sum() > 100:
                        extent = [across[0], down[0], across[-1] + 1, down[-1] + 1]
                        assert box == pytest.approx(extent, abs=1.5)
                        compared += 1
                    pointed += require_points(points, alike)
    assert min(compared, pointed, several) > 30


def require_points(points: np.ndarray, alike: np.ndarray) -> int:
    """Both ends lie on their object, the left one on the left also in a mirror; returns how many there are."""
    there = points[points[:, 2] > 0]
    for x, y, _ in there:
        low, left = max(0, int(y) - 1), max(0, int(x) - 1)
        assert alike[low : int(y) + 2, left : int(x) + 2].any()
    if len(there) == 2:
        assert there[0, 0] < there[1, 0]
    return len(there)


def test_mixup_mixes_half_and_half(tmp_path: Path) -> None:
    """Four dark images and a white one that is half as large as the input and empty, on grey."""
    for name, level in (("dark", 40), ("white", 255)):
        Image.new("RGB", SIZE, (level,) * 3).save(tmp_path / f"{name}.png")
    view = replace(STEADY, mixup=1, mosaic_scale=(1, 1), translate=0, mixup_scale=(0.5, 0.5), fill=(100, 100, 100))
    box = np.array([[20, 20, 100, 80]], np.float32)
    dark = Part(tmp_path / "dark.png", box, SIZE)
    white = Part(tmp_path / "white.png", np.zeros((0, 4), np.float32), SIZE)
    for seed in range(5):
        random = np.random.default_rng(seed)
        assert view.further(random) == 4
        pixels, parts = view.composed([dark] * 4 + [white], random)
        levels, counts = np.unique(pixels, return_counts=True)
        assert set(levels.tolist()) == {70, 148}, "dark with grey, dark with white: the four fill the input"
        assert counts[1] == SIZE[0] * SIZE[1] * 3 / 4
        assert len(parts[4].kept) == 0
        left, top = parts[4].placement.matrix[:2, 2] - [64, 0] * (parts[4].placement.matrix[:2, 0] < 0)
        bright = np.argwhere(pixels[..., 0] == 148)
        assert bright.min(axis=0).tolist() == [round(top), round(left)]


def made_by(split: Split, view: Any, workers: int, *, epochs: range = range(1, 4), start: int = 0) -> list[Batch]:
    order = Order(split.samples, 6, epochs, seed=9, start_step=start)
    pictures = Pictures(split, view, SIZE[::-1], 9)
    with closing(batches.batches(pictures, order, workers=workers)) as made:
        return list(made)


def same(one: Batch, other: Batch) -> bool:
    return np.array_equal(one.images, other.images) and all(
        np.array_equal(first[name], second[name])
        for first, second in zip(one.targets, other.targets, strict=True)
        for name in first
    )


def test_batches_are_the_same_whoever_makes_them_and_wherever_one_begins(split: Split) -> None:
    view = Mosaic(width=SIZE[0], height=SIZE[1], mosaic=0.8, mixup=0.5, multi_scale=2, closing=3)
    whole = made_by(split, view, 0)
    assert len(whole) == 21
    for workers in (1, 3):
        assert all(map(same, whole, made_by(split, view, workers)))
    resumed = made_by(split, view, 1, epochs=range(2, 4), start=4)
    assert len(resumed) == 10
    assert all(map(same, whole[11:], resumed))
    pictures = Pictures(split, TURNED, SIZE[::-1], 9)
    one, other, third = (pictures[draw] for draw in (Draw(1, 0, (3,)), Draw(1, 1, (3,)), Draw(2, 0, (3,))))
    assert not same(one, other), "another place, another mosaic"
    assert not same(one, third), "another epoch, too"


def test_closing_epochs_show_one_image_as_it_is(split: Split) -> None:
    view = replace(STEADY, mixup=1, closing=2, random_flip=0.0)
    first, second = (made_by(split, view, 0, epochs=range(epoch, epoch + 1)) for epoch in (1, 2))
    counts = np.diff(split.starts)
    assert any(len(target["labels"]) > 2 for batch in first for target in batch.targets)
    plain = Letterbox(width=SIZE[0], height=SIZE[1], fill=(114, 114, 114), centred=False)
    for batch in second:
        for at, index in enumerate(batch.indices):
            seen = plain(*part(split, index))
            assert np.array_equal(batch.images[at], seen.pixels)
            assert len(batch.targets[at]["labels"]) == counts[index]
            assert batch.placements[at].matrix[:2, 2].tolist() == [0, 0]


def test_a_mirror_image_is_at_the_top_left_too(split: Split) -> None:
    seen = replace(STEADY, mosaic=0, random_flip=1.0)(*part(split, 0), np.random.default_rng(1))
    plain = Letterbox(width=SIZE[0], height=SIZE[1], fill=(114, 114, 114), centred=False)(*part(split, 0))
    wide = round(plain.placement.matrix[0, 0] * split.sizes[0, 0])
    difference = np.abs(seen.pixels[:, : wide - 1][:, ::-1].astype(int) - plain.pixels[:, 1:wide])
    assert np.median(difference) == 0
    assert (seen.pixels[:, wide + 1 :] == 114).all()
    assert seen.placement.flipped


def test_sizes_vary_from_batch_to_batch_by_multiples_of_32(split: Split) -> None:
    view = Mosaic(width=128, height=192, multi_scale=2)
    pictures = Pictures(split, view, (192, 128), 9)
    order = list(Order(split.samples, 2, range(1, 4), seed=9))
    most, sizes = pictures.most(order[0]), []
    with closing(batches.batches(pictures, order, workers=2)) as made:
        for draw, batch in zip(order, made, strict=True):
            assert sum(image.nbytes for image in batch.images) <= pictures.room(draw) <= most
            assert {placement.size for placement in batch.placements} == {np.shape(batch.images)[2:0:-1]}
            sizes.append(np.shape(batch.images)[1:3])
        assert made._pool.room >= most
    assert {size[1] for size in sizes} == {64, 96, 128, 160, 192}
    assert {size[0] for size in sizes} == {96, 128, 192, 256, 288}
    assert view.bound((1, 1)) == (192, 288)


def test_two_processes_see_the_same_sizes(split: Split) -> None:
    boxed = replace(split, fields=BOXES, columns={name: split.columns[name] for name in BOXES})
    pictures = Pictures(boxed, Mosaic(width=128, height=128, multi_scale=3), (128, 128), 9)
    orders = [Order(split.samples, 2, range(1, 3), seed=9, rank=rank, ranks=2) for rank in (0, 1)]
    rooms = [[pictures.room(draw) for draw in order] for order in orders]
    assert rooms[0] == rooms[1]
    assert len(set(rooms[0])) > 3


def test_further_images_come_as_often_as_their_sources() -> None:
    random = np.random.default_rng(0)
    drawn = np.array(further(4000, 30, ((10, 1.0), (20, 2.0)), random))
    assert (drawn < 10).mean() == pytest.approx(10 / 50, abs=0.02)
    assert set(drawn.tolist()) == set(range(30))
    assert set(further(400, 30, ((10, 1.0), (20, 1.0)), random)) == set(range(30))


def test_colours_change_and_nothing_else(split: Split) -> None:
    plain = replace(STEADY, mosaic=0, random_flip=0.0)
    before = plain(*part(split, 3), np.random.default_rng(5))
    after = replace(plain, hsv=(0.1, 0.7, 0.4))(*part(split, 3), np.random.default_rng(5))
    assert np.array_equal(before.boxes, after.boxes)
    assert not np.array_equal(before.pixels, after.pixels)
    assert (after.pixels[before.pixels.max(axis=2) == 0] == 0).all(), "black has no hue"
    grey = after.pixels[(before.pixels == 114).all(axis=2)]
    assert len(np.unique(grey)) == 1, "grey stays grey"


def test_a_field_of_images_cannot_follow(split: Split) -> None:
    pixels = PixelClasses()
    changed = replace(split, fields={"map": pixels}, columns={"map": pixels.column()})
    with pytest.raises(TypeError, match="several"):
        Pictures(changed, STEADY, SIZE[::-1], 3).room(Draw(1, 0, (0,)))
