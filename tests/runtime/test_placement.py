"""What is on an image goes where the view takes it: forwards, backwards, in the mirror, for every view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from converters.model import KeypointSlot, garments
from runtime.imaging import landmarks, outlines
from runtime.imaging.decoding import Preprocess
from runtime.imaging.placement import Placement
from runtime.imaging.views.affine import OnlineAugment
from runtime.imaging.views.dali import Dali
from runtime.imaging.views.framing import KeepAspect, Letterbox, ObjectCrop
from runtime.imaging.views.ssd_chain import SsdChain
from runtime.imaging.views.warp import Warp

STORED = (200, 160)
BOX = np.array([[60, 40, 140, 120]], np.float32)
RING = np.array([[60, 40], [140, 40], [140, 120], [60, 120]], np.float64)
FLAT = {"width": 120, "height": 120, "random_flip": 0.5}
AUGMENT = OnlineAugment(120, 120, 0.5, 0.3, 0.6, 1.5, 9, 7, 0.4)
VIEWS: dict[str, Any] = {
    "warp": Warp(Preprocess(120, 120), AUGMENT),
    "warp of a crop": Warp(Preprocess(120, 120, (10, 20, 190, 150)), AUGMENT),
    "ssd_chain": SsdChain(**FLAT),
    "dali": Dali(**FLAT),
    "letterbox": Letterbox(width=120, height=140, random_flip=0.5),
    "keep aspect": KeepAspect(min_sizes=(90, 150), max_size=170, random_flip=0.5),
    "object": ObjectCrop(width=96, height=128, random_flip=0.5, scale=0.2),
}


def white(folder: Path) -> Path:
    """A white rectangle where BOX is, on black."""
    pixels = np.zeros((STORED[1], STORED[0], 3), np.uint8)
    pixels[40:120, 60:140] = 255
    Image.fromarray(pixels).save(folder / "a.png")
    return folder / "a.png"


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


@pytest.mark.parametrize("seed", [None, *range(12)])
@pytest.mark.parametrize("name", VIEWS)
def test_masks_and_outlines_lie_on_their_pixels(name: str, seed: int | None, tmp_path: Path) -> None:
    random = None if seed is None else np.random.default_rng(seed)
    seen = VIEWS[name](white(tmp_path), BOX, STORED, random)
    shown = (seen.pixels.min(axis=2) > 127).astype(np.uint8)
    outline = outlines.filled(seen.placement.polygons([RING]), seen.placement.size)
    stored = np.zeros(STORED[::-1], np.uint8)
    stored[40:120, 60:140] = 1
    assert overlap(shown, outline) > 0.85
    assert overlap(shown, seen.placement.mask(stored)) > 0.85
    if len(seen.kept):
        assert (
            np.abs(np.clip(seen.placement.boxes(BOX), 0, seen.placement.size * 2) - seen.boxes).max() <= 1.01
        )  # SSD's whole pixels


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", VIEWS)
def test_what_went_there_comes_back(name: str, seed: int, tmp_path: Path) -> None:
    placement = VIEWS[name](white(tmp_path), BOX, STORED, np.random.default_rng(seed)).placement
    there = RING @ placement.matrix[:2, :2].T + placement.matrix[:2, 2]
    back = placement.back()
    assert back.size == STORED
    np.testing.assert_allclose(there @ back.matrix[:2, :2].T + back.matrix[:2, 2], RING, atol=1e-9)
    assert back.flipped == placement.flipped


def test_a_flip_changes_left_and_right_keypoints_over() -> None:
    points = np.array([[[30, 50, 2], [170, 60, 1], [100, 20, 2], [0, 0, 0]]], np.float64)
    plain = Placement.resize(STORED, (100, 80))
    assert plain.points(points, (1, 0, 2, 3)).tolist() == [[[15, 25, 2], [85, 30, 1], [50, 10, 2], [0, 0, 0]]]
    mirrored = plain.mirrored()
    assert mirrored.flipped
    assert mirrored.points(points, (1, 0, 2, 3)).tolist() == [[[15, 30, 1], [85, 25, 2], [50, 10, 2], [0, 0, 0]]]


def test_keypoints_that_leave_are_labelled_no_more() -> None:
    left = Placement(np.array([[1.0, 0, -50], [0, 1, 0], [0, 0, 1]]), (100, 100), STORED)
    points = np.array([[40.0, 10, 2], [60, 10, 2], [70, 10, 0]])
    assert left.points(points).tolist() == [[0, 0, 0], [10, 10, 2], [0, 0, 0]]
    assert left.points(points, beyond=True).tolist() == [[-10, 10, 2], [10, 10, 2], [0, 0, 0]]


def test_garments_and_people_know_their_mirror() -> None:
    skirt = KeypointSlot(tuple(map(str, range(1, 295))), 182, 8)
    assert landmarks.flip_order("skirt", skirt) == garments.BY_NAME["skirt"].flip
    assert landmarks.flip_order("person", KeypointSlot(("nose", "left_eye", "right_eye"), 0, 3)) == (0, 2, 1)


def test_filled_outlines_are_pycocotools() -> None:
    random = np.random.default_rng(3)
    for _ in range(30):
        rings = [random.random((int(random.integers(3, 30)), 2)) * (90, 70) for _ in range(2)]
        runs = coco.merge(coco.frPyObjects([ring.ravel().tolist() for ring in rings], 70, 90))
        assert np.array_equal(outlines.filled(rings, (90, 70)), coco.decode(runs))


def test_a_label_map_is_ignored_outside() -> None:
    classes = np.full((160, 200), 7, np.uint8)
    half = Placement(np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]]), (120, 80), STORED)
    placed = half.mask(classes, 255)
    assert placed[:, :100].tolist() == [[7] * 100] * 80
    assert (placed[:, 100:] == 255).all()


def test_a_letterbox_is_in_the_middle(tmp_path: Path) -> None:
    seen = Letterbox(width=100, height=140, fill=(9, 9, 9))(white(tmp_path), BOX, STORED)
    assert seen.pixels.shape == (140, 100, 3)
    assert seen.boxes.tolist() == [[30, 50, 70, 90]]
    assert (seen.pixels[:29] == 9).all()
    assert (seen.pixels[111:] == 9).all()
    assert seen.placement.back().boxes(seen.boxes).tolist() == BOX.tolist()


@pytest.mark.parametrize(
    ("stored", "size"), [((500, 375), (1066, 800)), ((375, 500), (800, 1066)), ((2000, 400), (1333, 266))]
)
def test_sides_are_torchvisions(stored: tuple[int, int], size: tuple[int, int]) -> None:
    assert KeepAspect().bound(stored) == size
    assert KeepAspect(min_sizes=()).bound(stored) == stored


def test_a_crop_is_around_its_object(tmp_path: Path) -> None:
    """From the first pixel to the last 79 x 79, widened to 3:4 and by a quarter, around the middle (99.5, 79.5)."""
    seen = ObjectCrop(width=96, height=128)(white(tmp_path), BOX, STORED)
    assert seen.pixels.shape == (128, 96, 3)
    share = 96 / (79 * 1.25)
    expected = [[48 - 39.5 * share, 64 - 39.5 * share, 48 + 40.5 * share, 64 + 40.5 * share]]
    np.testing.assert_allclose(seen.boxes, expected, atol=1e-4)


HRNET = (80, 100, 221, 311)
"""By HRNet's rules a box of 140 x 210 pixels around (150, 205)."""


