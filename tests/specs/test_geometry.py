"""Anchors against NVIDIA's anchor layer, equal in float32."""

import json
from pathlib import Path

import numpy as np
import pytest

from specs.ssd.geometry import anchors, per_cell, sizes

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


def by_definition(maps, size, scales, ratios, two, clip, steps, offsets):
    """Section by section what NVIDIA's layer does, one anchor at a time."""
    height, width = size
    found = []
    for i, (rows, columns) in enumerate(maps):
        step = steps[i] if steps else (height / rows, width / columns)
        offset = offsets[i] if offsets else (0.5, 0.5)
        shapes = []
        for ratio in ratios[i]:
            side = scales[i] * min(size)
            shapes.append((side * ratio**0.5, side / ratio**0.5))
            if ratio == 1 and two:
                shapes.append(((scales[i] * scales[i + 1]) ** 0.5 * min(size),) * 2)
        for row in range(rows):
            for column in range(columns):
                x, y = (offset[1] + column) * step[1], (offset[0] + row) * step[0]
                for w, h in shapes:
                    box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
                    if clip:
                        for k, limit in enumerate((width, height, width, height)):
                            box[k] = limit - 1 if box[k] >= limit else max(box[k], 0)
                    found.append([value / limit for value, limit in zip(box, (width, height) * 2, strict=True)])
    return np.array(found)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("placed", [False, True])
def test_anchors_by_definition(clip: bool, two: bool, placed: bool) -> None:
    maps, size = [(5, 8), (3, 4), (2, 2), (1, 1), (1, 1), (1, 1)], (130, 257)
    ratios = [(1.0,), (2.0, 1.0, 0.5), (3.0, 1 / 3), (1.0, 1.5), (0.33, 1.0), (1.0,)]
    scales = (0.07, 0.2, 0.37, 0.54, 0.71, 0.95, 1.2)
    steps = [(26, 30), (43, 64), (60.5, 128), (130, 257), (100, 200), (130, 257)] if placed else None
    offsets = [(0.25, 0.75), (0.5, 0.4), (0.5, 0.5), (0.1, 0.9), (0.5, 0.5), (0.3, 0.6)] if placed else None
    found = anchors(
        maps,
        input_size=size,
        scales=scales,
        aspect_ratios=ratios,
        two_boxes_for_ar1=two,
        clip_boxes=clip,
        steps=steps,
        offsets=offsets,
    )
    wanted = by_definition(maps, size, scales, ratios, two, clip, steps, offsets)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)
