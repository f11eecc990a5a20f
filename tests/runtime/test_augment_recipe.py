"""From a spec to what is done: every parameter arrives, in both forms of a spec, by the arithmetic that was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import specs
from runtime.augmenting.pictures import steps_for
from runtime.augmenting.recipe import PARAMETERS, Recipe, of_proto_text, of_yaml
from runtime.imaging import tlt2_transforms, transforms
from runtime.imaging.transforms import Blur, Colour, Spatial
from specs.augment import tao5

WANTED = {
    "angle": 11.0,
    "shear_x": 0.25,
    "shear_y": -0.5,
    "translate_x": 7.0,
    "translate_y": -9.0,
    "hue": 21.0,
    "saturation": 1.5,
    "contrast": 0.75,
    "center": 99.0,
    "offset": 13.0,
    "size": 5.0,
    "std": 1.25,
}
PROTO_TEXT = """\
spatial_config {
  rotation_config { angle: 11 units: "degrees" }
  shear_config { shear_ratio_x: 0.25 shear_ratio_y: -0.5 }
  translation_config { translate_x: 7 translate_y: -9 }
  flip_config { flip_vertical: true }
}
color_config {
  hue_saturation_config { hue_rotation_angle: 21 saturation_shift: 1.5 }
  contrast_config { contrast: 0.75 center: 99 }
  brightness_config { offset: 13 }
}
blur_config { size: 5 std: 1.25 }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 30 output_image_height: 20 output_image_channel: 3
"""
YAML = """\
random_seed: 5
results_dir: out
data: {image_dir: images, ann_path: page.json, output_image_width: 30, output_image_height: 20}
spatial_aug:
  rotation: {angle: [11]}
  shear: {shear_ratio_x: [0.25], shear_ratio_y: [-0.5]}
  translation: {translate_x: [7], translate_y: [-9]}
  flip: {flip_vertical: true}
color_aug:
  hue: {hue_rotation_angle: [21]}
  saturation: {saturation_shift: [1.5]}
  contrast: {contrast: [0.75], center: [99]}
  brightness: {offset: [13]}
blur_aug: {size: [5], std: [1.25]}
"""


def recipes() -> list[Recipe]:
    proto_text = specs.parse_text(PROTO_TEXT, "augment", source="augment.conf")
    return [of_proto_text(proto_text), of_yaml(tao5.parse(YAML, source="augment.yaml"))]


@pytest.mark.parametrize("form", [0, 1])
def test_every_parameter_arrives(form: int) -> None:
    recipe = recipes()[form]
    assert WANTED.keys() == set(PARAMETERS)
    assert recipe.drawn("1.jpg") == WANTED
    assert (recipe.flip_horizontal, recipe.flip_vertical, recipe.output) == (False, True, (30, 20))
    assert recipe.seed == (42, 5)[form]


@pytest.mark.parametrize(("name", "told"), [("tao5", transforms), ("tlt2", tlt2_transforms)])
def test_steps_are_those_of_the_arithmetic(name: str, told: Any) -> None:
    values = {key: (value,) for key, value in WANTED.items()}
    done = steps_for(Recipe(values, flip_vertical=True, output=(30, 20), arithmetic=name), "1.jpg", (60, 50))
    spatial = Spatial(11, 0.25, -0.5, flip_vertical=True, translate_x=7, translate_y=-9)
    np.testing.assert_allclose(done.warp.matrix, told.matrix(spatial, size=(60, 50), output=(30, 20)))
    gain, bias = told.colour_matrix(Colour(21, 1.5, 0.75, 99, 13))
    np.testing.assert_allclose(done.colour, np.column_stack([gain, bias]), rtol=1e-6)
    np.testing.assert_array_equal(done.blur, told.kernel(Blur(5, 1.25)))


def test_the_two_arithmetics_differ_in_everything() -> None:
    values = {key: (value,) for key, value in WANTED.items()}
    new, old = (steps_for(Recipe(values, arithmetic=name), "1.jpg", (60, 50)) for name in ("tao5", "tlt2"))
    assert not np.allclose(new.warp.matrix, old.warp.matrix)
    assert not np.allclose(new.colour, old.colour, atol=1)
    assert (len(new.blur), len(old.blur)) == (5, 11)
