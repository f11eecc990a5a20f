"""Run lengths: the same bytes and pixels as pycocotools has, and a ValueError for all that is no mask."""

from __future__ import annotations

import random

import numpy as np
import pytest
from pycocotools import mask as reference

from converters.model import Box, Mask, run_lengths


def pictures() -> list[np.ndarray]:
    chance = np.random.default_rng(7)
    drawn = [(chance.random((int(h), int(w))) < share).astype(np.uint8) for h, w, share in SHAPES]
    disc = np.hypot(*(np.indices((480, 640)) - np.array([240, 320])[:, None, None])) < 200
    return [*drawn, np.zeros((5, 7), np.uint8), np.ones((5, 7), np.uint8), disc.astype(np.uint8), np.eye(40)]


SHAPES = [(1, 1, 0.5), (1, 9, 0.5), (9, 1, 0.5), (30, 50, 0.1), (30, 50, 0.9), (200, 300, 0.01), (2000, 3000, 0.00001)]


@pytest.mark.parametrize("pixels", pictures(), ids=lambda pixels: f"{pixels.shape}")
def test_equals_pycocotools(pixels: np.ndarray) -> None:
    theirs = reference.encode(np.asfortranarray(pixels, np.uint8))
    mask = run_lengths.encode(pixels)
    assert (mask.height, mask.width) == tuple(theirs["size"])
    assert mask.counts == theirs["counts"]
    assert np.array_equal(run_lengths.decode(mask), pixels)
    assert run_lengths.area(mask) == reference.area(theirs) == pixels.sum()
    left, top, width, height = reference.toBbox(theirs)
    found = run_lengths.box(mask)
    assert found == (Box(left, top, left + width, top + height) if pixels.any() else None)


def test_takes_runs_as_other_tools_write_them() -> None:
    theirs = reference.frPyObjects({"size": [60, 80], "counts": [47, 31, 0, 22, 4700]}, 60, 80)
    mask = run_lengths.compressed([47, 31, 0, 22, 4700], 80, 60)
    assert mask == Mask(80, 60, theirs["counts"])
    assert run_lengths.runs(mask).tolist() == [47, 31, 0, 22, 4700]
    assert run_lengths.box(mask) == Box(0, 0, 2, 60), "a run over the edge of a column"


@pytest.mark.parametrize(
    "counts", [b"", b"_1o0", b"o", b"\x00", b"\xff", b"oooooooooooooo0", b"P", b"0P", b"nnnnnn1" * 9, b"0" * 99]
)
def test_damaged_counts_are_refused(counts: bytes) -> None:
    for function in (run_lengths.runs, run_lengths.decode, run_lengths.area, run_lengths.box):
        with pytest.raises(ValueError, match="run"):
            function(Mask(80, 60, counts))


@pytest.mark.parametrize(
    "runs", [[], [4799], [-1, 4801], [2**62, 2**62, 4800], [2**64, 1], [0.5], ["a"], [None], [[4800]], [True], [10**30]]
)
def test_runs_that_do_not_fill_a_mask_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        run_lengths.compressed(runs, 80, 60)


@pytest.mark.parametrize("size", [(0, 60), (-80, -60), (1 << 20, 1 << 20)])
def test_sizes_that_no_picture_has_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="a mask cannot have"):
        run_lengths.compressed([size[0] * size[1]], *size)


def test_noise_is_refused_or_is_a_mask() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        counts = bytes(chance.randrange(44, 116) for _ in range(chance.randrange(12)))
        try:
            mask = run_lengths.encode(run_lengths.decode(Mask(3, 2, counts)))
        except ValueError:
            continue
        assert run_lengths.runs(mask).sum() == 6
