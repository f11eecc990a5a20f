"""Recall of the best anchor, by hand and by comparing with all; what is proposed when it is low."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
from runtime.data.columns import Fixed
from runtime.data.split import Split
from runtime.networks.ssd import anchor_fit
from specs.ssd.geometry import anchors as ssd_anchors

pytestmark = pytest.mark.torch

MAPS = ((38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (2, 2))
SCALES = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05)


def anchors(
    *, clip: bool = False, scales: tuple[float, ...] = SCALES, size: tuple[int, int] = (300, 300)
) -> np.ndarray:
    ratios = [[1.0, 2.0, 0.5, 3.0, 1 / 3]] * 6
    return ssd_anchors(
        MAPS, input_size=size, scales=scales, aspect_ratios=ratios, two_boxes_for_ar1=True, clip_boxes=clip
    )


def boxes_of(count: int, *, least: float = 0.02, most: float = 0.7, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    sides, centres = random.uniform(least, most, (count, 2)), random.random((count, 2))
    return np.clip(np.hstack([centres - sides / 2, centres + sides / 2]), 0, 1).astype(np.float32)


def held(values: np.ndarray) -> Fixed:
    column = Fixed(values.dtype, values.shape[1:])
    column.extend(values)
    return column


def split_of(shares: np.ndarray, labels: list[int], size: tuple[int, int] = (400, 200)) -> Split:
    """A picture for every box."""
    count = len(shares)
    return Split(
        roots=(Path(),), names=b"", ends=np.zeros(count, np.int64), folders=np.zeros(count, np.uint16),
        sizes=np.tile(np.array(size, np.int32), (count, 1)), fields={}, starts=np.arange(count + 1),
        columns={"boxes": held(shares * np.array(size * 2, np.float32)), "labels": held(np.array(labels, np.int64))},
    )  # fmt: skip


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("size", [(300, 300), (200, 420)])
def test_it_is_the_best_of_all_anchors(clip: bool, size: tuple[int, int]) -> None:
    boxes, all_anchors = boxes_of(300), anchors(clip=clip, size=size)
    found = anchor_fit.fit(boxes, np.ones(300, np.int64), all_anchors).best
    low = np.maximum(boxes[:, None, :2], all_anchors[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], all_anchors[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None] + (all_anchors[:, 2:] - all_anchors[:, :2]).prod(axis=1)
    assert np.abs(found - (shared / (areas - shared)).max(axis=1)).max() < 1e-4


def test_a_box_by_hand() -> None:
    one = np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]])
    boxes = np.array([[0.0, 0.0, 0.5, 0.25], [0.5, 0.5, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0]], np.float32)
    found = anchor_fit.fit(boxes, np.array([1, 2, 2]), one)
    assert found.best.tolist() == pytest.approx([0.5, 1.0, 0.0])
    assert found.recall(0.5) == pytest.approx(2 / 3)
    assert found.of(2).recall(0.5) == 0.5
    assert found.mean() == pytest.approx(0.5)


def test_anchors_that_fit_need_no_word() -> None:
    boxes = boxes_of(400, least=0.15, most=0.5)
    assert anchor_fit.report(split_of(boxes, [1] * 400), anchors(), ["thing"], (300, 300)) == []


def test_small_boxes_are_told_by_class_with_anchors_that_would_do() -> None:
    small, large = boxes_of(300, least=0.03, most=0.05, seed=1), boxes_of(100, least=0.3, most=0.5, seed=2)
    split = split_of(np.vstack([small, large]), [2] * 300 + [1] * 100, (300, 300))
    lines = anchor_fit.report(split, anchors(), ["shirt", "button"], (300, 300))
    assert re.match(r"only \d+\.\d% of the training boxes have an anchor", lines[0])
    assert re.search(r"worst off: button \d+\.\d% of 300$", lines[1])
    assert "shirt" not in lines[1]
    scales = [float(word) for word in re.findall(r"[\d.]+", next(line for line in lines if "scales:" in line))]
    ratios = next(line for line in lines if "aspect_ratios_global:" in line)
    assert len(scales) == 7
    assert scales[0] < 0.08
    assert '"[1, ' in ratios
    boxes, labels = anchor_fit.shares(split)
    ours = [float(word) for word in re.findall(r"[\d.]+", ratios)]
    better = ssd_anchors(MAPS, input_size=(300, 300), scales=scales, aspect_ratios=[ours] * 6, two_boxes_for_ar1=True)
    assert anchor_fit.fit(boxes, labels, better).recall() > anchor_fit.fit(boxes, labels, anchors()).recall() + 0.2


def test_shares_are_of_the_stored_picture_without_empty_boxes() -> None:
    boxes = np.array([[0.1, 0.1, 0.5, 1.2], [0.4, 0.4, 0.4, 0.9]], np.float32)
    found, labels = anchor_fit.shares(split_of(boxes, [1, 2]))
    assert found == pytest.approx(np.array([[0.1, 0.1, 0.5, 1.0]]))
    assert labels.tolist() == [1]


def test_no_boxes_at_all_is_not_a_matter_of_anchors() -> None:
    assert anchor_fit.report(split_of(np.zeros((0, 4), np.float32), []), anchors(), ["thing"], (300, 300)) == []


def test_many_boxes_are_sampled_where_anchors_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchor_fit, "_MOST_PAIRS", 100_000)
    boxes = boxes_of(2000)
    found = anchor_fit.fit(boxes, np.arange(2000), anchors(clip=True))
    assert 50 < len(found.best) < 2000
    assert (found.labels[0], found.labels[-1]) == (0, 1999)


def test_a_training_says_it_before_it_begins(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from runtime.programs import train

    text = shapes.spec(epochs=1, validation="").read_text()
    spec = tmp_path / "small.conf"
    spec.write_text(
        text.replace("[0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0]", "[0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]")
    )
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert "of the training boxes have an anchor that overlaps" in told
    assert re.search(r'^  scales: "\[[\d., ]+\]"$', told, re.MULTILINE)
