"""Operators on images and boxes: figures of the reference arithmetic, and properties."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.imaging import transforms
from runtime.imaging.transforms import Blur, Colour, Spatial

IDENTITY = np.eye(3)


@pytest.fixture
def noise() -> transforms.Image:
    return np.random.default_rng(7).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def resize(size: transforms.Size, output: transforms.Size) -> transforms.Matrix:
    return transforms.matrix(Spatial(), size=size, output=output)


def test_matrix_of_a_quarter_turn() -> None:
    matrix = transforms.matrix(Spatial(angle=90, translate_x=10), size=(200, 100), output=(100, 100))
    np.testing.assert_allclose(matrix[:2], [[0, -0.5, 80], [1, 0, -50]], atol=1e-9)
    boxes = transforms.move_boxes([(60, 20, 90, 40)], matrix, (100, 100))
    np.testing.assert_allclose(boxes, [[60, 10, 70, 40]], atol=1e-4)


def test_matrix_of_all_together() -> None:
    spatial = Spatial(angle=20, flip_vertical=True, shear_x=0.1, translate_y=-3)
    matrix = transforms.matrix(spatial, size=(200, 100), output=(200, 100))
    expected = [[0.905491, -0.435989, 31.250410], [-0.342020, -0.939693, 128.186645]]
    np.testing.assert_allclose(matrix[:2], expected, atol=1e-5)
    boxes = transforms.move_boxes([(60, 20, 90, 40)], matrix, (200, 100))
    np.testing.assert_allclose(boxes, [[68.14, 59.82, 104.02, 88.87]], atol=0.01)


def test_boxes_are_clamped_and_none_is_dropped() -> None:
    boxes = transforms.move_boxes([(-5, 1, 8, 99), (50, 50, 60, 60)], IDENTITY, (10, 20))
    assert repr(boxes) == "[(0.0, 1.0, 8.0, 20.0), (10.0, 20.0, 10.0, 20.0)]"
    assert transforms.move_boxes([], IDENTITY, (10, 20)) == []


@pytest.mark.parametrize("largest", [1e3, 1e38])
def test_boxes_move_in_single_precision(largest: float) -> None:
    chance = np.random.default_rng(3)
    boxes = chance.uniform(-largest, largest, (400, 4)).astype(np.float32)
    spatial = Spatial(angle=10, flip_horizontal=True, shear_x=0.1, translate_x=20)
    for each in (spatial, Spatial()):
        matrix = transforms.matrix(each, size=(749, 999), output=(288, 288))
        upright = transforms.upright(boxes, matrix.astype(np.float32)).clip(0, 288)
        np.testing.assert_array_equal(transforms.move_boxes(boxes.tolist(), matrix, (288, 288)), upright)


def test_identity_leaves_pixels(noise: transforms.Image) -> None:
    assert transforms.warp(noise, IDENTITY, (40, 30)) is noise


@pytest.mark.parametrize("horizontal", [True, False])
def test_flip_is_exact(noise: transforms.Image, horizontal: bool) -> None:
    spatial = Spatial(flip_horizontal=horizontal, flip_vertical=not horizontal)
    matrix = transforms.matrix(spatial, size=(40, 30), output=(40, 30))
    np.testing.assert_array_equal(transforms.warp(noise, matrix, (40, 30)), np.flip(noise, 1 if horizontal else 0))


def test_quarter_turn_is_clockwise(noise: transforms.Image) -> None:
    square = noise[:, :30]
    matrix = transforms.matrix(Spatial(angle=90), size=(30, 30), output=(30, 30))
    np.testing.assert_array_equal(transforms.warp(square, matrix, (30, 30)), np.rot90(square, -1))


def test_halving_averages_the_four_middle_neighbours(noise: transforms.Image) -> None:
    half = transforms.warp(noise, resize((40, 30), (20, 15)), (20, 15))
    exact = noise.reshape(15, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - exact).max() <= 0.5


def test_shrinking_does_not_smooth() -> None:
    lines = np.zeros((8, 80, 3), np.uint8)
    lines[:, ::8] = 255
    assert transforms.warp(lines, resize((80, 8), (10, 8)), (10, 8)).max() == 0


def test_enlarging_darkens_the_border() -> None:
    white = np.full((4, 4, 3), 200, np.uint8)
    large = transforms.warp(white, resize((4, 4), (8, 8)), (8, 8))
    assert large[3, 3, 0] == 200
    assert large[0, 3, 0] == 150
    assert large[0, 0, 0] in (112, 113)


WARPS = (
    Spatial(),
    Spatial(flip_horizontal=True, translate_x=7, translate_y=-4),
    Spatial(angle=33, shear_x=0.2, shear_y=-0.1, flip_vertical=True),
)


@pytest.mark.parametrize("spatial", WARPS)
@pytest.mark.parametrize("output", [(57, 23), (25, 21), (40, 30)])
def test_bytes_are_near_the_exact_figures(spatial: Spatial, output: transforms.Size) -> None:
    rows, columns = np.mgrid[:30, :40]
    waves = [128 + 120 * np.sin(columns / (4 + channel)) * np.cos(rows / 5) for channel in range(3)]
    image = np.rint(np.stack(waves, axis=-1)).astype(np.uint8)
    matrix = transforms.matrix(spatial, size=(40, 30), output=output)
    exact = transforms.warp(image.astype(np.float32), matrix, output)
    difference = np.abs(transforms.warp(image, matrix, output) - exact)
    assert difference.max() <= 4
    assert difference.mean() <= 0.4


def test_antialias_lets_every_pixel_count(noise: transforms.Image) -> None:
    plain = resize((40, 30), (8, 6))
    small = transforms.warp(noise, plain, (8, 6), antialias=True)
    means = noise.reshape(6, 5, 8, 5, 3).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 0.51
    turned = transforms.matrix(Spatial(angle=90), size=(40, 40), output=(8, 8))
    square = np.random.default_rng(7).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert transforms.warp(square, turned, (8, 8), antialias=True).std() < 0.5 * square.std()
    large = resize((40, 30), (80, 60))
    same = transforms.warp(noise, large, (80, 60))
    np.testing.assert_array_equal(transforms.warp(noise, large, (80, 60), antialias=True), same)


def test_masks_are_carried_by_their_nearest_pixel() -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[10:20, 10:30] = 1
    matrix = transforms.matrix(Spatial(angle=20), size=(40, 30), output=(80, 60))
    carried = transforms.warp(mask, matrix, (80, 60), nearest=True)
    assert set(np.unique(carried)) == {0, 1}
    assert carried.sum() == pytest.approx(4 * mask.sum(), rel=0.03)
    exact = transforms._warp_exactly(mask, np.linalg.inv(matrix), (80, 60), nearest=True)
    assert (carried != exact).mean() < 0.01


def test_against_an_independent_warp(noise: transforms.Image) -> None:
    """Inside the picture Pillow does the same, but cuts fractions off."""
    from PIL import Image

    matrix = transforms.matrix(Spatial(angle=17, shear_x=0.2), size=(40, 30), output=(40, 30))
    coefficients = tuple(np.linalg.inv(matrix)[:2].ravel())
    theirs = Image.fromarray(noise).transform((40, 30), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    exact = transforms.warp(noise.astype(np.float32), matrix, (40, 30))
    inside = (exact - np.asarray(theirs))[8:22, 12:28]
    assert inside.min() >= -0.01
    assert inside.max() <= 1


def test_outside_is_black() -> None:
    white = np.full((10, 10, 3), 255, np.uint8)
    matrix = transforms.matrix(Spatial(translate_x=4), size=(10, 10), output=(10, 10))
    moved = transforms.warp(white, matrix, (10, 10))
    assert (moved[:, :4] == 0).all()
    assert (moved[:, 4:] == 255).all()


def test_colour_figures() -> None:
    gain, bias = transforms.colour_matrix(Colour(hue=45, saturation=0.5, contrast=-0.25, center=100, offset=20))
    np.testing.assert_allclose(gain @ [120, 60, 30] + bias, [114.61, 84.49, 105.54], atol=0.01)


def test_neutral_colour_leaves_pixels(noise: transforms.Image) -> None:
    assert transforms.recolour(noise, Colour()) is noise
    assert transforms.recolour(noise, Colour(center=0)) is noise


def test_saturation_zero_is_luma(noise: transforms.Image) -> None:
    grey = transforms.recolour(noise, Colour(saturation=0)).astype(float)
    luma = noise @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey - luma[..., None]).max() < 0.6


def test_levels_saturate(noise: transforms.Image) -> None:
    assert transforms.recolour(noise, Colour(offset=300)).min() == 255
    assert transforms.recolour(noise, Colour(offset=-300)).max() == 0


def test_contrast_turns_about_its_centre() -> None:
    image = np.uint8([[[100, 120, 80]]])
    assert transforms.recolour(image, Colour(contrast=0.5, center=100)).tolist() == [[[100, 130, 70]]]


def test_kernel() -> None:
    weights = transforms.kernel(Blur(size=5, std=1))
    assert weights.sum() == pytest.approx(1)
    assert weights[2] / weights[1] == pytest.approx(np.exp(0.5), rel=1e-6)
    assert len(transforms.kernel(Blur(std=1.2))) == 9
    sigma = ((7 - 1) / 2 - 1) * 0.3 + 0.8
    derived = transforms.kernel(Blur(size=7))
    assert derived[3] / derived[2] == pytest.approx(np.exp(1 / (2 * sigma**2)), rel=1e-6)
    assert transforms.kernel(Blur()).tolist() == [1]
    with pytest.raises(ValueError, match="odd"):
        transforms.kernel(Blur(size=4, std=1))


def test_blur_mirrors_at_the_border() -> None:
    image = np.zeros((1, 6, 3), np.uint8)
    image[0, 1] = 240
    weights = transforms.kernel(Blur(size=3, std=1))
    blurred = transforms.smooth(image, Blur(size=3, std=1))
    assert blurred[0, 0, 0] == round(240 * 2 * float(weights[0]))
    assert blurred[0, 1, 0] == round(240 * float(weights[1]))
    assert blurred[0, 3, 0] == 0


def test_blur_keeps_flat_images(noise: transforms.Image) -> None:
    flat = np.full((5, 7, 3), 77, np.uint8)
    np.testing.assert_array_equal(transforms.smooth(flat, Blur(size=9, std=2)), flat)
    assert transforms.smooth(noise, Blur()) is noise
