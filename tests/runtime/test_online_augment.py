"""Online augmentation: boxes follow pixels, colours follow the matrix, neutral settings change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from runtime.imaging.placement import FILL, Placement
from runtime.imaging.views.affine import OnlineAugment

SIZE = 96


def picture_of(box: tuple[int, int, int, int]) -> np.ndarray:
    """A white box on black: what lies between left, top and right, bottom (exclusive)."""
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = 255
    return picture


def found(picture: np.ndarray) -> tuple[int, int, int, int]:
    """The box of all bright pixels."""
    bright = picture.mean(axis=2) > 180
    across, down = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1


def test_neutral_settings_change_nothing() -> None:
    picture, boxes = picture_of((10, 20, 40, 60)), np.array([[10, 20, 40, 60]], np.float32)
    result, _, places, kept, _ = OnlineAugment(SIZE, SIZE)(picture, boxes, np.random.default_rng(0))
    assert result.tobytes() == picture.tobytes()
    assert kept.tolist() == boxes.tolist()
    assert places.tolist() == [0]


def test_horizontal_flip_is_exact() -> None:
    picture, boxes = picture_of((10, 20, 40, 60)), np.array([[10, 20, 40, 60]], np.float32)
    flip = OnlineAugment(SIZE, SIZE, hflip_probability=1.0)
    result, _, _, kept, _ = flip(picture, boxes, np.random.default_rng(0))
    assert result.tobytes() == picture[:, ::-1].tobytes()
    assert kept.tolist() == [[SIZE - 40, 20, SIZE - 10, 60]]


def test_vertical_flip_is_exact() -> None:
    picture, boxes = picture_of((10, 20, 40, 60)), np.array([[10, 20, 40, 60]], np.float32)
    flip = OnlineAugment(SIZE, SIZE, vflip_probability=1.0)
    result, _, _, kept, _ = flip(picture, boxes, np.random.default_rng(0))
    assert result.tobytes() == picture[::-1].tobytes()
    assert kept.tolist() == [[10, SIZE - 60, 40, SIZE - 20]]


@pytest.mark.parametrize("seed", range(25))
def test_boxes_follow_the_pixels(seed: int) -> None:
    everything = OnlineAugment(
        SIZE, SIZE, hflip_probability=0.5, vflip_probability=0.5, zoom_min=0.7, zoom_max=1.4,
        translate_max_x=6, translate_max_y=6,
    )  # fmt: skip
    picture, boxes = picture_of((30, 36, 60, 70)), np.array([[30, 36, 60, 70]], np.float32)
    result, _, _, kept, _ = everything(picture, boxes, np.random.default_rng(seed))
    assert len(kept) == 1
    assert found(result) == pytest.approx(kept[0], abs=1.5)


def test_rotation_encloses_the_corners() -> None:
    turn = OnlineAugment(SIZE, SIZE, rotate_rad_max=0.5)
    picture, boxes = picture_of((30, 36, 60, 70)), np.array([[30, 36, 60, 70]], np.float32)
    result, _, _, kept, _ = turn(picture, boxes, np.random.default_rng(3))
    assert found(result) == pytest.approx(kept[0], abs=2)
    assert kept[0, 2] - kept[0, 0] > 31


@pytest.mark.parametrize("zoom", [0.5, 2.0])
def test_zoom_above_one_magnifies(zoom: float) -> None:
    boxes = np.array([[40, 40, 50, 52]], np.float32)
    matrix = OnlineAugment(SIZE, SIZE, zoom_min=zoom, zoom_max=zoom).space(np.random.default_rng(1))
    grown = Placement(matrix, (SIZE, SIZE), (SIZE, SIZE)).boxes(boxes)[0]
    assert grown[2] - grown[0] == pytest.approx(10 * zoom)
    assert grown[3] - grown[1] == pytest.approx(12 * zoom)


def test_what_lies_outside_is_the_mean() -> None:
    shrink = OnlineAugment(SIZE, SIZE, zoom_min=0.5, zoom_max=0.5)
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8)
    result, *_ = shrink(picture, np.zeros((0, 4), np.float32), np.random.default_rng(0))
    shown, counts = np.unique(result.reshape(-1, 3), axis=0, return_counts=True)
    colours = {tuple(colour) for colour, count in zip(shown.tolist(), counts, strict=True) if count > 100}
    assert colours == {FILL, (255, 255, 255)}


def test_boxes_are_clipped_and_dropped() -> None:
    keep = OnlineAugment(SIZE, SIZE, min_box_width=2, min_box_height=2)
    boxes = np.array(
        [
            [-10, 10, 30, 30],  # three quarters visible: clipped
            [-90, 10, 10, 30],  # a tenth visible: dropped
            [5, 5, 6, 20],  # thinner than two pixels: dropped
            [50, 50, 200, 60],  # 31 % visible: clipped
            [200, 200, 220, 220],  # outside: dropped
        ],
        np.float32,
    )
    places, kept = keep.keep(boxes)
    assert places.tolist() == [0, 3]
    assert kept.tolist() == [[0, 10, 30, 30], [50, 50, 96, 60]]


def test_saturation_down_to_grey_keeps_the_luma() -> None:
    class Lowest(np.random.Generator):
        def uniform(self, low, *_):  # type: ignore[no-untyped-def,override]
            return low

    grey = OnlineAugment(4, 4, saturation_shift_max=1.0).colour(Lowest(np.random.PCG64(0)))
    assert grey @ [120, 60, 30, 1] == pytest.approx([0.299 * 120 + 0.587 * 60 + 0.114 * 30] * 3, abs=1e-6)


def test_colour_changes_and_stays_in_bounds() -> None:
    colour = OnlineAugment(8, 8, hue_rotation_max=25, saturation_shift_max=0.2, contrast_scale_max=0.1)
    picture = np.full((8, 8, 3), (200, 80, 40), np.uint8)
    result, *_ = colour(picture, np.zeros((0, 4), np.float32), np.random.default_rng(5))
    random = np.random.default_rng(5)
    colour.space(random)
    expected = np.clip(colour.colour(random) @ [200, 80, 40, 1], 0, 255)
    assert result[3, 3] == pytest.approx(expected, abs=1)
    assert result[3, 3].tolist() != [200, 80, 40]


def test_contrast_turns_about_its_centre() -> None:
    matrix = OnlineAugment(8, 8, contrast_scale_max=0.5, contrast_center=0.5).colour(np.random.default_rng(0))
    assert matrix @ [127.5, 127.5, 127.5, 1] == pytest.approx([127.5] * 3)
    assert matrix @ [0, 0, 0, 1] != pytest.approx([0] * 3)


def test_the_same_generator_gives_the_same_picture() -> None:
    everything = OnlineAugment(SIZE, SIZE, hflip_probability=0.5, zoom_min=0.7, zoom_max=1.8, hue_rotation_max=25)
    picture, boxes = picture_of((30, 36, 60, 70)), np.array([[30, 36, 60, 70]], np.float32)
    first, again, other = (everything(picture, boxes, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first[0].tobytes() == again[0].tobytes()
    assert first.boxes.tolist() == again.boxes.tolist()
    assert first[0].tobytes() != other[0].tobytes()


@pytest.mark.parametrize("stored", [(SIZE, SIZE), (2 * SIZE, SIZE + 40), (SIZE + 60, SIZE - 20), (60, 80)])
@pytest.mark.parametrize("seed", range(6))
def test_pixels_are_those_of_two_passes_by_pillow(stored: tuple[int, int], seed: int) -> None:
    """To size first and then warped, as it was once done: the same picture but for a few levels."""
    everything = OnlineAugment(
        SIZE, SIZE, hflip_probability=0.5, zoom_min=0.8, zoom_max=1.4, translate_max_x=6, rotate_rad_max=0.2,
        hue_rotation_max=25, saturation_shift_max=0.2, contrast_scale_max=0.1,
    )  # fmt: skip
    noise = np.random.default_rng(9).integers(0, 256, (8, 8, 3), np.uint8)
    photo = Image.fromarray(noise).resize(stored, Image.Resampling.BICUBIC)
    made, *_ = everything(np.asarray(photo), np.zeros((0, 4), np.float32), np.random.default_rng(seed))
    random = np.random.default_rng(seed)
    space, colour = everything.space(random), everything.colour(random)
    there = tuple(np.linalg.inv(space)[:2].ravel().tolist())
    resized = photo.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    warped = resized.transform((SIZE, SIZE), affine, there, resample=bilinear, fillcolor=FILL)
    expected = np.asarray(warped.convert("RGB", matrix=tuple(colour.ravel().tolist()))).astype(int)
    inside = Image.new("L", (SIZE, SIZE), 255).transform((SIZE, SIZE), affine, there, fillcolor=0)
    inside = np.asarray(inside.filter(ImageFilter.MinFilter(5))) > 0  # where it ends, Pillow is less smooth
    apart = np.abs(made.astype(int) - expected)[inside]
    assert apart.mean() < 1
    assert np.quantile(apart, 0.99) <= 6
