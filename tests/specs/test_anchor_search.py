"""Suggested anchors: the geometry is that of the network, what is suggested covers better and can be trained with."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import specs
from orchestrator.settings.config import flag
from specs.ssd import anchor_search, geometry
from specs.ssd.anchor_search import Anchors, cover, maps, sampled, suggest


def boxes(count: int, *, seed: int = 1, small: float = 0.05, large: float = 0.6) -> Any:
    """Boxes inside the picture, [N, 4] in shares."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(small, large, (count, 2))
    return np.concatenate([rng.uniform(0, 1, (count, 2)) * (1 - sides), sides], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("size", "rows_and_columns"),
    [
        ((300, 300), [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (2, 2)]),
        ((288, 288), [(36, 36), (18, 18), (9, 9), (5, 5), (3, 3), (2, 2)]),
        ((960, 544), [(68, 120), (34, 60), (17, 30), (9, 15), (5, 8), (3, 4)]),
        ((1248, 384), [(48, 156), (24, 78), (12, 39), (6, 20), (3, 10), (2, 5)]),
    ],
)
def test_feature_maps(size: tuple[int, int], rows_and_columns: list[tuple[int, int]]) -> None:
    assert maps(size) == [(columns, rows) for rows, columns in rows_and_columns]


def test_there_are_as_many_as_in_the_network() -> None:
    assert Anchors().count((300, 300)) == 11_658
    assert Anchors(ratios=(1.0, 2.0, 0.5)).per_cell == 4
    assert Anchors(ratios=(2.0, 0.5)).per_cell == 2


@pytest.mark.parametrize("size", [(288, 288), (320, 192), (160, 256)])
@pytest.mark.parametrize("tried", [Anchors(), Anchors((0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.1), (1.0, 0.6, 1.75))])
def test_the_best_overlap_is_that_with_every_anchor_of_the_network(size: tuple[int, int], tried: Anchors) -> None:
    some = boxes(60, large=0.9)
    width, height = size
    every = geometry.anchors(
        [(rows, columns) for columns, rows in maps(size)],
        input_size=(height, width),
        scales=tried.scales,
        aspect_ratios=[tried.ratios] * 6,
        two_boxes_for_ar1=True,
    )
    every = every * [width, height, width, height]
    mine = some.astype(np.float64) * [width, height, width, height]
    mine[:, 2:] += mine[:, :2]
    expected = [best_overlap(box, every) for box in mine]
    np.testing.assert_allclose(cover(tried, some, size).best, expected, atol=2e-5)


def best_overlap(box: Any, others: Any) -> float:
    corner, far = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.maximum(0, far - corner), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - both
    return float((both / union).max())


def test_a_box_that_is_an_anchor_is_covered_wholly_where_it_stands_on_the_grid() -> None:
    tried = Anchors((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), (1.0,))
    found = cover(tried, np.array([[0.45, 0.45, 0.1, 0.1], [0.25, 0.25, 0.5, 0.5]], np.float32), (320, 320))
    np.testing.assert_allclose(found.shape, [1, 1], atol=1e-5)
    assert found.best[0] < found.shape[0]  # the middle of the picture is a corner of cells where they are even
    assert found.best[1] == pytest.approx(1, abs=1e-5)  # and the middle of one where they are odd: 40 20 10 5 3 2


@pytest.mark.parametrize("size", [(288, 288), (960, 544), (300, 520)])
@pytest.mark.parametrize(("small", "large"), [(0.02, 0.15), (0.1, 0.6), (0.5, 0.99)])
def test_what_is_suggested_covers_better_with_as_many(size: tuple[int, int], small: float, large: float) -> None:
    some, others = (boxes(1500, seed=seed, small=small, large=large) for seed in (1, 2))
    found = suggest(some, size)
    before, after = cover(Anchors(), others, size), cover(found, others, size)  # of boxes that it was not fitted to
    assert found.count(size) == Anchors().count(size)
    assert after.recall(0.5) >= before.recall(0.5) - 0.02
    assert after.recall(0.6) > before.recall(0.6)
    assert after.best.mean() > before.best.mean()


def test_the_spec_takes_what_is_suggested() -> None:
    odd = np.array([[0, 0, 1, 1], [0.1, 0.1, 0.001, 0.001], [0, 0, 0.01, 1]], np.float32)
    for some in (boxes(300), boxes(300, small=0.9, large=1.0), boxes(300, small=0.001, large=0.01), odd, odd[:1]):
        for size in ((288, 288), (1248, 384)):
            found = suggest(some, size)
            assert len(found.scales) == 7
            assert all(after > before for before, after in pairwise(found.scales))
            assert found.scales[0] > 0
            assert found.scales[5] <= 1
            assert len(set(found.ratios)) == len(found.ratios) == 5
            given = dict(
                flag(f"{name}={list(values)}")
                for name, values in (("scales", found.scales), ("aspect_ratios_global", found.ratios))
            )
            settings: Any = specs.tunables_from(
                "ssd", {name: told.value for name, told in given.items()}, where=lambda name: name
            )
            assert settings.scales == found.scales
            assert settings.aspect_ratios_global == found.ratios


def test_the_same_boxes_give_the_same_and_none_the_default() -> None:
    some = boxes(900)
    assert suggest(some, (288, 288)) == suggest(some.copy(), (288, 288))
    assert suggest(some[:0], (288, 288)) == Anchors()
    assert cover(Anchors(), some[:0], (288, 288)).recall(0.5) == 0


def test_the_default_is_that_of_the_spec() -> None:
    from specs.ssd.settings import Ssd

    assert Anchors() == Anchors(Ssd().scales, Ssd().aspect_ratios_global)
    assert Ssd().two_boxes_for_ar1


def test_a_sample_is_spread_over_all() -> None:
    some = boxes(5_000)
    chosen = sampled(some, 500)
    assert len(chosen) == 500
    places = np.flatnonzero((some[:, None, 0] == chosen[None, :, 0]).any(axis=1))
    assert np.diff(places).max() < 60
    assert sampled(some, 6_000) is some


def test_many_boxes_take_seconds() -> None:
    some = boxes(200_000)
    start = time.process_time()
    found = suggest(some, (288, 288))
    cover(found, some, (288, 288))
    assert time.process_time() - start < 15  # some 2 on an ordinary core
    assert len(sampled(some)) == anchor_search.SAMPLE
