"""The older arithmetic against figures of the original processors (tests/golden/augment)."""

from __future__ import annotations

import json
from math import radians
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import error_of

from runtime.augmenting.pictures import steps_for
from runtime.augmenting.recipe import Recipe, of_proto_text
from runtime.imaging import tlt2_transforms as tlt2
from runtime.imaging import transforms
from runtime.imaging.transforms import Blur, Colour, Spatial
from specs import parse_text
from tltpipe.errors import SpecError

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE = (16, 12)
TOLD = json.loads((GOLDEN / "augment.json").read_text())


@pytest.fixture(scope="module")
def arrays() -> Any:
    return np.load(GOLDEN / "augment.npz")


COMPOSITE = Spatial(angle=10, shear_x=0.1, shear_y=0.05, flip_horizontal=True, translate_x=2, translate_y=-1)
SPATIAL = {
    "rot10_center": tlt2.rotation(radians(10), SIZE),
    "rot10_origin": tlt2.rotation(radians(10)),
    "shear_0.2_0_center": tlt2.shear(0.2, 0, SIZE),
    "translate_3_-2": tlt2.translation(3, -2),
    "flip_h1_v0_canvas": tlt2.flip(horizontal=True, vertical=False, size=SIZE),
    "zoom_1.5_center": tlt2.zoom(1.5, SIZE),
    "composite_flip_rot10_trans2_-1_shear0.1_0.05": tlt2.spatial_matrix(COMPOSITE, SIZE),
}
COLOUR = {
    "hue5_sat1": tlt2.hue_saturation(5, 1),
    "hue0_sat0.2": tlt2.hue_saturation(0, 0.2),
    "contrast0.3_center127.5": tlt2.contrast(0.3, 127.5),
    "brightness_25_-50_12.5": tlt2.brightness((25, -50, 12.5)),
}


@pytest.mark.parametrize("name", TOLD["spatial"])
def test_spatial_matrices(name: str) -> None:
    np.testing.assert_allclose(SPATIAL[name], TOLD["spatial"][name]["m"], atol=1e-6)


@pytest.mark.parametrize("name", TOLD["color"])
def test_colour_matrices(name: str) -> None:
    np.testing.assert_allclose(COLOUR[name], TOLD["color"][name]["m"], atol=1e-6)


def test_a_chain_puts_later_processors_first() -> None:
    chain = TOLD["processor_chains"]["flip_then_rot10"]["stm"]
    np.testing.assert_allclose(SPATIAL["rot10_center"] @ SPATIAL["flip_h1_v0_canvas"], chain, atol=1e-6)


@pytest.mark.parametrize(("name", "size", "std"), [("size1_std1", 1, 1.0), ("size3_std1", 3, 1.0)])
def test_blur_kernels(name: str, size: int, std: float) -> None:
    np.testing.assert_allclose(tlt2.blur_kernel(size, std), TOLD["blur_kernels"][name], atol=1e-7)


def planes(image: Any) -> Any:
    return image.transpose(1, 2, 0)


@pytest.mark.parametrize("name", TOLD["spatial"])
def test_pixels_are_where_theirs_are(name: str, arrays: Any) -> None:
    image = planes(arrays["image_nchw_float"][0])
    there = np.linalg.inv(np.array(TOLD["spatial"][name]["m"]).T)
    np.testing.assert_allclose(
        transforms.warp(image, there, SIZE), planes(arrays[f"spatial_bilinear__{name}"]), atol=2e-3
    )
    if f"spatial_nearest__{name}" in arrays:
        nearest = transforms.warp(image, there, SIZE, nearest=True)
        np.testing.assert_array_equal(nearest, planes(arrays[f"spatial_nearest__{name}"]))


def test_pixels_on_another_canvas(arrays: Any) -> None:
    image = planes(arrays["image_nchw_float"][0])
    there = np.linalg.inv(np.array(TOLD["spatial"]["zoom_1.5_center"]["m"]).T)
    expected = planes(arrays["spatial_bilinear_out_h8_w20__zoom_1.5_center"])
    np.testing.assert_allclose(transforms.warp(image, there, (20, 8)), expected, atol=2e-3)


@pytest.mark.parametrize("name", TOLD["color"])
def test_pixels_have_their_colours(name: str, arrays: Any) -> None:
    image, matrix = planes(arrays["image_nchw_float"][0]), np.array(TOLD["color"][name]["m"])
    mixed = transforms.mix(image, matrix[:3, :3].T, matrix[3, :3])
    np.testing.assert_allclose(np.clip(mixed, 0, 255), planes(arrays[f"color_clip0_255__{name}"]), atol=1e-3)


