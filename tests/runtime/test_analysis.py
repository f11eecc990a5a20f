"""Counts, curves, confusions and worst pictures of detections that can be counted by hand; charts that are drawn."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.tasks import ImageInfo
from runtime.tasks.detection.average_precision import precision
from runtime.tasks.detection.evaluation import charts, sheet
from runtime.tasks.detection.evaluation.analysis import GRID, Analysis, total
from runtime.tasks.detection.findings import Collector

A, B, C, D = (0, 0, 20, 20), (30, 0, 50, 20), (0, 30, 20, 50), (30, 30, 50, 50)
CLASSES = ("shirt", "skirt", "dress")

# Picture 0: A shirt found twice, B skirt taken for a shirt. Picture 1: C skirt found, D skirt missed, and a shirt where
# nothing is. Picture 2: nothing there, nothing found above 0.2. Nobody wears a dress.
PICTURES: list[tuple[list[tuple[Any, int, float]], list[tuple[Any, int, bool]]]] = [
    ([(A, 1, 0.9), (A, 1, 0.6), (B, 1, 0.8)], [(A, 1, False), (B, 2, False)]),
    ([(C, 2, 0.75), (A, 1, 0.5), (D, 2, 0.1)], [(C, 2, False), (D, 2, False)]),
    ([(B, 1, 0.15)], []),
]


def collected(pictures: Any = PICTURES) -> Any:
    collector = Collector(CLASSES)
    for found, truth in pictures:
        collector.add(
            {
                "boxes": [each[0] for each in found],
                "labels": [each[1] for each in found],
                "scores": [each[2] for each in found],
            },
            {
                "boxes": [each[0] for each in truth],
                "labels": [each[1] for each in truth],
                "difficult": [each[2] for each in truth],
            },
            ImageInfo("", (64, 64), (64, 64)),
        )
    return collector.findings()


def test_the_table_counts_what_is_above_the_threshold() -> None:
    shirt, skirt, dress = Analysis(collected(), 0.5, 0.2).table()
    keys = ("objects", "detections", "true_positives", "false_positives", "missed")
    assert [row["images"] for row in (shirt, skirt, dress)] == [1, 2, 0]
    assert [shirt[key] for key in keys] == [1, 4, 1, 3, 0]
    assert [skirt[key] for key in keys] == [3, 1, 1, 0, 2]
    assert [dress[key] for key in keys] == [0, 0, 0, 0, 0]
    assert (shirt["precision"], shirt["recall"], shirt["f1"]) == pytest.approx((1 / 4, 1, 2 / 5))
    assert (skirt["precision"], skirt["recall"], skirt["f1"]) == pytest.approx((1, 1 / 3, 1 / 2))
    assert (dress["precision"], dress["recall"], dress["f1"]) == (None, None, None)
    everything = total([shirt, skirt, dress])
    assert [everything[key] for key in keys] == [4, 5, 2, 3, 2]
    assert everything["f1"] == pytest.approx(2 * 2 / (5 + 4))


def test_a_score_equal_to_the_threshold_counts() -> None:
    counted = [Analysis(collected(), 0.5, threshold).table()[1]["detections"] for threshold in (0.74, 0.75, 0.76)]
    assert counted == [1, 1, 0]


def test_the_best_threshold_is_that_of_the_mean_f1() -> None:
    analysis = Analysis(collected(), 0.5)
    # F1 of shirt and skirt: 1 and 0 from 0.8 to 0.9, 2/3 and 1/2 below 0.75, 1/3 and 4/5 below 0.1.
    tried = {threshold: np.mean([curve.at([threshold])[2] for curve in analysis.curves[:2]]) for threshold in (
        0.05, 0.12, 0.3, 0.55, 0.65, 0.77, 0.85)}  # fmt: skip
    assert analysis.mean_over_grid[2].max() == pytest.approx(max(tried.values()))
    assert tried[max(tried, key=lambda threshold: tried[threshold])] == pytest.approx(
        np.mean([curve.at([analysis.threshold])[2] for curve in analysis.curves[:2]])
    )
    shirt = analysis.table()[0]
    assert shirt["best_f1"] == 1
    assert 0.8 < shirt["best_f1_threshold"] <= 0.9


def test_precision_recall_and_f1_over_the_threshold_and_their_means() -> None:
    """By hand, of the pictures above: shirts score .9 (right), .8, .6, .5, .15; skirts .75 and .1 (both right)."""
    analysis = Analysis(collected(), 0.5)
    by_hand = {
        0.05: ((1 / 5, 1, 2 / 6), (1, 2 / 3, 4 / 5)),
        0.55: ((1 / 3, 1, 2 / 4), (1, 1 / 3, 2 / 4)),
        0.85: ((1, 1, 1), (1, 0, 0)),
        0.95: ((1, 0, 0), (1, 0, 0)),
    }
    assert list(analysis.over_grid) == [0, 1], "of a dress there is nothing to find"
    for threshold, (shirt, skirt) in by_hand.items():
        at = int(np.argmin(abs(GRID - threshold)))
        assert analysis.over_grid[0][:, at].tolist() == pytest.approx(shirt)
        assert analysis.over_grid[1][:, at].tolist() == pytest.approx(skirt)
        assert analysis.mean_over_grid[:, at].tolist() == pytest.approx(np.mean([shirt, skirt], axis=0))
    # The mean F1 is best, 7/12, from .61 to .75: one shirt of two is right, and one skirt of three is there.
    assert analysis.means == pytest.approx((3 / 4, 2 / 3, 7 / 12))
    assert replace(analysis, wanted=0.55).means == pytest.approx((2 / 3, 2 / 3, 1 / 2))
    nothing = Analysis(collected([([], [(A, 1, False)])]), 0.5)
    assert nothing.means == (0, 0, 0), "what says nothing is not precise"


def test_who_was_taken_for_whom() -> None:
    counts = Analysis(collected(), 0.5, 0.2).confusion()
    #                         shirt skirt dress missed
    assert counts.tolist() == [[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0], [2, 0, 0, 0]]


def test_a_confusion_pairs_each_object_and_each_detection_once() -> None:
    near = (2, 0, 22, 20)
    twice = [([(A, 1, 0.9), (near, 1, 0.8)], [(A, 2, False)]), ([(A, 1, 0.9)], [(A, 2, False), (near, 3, False)])]
    counts = Analysis(collected(twice), 0.5, 0.2).confusion()
    assert counts.tolist() == [[0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


def test_rows_of_the_confusion_are_the_objects_and_its_diagonal_the_table() -> None:
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(30):
        truth = [(tuple(box), int(random.integers(1, 4)), False) for box in corners(random, 3)]
        found = [(np.array(box) + random.normal(0, 2, 4), label, random.random()) for box, label, _ in truth]
        found += [(box, int(random.integers(1, 4)), random.random()) for box in corners(random, 6)]
        found = [(box, int(random.integers(1, 4)) if random.random() < 0.3 else label, s) for box, label, s in found]
        pictures.append((found, truth))
    analysis = Analysis(collected(pictures), 0.5, 0.3)
    counts, rows = analysis.confusion(), analysis.table()
    assert counts[:-1].sum(axis=1).tolist() == [row["objects"] for row in rows]
    assert counts[:, :-1].sum(axis=0).tolist() == [row["detections"] for row in rows]
    assert counts.diagonal()[:-1].tolist() == [row["true_positives"] for row in rows]
    assert counts[-1, -1] == 0
    assert counts[:-1, :-1].sum() > counts.diagonal().sum() > 20


def corners(random: np.random.Generator, count: int) -> Any:
    low = random.uniform(0, 40, (count, 2))
    return np.concatenate([low, low + random.uniform(10, 24, (count, 2))], 1)


def test_difficult_objects_are_neither_missed_nor_found() -> None:
    pictures = [([(A, 1, 0.9), (A, 1, 0.8)], [(A, 1, True), (B, 1, True)])]
    analysis = Analysis(collected(pictures), 0.5, 0.2)
    row = analysis.table()[0]
    assert (row["objects"], row["detections"], row["true_positives"], row["missed"]) == (0, 1, 0, 0)
    assert analysis.confusion()[-1].tolist() == [1, 0, 0, 0]
    assert [(each.missed, len(each.wrong)) for each in analysis.worst(3)] == [(0, 1)]


def test_the_curve_ends_where_no_more_is_found() -> None:
    precision, recall = Analysis(collected(), 0.5).curves[1].precision_recall
    assert (len(precision), recall[0], recall[-1]) == (101, 1.0, 0.0)
    # C and D are found, B never: two of three, and no wrong skirt before them.
    assert precision[recall < 2 / 3].min() == 1
    assert precision[recall > 2 / 3].max() == 0


def test_the_worst_come_first_and_good_ones_not_at_all() -> None:
    worst = Analysis(collected(), 0.5, 0.2).worst(10)
    assert [(each.number, each.missed) for each in worst] == [(0, 1), (1, 1)]
    assert worst[0].wrong == pytest.approx((0.8, 0.6))
    assert sheet.told(worst[0]) == "1 found, 1 missed, 2 wrong (surest 0.80)"
    assert len(Analysis(collected(), 0.5, 0.2).worst(1)) == 1


def test_the_best_are_those_with_least_wrong_then_with_most_found_then_the_surest() -> None:
    pictures: Any = [
        ([], []),
        ([(A, 1, 0.9)], [(A, 1, False)]),
        ([(A, 1, 0.8), (C, 2, 0.7)], [(A, 1, False), (C, 2, False)]),
        ([(A, 1, 0.95)], [(A, 1, False)]),
        ([(A, 1, 0.9), (C, 1, 0.5)], [(A, 1, False)]),
        ([], [(A, 1, False)]),
        ([(A, 1, 0.9)], [(A, 1, True)]),
    ]
    analysis = Analysis(collected(pictures), 0.5, 0.2)
    best = analysis.best(10)
    assert [each.number for each in best] == [2, 3, 1, 4], "nothing to find, nothing found, and difficult ones are not"
    assert [each.number for each in analysis.best(2)] == [2, 3]
    assert [sheet.told(each) for each in best] == ["2 found", "1 found", "1 found", "1 found, 1 wrong (surest 0.50)"]


def test_classes_without_an_object_are_left_out_of_the_mean_unless_strict() -> None:
    for strict, mean in ((True, 1 / 3), (False, 1.0)):
        collector = Collector(CLASSES)
        found = {"boxes": [A, B], "labels": [1, 2], "scores": [0.9, 0.8]}
        collector.add(found, {"boxes": [A], "labels": [1]}, ImageInfo("", (64, 64), (64, 64)))
        result = precision(collector.findings(), mode="SAMPLE", iou=0.5, strict=strict)
        assert result.absent == {"skirt", "dress"}
        assert result.mean == pytest.approx(mean)


def test_nothing_at_all_can_be_looked_at(tmp_path: Path) -> None:
    analysis = Analysis(collected([([], [])]), 0.5)
    assert analysis.worst(3) == analysis.best(3) == []
    assert analysis.confusion().sum() == 0
    assert all(row["f1"] is None for row in analysis.table())
    charts.precision_recall(tmp_path / "pr.png", analysis, [0, 0, 0], about="")
    for measure in charts.MEASURES:
        charts.over_threshold(tmp_path / f"{measure}.png", analysis, measure, about="")
    charts.confusion(tmp_path / "confusion.png", analysis.confusion(), CLASSES, about="")
    assert all(Image.open(path).size[0] > 300 for path in tmp_path.iterdir())


@pytest.mark.parametrize("classes", [1, 3, 13, 40])
def test_charts_have_the_colours_of_what_they_show(classes: int, tmp_path: Path) -> None:
    names = [f"class_{k}" for k in range(classes)]
    collector = Collector(names)
    for k in range(classes):
        collector.add(
            {"boxes": [A, B], "labels": [k + 1, 1], "scores": [0.9, 0.4]},
            {"boxes": [A, C], "labels": [k + 1, k + 1]},
            ImageInfo("", (64, 64), (64, 64)),
        )
    analysis = Analysis(collector.findings(), 0.5, 0.3)
    path = tmp_path / "chart.png"
    charts.confusion(path, analysis.confusion(), names, about="about")
    picture = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    blue = (picture[:, 2] > picture[:, 0] + 60).mean()
    red = (picture[:, 0] > picture[:, 2] + 40).mean()
    assert blue > 0.2 / (classes + 1) ** 2 * classes
    assert red > 0.1 / (classes + 1) ** 2 * classes
    charts.precision_recall(path, analysis, [0.5] * classes, about="about")
    charts.over_threshold(path, analysis, "precision", about="about")
    assert Image.open(path).size == Image.open(path).convert("RGB").size


def test_the_sheet_frames_misses_and_wrongs_in_their_colours(tmp_path: Path) -> None:
    places = []
    for number in range(3):
        Image.new("RGB", (128, 64), (90, 90, 90)).save(tmp_path / f"{number}.png")
        places.append((f"{number}.png", tmp_path / f"{number}.png"))
    analysis = Analysis(collected(), 0.5, 0.2)
    content = sheet.draw(analysis, analysis.worst(3), places[:2], title="title", about="about")
    pixels = np.asarray(Image.open(BytesIO(content)))[sheet.HEAD :].reshape(-1, 3)
    for kind, colour in sheet.KINDS.items():
        assert (pixels == colour).all(axis=1).sum() > 200, kind
