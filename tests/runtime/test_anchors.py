"""Anchors against NVIDIA's anchor layer, equal in float32."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from runtime.networks.ssd.anchors import anchors, per_cell, sizes

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[1] / "golden/ssd"
CASES = json.loads((GOLDEN / "anchors.json").read_text())
ONE_MAP = {"input_size": (100, 200), "aspect_ratios": [(1.0,)], "two_boxes_for_ar1": False}


def of(case):
    return anchors(
        case["feature_maps"],
        input_size=tuple(case["hw"]),
        scales=case["scales"],
        aspect_ratios=[case["aspect_ratios_global"]] * 6,
        two_boxes_for_ar1=case["two_boxes_for_ar1"],
        clip_boxes=case["clip_boxes"],
    )


@pytest.mark.parametrize("name", CASES)
def test_anchors_are_nvidias(name: str) -> None:
    boxes = of(CASES[name])
    assert len(boxes) == CASES[name]["n_anchors"]
    with np.load(GOLDEN / "anchors.npz") as golden:
        np.testing.assert_array_equal(boxes.astype(np.float32)[::7], golden[name])
    np.testing.assert_allclose(boxes.sum(axis=0), CASES[name]["sum_xmin_ymin_xmax_ymax"], rtol=1e-9)


def test_clipping_stops_one_pixel_short() -> None:
    boxes = anchors([(1, 1)], scales=(3.0, 3.0), clip_boxes=True, **ONE_MAP)
    np.testing.assert_allclose(boxes * [200, 100, 200, 100], [[0, 0, 199, 99]])


def test_ratio_one_is_square_in_pixels_and_follows_the_shorter_side() -> None:
    (left, top, right, bottom), *_ = anchors([(1, 1)], scales=(0.5, 0.5), **ONE_MAP) * [200, 100, 200, 100]
    assert (right - left, bottom - top) == (50, 50)


def test_steps_and_offsets_place_the_centres() -> None:
    boxes = anchors([(2, 2)], scales=(0.1, 0.1), steps=[(30, 60)], offsets=[(0.25, 0.75)], **ONE_MAP)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 * [200, 100]
    np.testing.assert_allclose(centres, [[45, 7.5], [105, 7.5], [45, 37.5], [105, 37.5]])


def test_the_second_square_follows_the_first() -> None:
    shapes = sizes((2.0, 1.0), scale=0.25, next_scale=1.0, side=100, two_boxes_for_ar1=True)
    np.testing.assert_allclose(shapes, [(25 * 2**0.5, 25 / 2**0.5), (25, 25), (50, 50)])
    assert per_cell((2.0, 1.0), two_boxes_for_ar1=True) == 3
    assert per_cell((2.0, 0.5), two_boxes_for_ar1=True) == 2
