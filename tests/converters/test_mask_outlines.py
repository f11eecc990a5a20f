"""The outline of a mask: exactly its pixels, with its box, in one ring."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import converters
from converters.model import Box, geometry, mask_outlines, run_lengths
from converters.transfer.convert import convert
from tltpipe.progress import Silent


def test_one_pixel() -> None:
    mask = run_lengths.encode(np.eye(1, 3, 1))
    assert mask_outlines.outline(mask) == (1, 0, 2, 0, 2, 1, 1, 1)


def test_a_hole_and_an_island_in_it() -> None:
    pixels = np.ones((5, 5))
    pixels[1:4, 1:4] = 0
    pixels[2, 2] = 1
    ring = mask_outlines.outline(run_lengths.encode(pixels))
    assert geometry.signed_area(ring) == 17
    inside = [[geometry.contains(ring, x + 0.43, y + 0.41) for x in range(5)] for y in range(5)]
    assert inside == pixels.astype(bool).tolist()


def test_nothing_has_no_outline() -> None:
    assert mask_outlines.outline(run_lengths.encode(np.zeros((3, 4)))) == ()


def test_every_pixel_of_any_mask_and_no_other() -> None:
    chance = np.random.default_rng(1)
    for _ in range(60):
        height, width = chance.integers(1, 10, 2)
        pixels = chance.random((height, width)) < chance.uniform(0.1, 0.9)
        if not pixels.any():
            continue
        mask = run_lengths.encode(pixels)
        ring = mask_outlines.outline(mask)
        assert geometry.extent([ring]) == run_lengths.box(mask)
        assert geometry.signed_area(ring) == pytest.approx(pixels.sum())
        inside = [[geometry.contains(ring, x + 0.437, y + 0.413) for x in range(width)] for y in range(height)]
        assert inside == pixels.tolist()


def test_noise_takes_seconds_at_most() -> None:
    pixels = np.random.default_rng(1).random((300, 400)) < 0.5
    start = time.monotonic()
    ring = mask_outlines.outline(run_lengths.encode(pixels))
    assert geometry.signed_area(ring) == pytest.approx(pixels.sum())
    assert time.monotonic() - start < 20


def test_an_item_with_a_mask_alone_keeps_it_as_a_polygon(tmp_path: Path) -> None:
    pixels = np.zeros((60, 80))
    pixels[10:40, 20:50] = 1
    pixels[15:20, 25:30] = 0
    pixels[50:55, 60:70] = 1
    lengths = np.diff(np.flatnonzero(np.diff(pixels.ravel(order="F"), prepend=0, append=0)), prepend=0)
    counts = [*lengths.tolist(), int(pixels.size - lengths.sum())]
    item = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 10, 50, 45], "iscrowd": 0}
    item["segmentation"] = {"size": [60, 80], "counts": counts}
    images = [{"id": 1, "file_name": "1.png", "width": 80, "height": 60}]
    page = {"images": images, "annotations": [item], "categories": [{"id": 1, "name": "dog"}]}
    root = tmp_path / "set"
    root.mkdir()
    Image.new("RGB", (80, 60)).save(root / "1.png")
    (root / "train.json").write_text(json.dumps(page))
    done = convert(root, tmp_path / "out", format="yolo", options={"task": "segment"}, progress=Silent(), workers=1)
    assert done.splits["train"].dropped == {}
    (thing,) = next(iter(converters.read("yolo", tmp_path / "out"))).objects
    assert thing.box == Box(20, 10, 70, 55)
    assert geometry.area(thing.polygons[0]) == pytest.approx(pixels.sum(), abs=0.01)


@pytest.mark.parametrize(
    ("other", "area"),
    [
        ((40, 40, 70, 40, 70, 70, 40, 70), 2400),
        ((20, 20, 40, 20, 40, 40, 20, 40), 1600),
        ((60, 60, 70, 60, 70, 70), 1650),
    ],
    ids=["overlapping", "inside", "apart"],
)
def test_one_ring_covers_what_two_cover(other: tuple[float, ...], area: float) -> None:
    """Rings in a chain would be filled by the odd number of times they wind around a point: not where both are."""
    ring = mask_outlines.united([(10, 10, 50, 10, 50, 50, 10, 50), other], 80, 80)
    assert geometry.area(ring) == area
    inside = [[geometry.contains(ring, x + 0.437, y + 0.413) for x in range(80)] for y in range(80)]
    assert np.sum(inside) == pytest.approx(area, abs=6)
    assert inside[45][45]