def test_crops_are_hrnets() -> None:
    """Published vectors: the affine of a box, and where it takes a point."""
    view = ObjectCrop(width=384, height=512)
    placement = view.placement(HRNET, (468, 624))
    expected = [[1.950476, 0, -100.571429], [0, 1.950476, -143.847619], [0, 0, 1]]
    np.testing.assert_allclose(placement.matrix, expected, atol=1e-6)
    x, y, _ = placement.points(np.array([[100.0, 100, 2]]))[0]
    assert (x, y) == pytest.approx((94.476190, 51.2), abs=1e-5)
    mirrored = replace(view, random_flip=1.0).placement(HRNET, (468, 624), np.random.default_rng(0))
    assert mirrored.points(np.array([[100.0, 100, 2]]))[0, 0] == pytest.approx(384 - 94.476190, abs=1e-5)
    cut = view.placement((-20, 100, 121, 700), (468, 624))
    assert cut.back().points(np.array([[192.0, 256, 2]]))[0, :2] == pytest.approx((70, (100 + 623) / 2))


class Drawn:
    """What is drawn where chance is 30 degrees or one deviation."""

    def random(self) -> float:
        return 0.5

    def standard_normal(self) -> float:
        return 1.0


def test_crops_turn_grow_and_shrink_as_hrnets_do() -> None:
    drawn: Any = Drawn()
    turned = ObjectCrop(width=384, height=512, rotation=30.0).placement(HRNET, (468, 624), drawn)
    x, y, _ = turned.points(np.array([[100.0, 100, 2]]))[0]
    assert (x, y) == pytest.approx((5.1419, 127.3999), abs=1e-4)
    larger = ObjectCrop(width=384, height=512, scale=0.25).placement(HRNET, (468, 624), drawn)
    assert larger.matrix[0, 0] == pytest.approx(1.950476 / 1.25, abs=1e-6)
    random, view = np.random.default_rng(0), ObjectCrop(width=384, height=512, rotation=30.0, scale=0.25)
    matrices = np.stack([view.placement(HRNET, (468, 624), random).matrix for _ in range(400)])
    angles = np.degrees(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    assert np.abs(angles).max() <= 60
    assert (angles == 0).mean() == pytest.approx(0.4, abs=0.06)
    assert angles[angles != 0].std() == pytest.approx(29, abs=4)
    shares = np.hypot(matrices[:, 0, 0], matrices[:, 0, 1]) / 1.950476
    assert (shares.min(), shares.max()) == pytest.approx((0.8, 4 / 3), abs=1e-4)


def test_landmarks_lie_in_the_middle_of_their_pixels(tmp_path: Path) -> None:
    """A white pixel on black, seen six times as large."""
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[40, 30] = 255
    Image.fromarray(pixels).save(tmp_path / "dot.png")
    view = ObjectCrop(width=96, height=96, margin=1.0, random_flip=0.5, rotation=30.0, fill=(0, 0, 0))
    for seed in range(6):
        box = np.array([[20, 30, 37, 47]], np.float32)
        seen = view(tmp_path / "dot.png", box, (100, 100), np.random.default_rng(seed))
        at = seen.placement.points(np.array([[30.0, 40, 2]]))[0, :2]
        weights = seen.pixels[..., 0].astype(float)
        across, down = (np.average(np.arange(96), weights=weights.sum(axis=axis)) for axis in (0, 1))
        assert (across, down) == pytest.approx(tuple(at), abs=0.1)
        assert seen.kept.tolist() == [0]


def test_an_object_stays_in_its_crop_whatever_its_box(tmp_path: Path) -> None:
    for box in ([50, 50, 50, 60], [-40, 10, -5, 30], [250, 10, 300, 200]):
        seen = ObjectCrop(width=96, height=128)(white(tmp_path), np.array([box], np.float32), STORED)
        assert seen.kept.tolist() == [0]
        assert np.isfinite(seen.placement.matrix).all()