@pytest.mark.parametrize("name", ["rot10_center", "flip_h1_v0_canvas", "zoom_1.5_center", "translate_3_-2"])
def test_points_go_either_way(name: str, arrays: Any) -> None:
    matrix = np.array(TOLD["spatial"][name]["m"]).T
    points = arrays["polygon_direct__translate_3_-2"] - [3, -2]
    np.testing.assert_allclose(transforms.move_points(points, matrix), arrays[f"polygon_direct__{name}"], atol=1e-4)
    back = transforms.move_points(points, np.linalg.inv(matrix))
    np.testing.assert_allclose(back, arrays[f"polygon_inverted__{name}"], atol=1e-4)


@pytest.mark.parametrize(
    "spatial", [Spatial(angle=30), Spatial(translate_x=5, translate_y=-2), Spatial(shear_x=0.3), Spatial(shear_y=0.2)]
)
def test_moves_the_opposite_way(spatial: Spatial) -> None:
    new = transforms.matrix(spatial, size=SIZE, output=(32, 6))
    old = tlt2.matrix(spatial, size=SIZE, output=(32, 6))
    scale = np.diag([2, 0.5, 1])
    np.testing.assert_allclose(np.linalg.inv(scale) @ old @ np.linalg.inv(scale) @ new, np.eye(3), atol=1e-9)


def test_a_plain_resize_is_the_same() -> None:
    new = transforms.matrix(Spatial(), size=SIZE, output=(7, 5))
    np.testing.assert_array_equal(tlt2.matrix(Spatial(), size=SIZE, output=(7, 5)), new)


def test_contrast_comes_before_brightness() -> None:
    gain, bias = tlt2.colour_matrix(Colour(contrast=0.5, center=100, offset=20))
    np.testing.assert_allclose(gain @ [100, 120, 80] + bias, [120, 150, 90])
    assert tlt2.colour_matrix(Colour())[0].tolist() == np.eye(3).tolist()


@pytest.mark.parametrize("hue", [0, 25, 200])
def test_hue_turns_as_in_the_newer_one(hue: float) -> None:
    colour = Colour(hue=hue, saturation=0.7)
    (old, _), (new, _) = tlt2.colour_matrix(colour), transforms.colour_matrix(colour)
    assert np.abs((old - new) @ [200, 90, 30]).max() < 1.0


@pytest.mark.parametrize(("radius", "length"), [(3, 7), (2, 5), (0, 1)])
def test_size_of_a_blur_is_a_radius(radius: int, length: int) -> None:
    assert len(tlt2.kernel(Blur(radius, 1))) == length
    assert len(tlt2.kernel(Blur())) == 1


@pytest.mark.parametrize(("radius", "centre"), [(1, 0.6193), (2, 0.3764), (5, 0.1315)])
def test_a_missing_sigma_follows_from_the_radius(radius: int, centre: float) -> None:
    """NVIDIA's kernel(1, 0) has 0.6193 in its middle: sigma is ((radius - 1) / 2 - 1) x 0.3 + 0.8."""
    std = ((radius - 1) / 2 - 1) * 0.3 + 0.8
    kernel = tlt2.blur_kernel(radius, 0)
    np.testing.assert_allclose(kernel, tlt2.blur_kernel(radius, std), atol=1e-7)
    assert kernel[radius, radius] == pytest.approx(centre, abs=1e-4)


def test_a_blur_sees_zeros_beyond_the_border() -> None:
    """A picture of 100 everywhere comes out as about 53 in its corners, and as 100 in its middle."""
    picture = np.full((8, 9, 3), 100, np.uint8)
    recipe = Recipe(values={"size": (1.0,), "std": (1.0,)}, arithmetic="tlt2")
    blurred = steps_for(recipe, "a.jpg", (9, 8)).applied(picture)
    assert blurred[0, 0].tolist() == blurred[-1, -1].tolist() == [53, 53, 53]
    assert blurred[0, 4].tolist() == [73, 73, 73]
    assert blurred[4, 4].tolist() == [100, 100, 100]
    mirrored = steps_for(Recipe(values={"size": (3.0,), "std": (1.0,)}), "a.jpg", (9, 8)).applied(picture)
    assert (mirrored == 100).all()


def test_a_blur_wider_than_the_picture() -> None:
    recipe = Recipe(values={"size": (9.0,), "std": (2.0,)}, arithmetic="tlt2")
    blurred = steps_for(recipe, "a.jpg", (3, 2)).applied(np.full((2, 3, 3), 100, np.uint8))
    weights = tlt2.kernel(Blur(9, 2.0))
    assert blurred[0, 1, 0] == round(100 * float(weights[9:11].sum() * weights[8:11].sum()))


def test_an_even_size_is_a_radius_or_refused() -> None:
    spec = parse_text("blur_config { size: 2 std: 1 }", "augment", source="spec")
    assert len(spec.warnings) == 1
    assert of_proto_text(spec, arithmetic="tlt2").values["size"] == (2,)
    assert str(error_of(SpecError, of_proto_text, spec, match="odd").where) == "spec:1:15"
