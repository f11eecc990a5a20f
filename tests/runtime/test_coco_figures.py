"""COCO's figures against the programs that others trust, on random and on awkward detections."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from runtime.tasks import ImageInfo
from runtime.tasks.detection.evaluation import coco
from runtime.tasks.detection.findings import Collector, Findings
from runtime.tasks.detection.matching import match, overlaps

CLASSES = ("shirt", "skirt", "dress", "vest")
PACKAGES = {"faster-coco-eval": "faster_coco_eval", "pycocotools": "pycocotools"}
NOTHING: dict[str, Any] = {"boxes": np.zeros((0, 4)), "labels": [], "scores": []}


def draw(
    seed: int,
    *,
    pictures: int = 40,
    found: int = 30,
    rounded: bool = False,
    empty: Callable[[int], bool] = lambda _: False,
    blind: Callable[[int], bool] = lambda _: False,
    absent: int | None = None,
    size: tuple[int, int] | None = None,
    crowds: bool = False,
) -> Findings:
    """Objects and detections near them, some of another class, some anywhere.

    ``empty`` pictures have no object, in ``blind`` ones nothing is found, ``absent`` is a class without objects.
    ``rounded``: scores and boxes on a coarse grid, so that many are equal.
    """
    random = np.random.default_rng(seed)
    collector = Collector(CLASSES)
    for picture in range(pictures):
        count = 0 if empty(picture) else int(random.integers(1, 7))
        corner, span = random.uniform(0, 300, (count, 2)), np.exp(random.uniform(1.5, 5.5, (count, 2)))
        objects, labels = np.concatenate([corner, corner + span], 1), random.integers(1, 5, count)
        if absent is not None:
            labels[labels == absent] = absent % 4 + 1
        boxes, scores = random.uniform(0, 300, (found, 4)), random.random(found)
        boxes[:, 2:] = boxes[:, :2] + random.uniform(2, 150, (found, 2))
        kinds = random.integers(1, 5, found)
        for k in range(found if count else 0):
            if random.random() < 0.7:
                near = int(random.integers(count))
                boxes[k] = objects[near] + random.normal(0, 0.08, 4) * np.tile(span[near], 2)
                boxes[k, 2:] = np.maximum(boxes[k, 2:], boxes[k, :2] + 1)
                kinds[k] = labels[near] if random.random() < 0.8 else kinds[k]
        if rounded:
            objects, boxes, scores = np.rint(objects / 24) * 24, np.rint(boxes / 24) * 24, np.round(scores, 1)
            for each in (objects, boxes):
                each[:, 2:] = np.maximum(each[:, 2:], each[:, :2] + 24)
        detections = NOTHING if blind(picture) else {"boxes": boxes, "labels": kinds, "scores": scores}
        truth: dict[str, Any] = {"boxes": objects, "labels": labels}
        if crowds:
            truth |= {"crowd": random.random(count) < 0.3, "area": span.prod(axis=1) * random.uniform(0.3, 1, count)}
        collector.add(detections, truth, ImageInfo("", (640, 480), size or (480, 640)))
    return collector.findings()


CASES: dict[str, dict[str, Any]] = {
    "random": {},
    "more than a hundred of a class": {"found": 600, "pictures": 6},
    "equal scores and overlaps": {"rounded": True, "pictures": 80},
    "pictures without objects": {"empty": lambda k: k % 3 == 0},
    "pictures without detections": {"blind": lambda k: k % 2 == 0},
    "no detections at all": {"blind": lambda _: True},
    "no objects at all": {"empty": lambda _: True},
    "a class without objects": {"absent": 2},
    "one picture": {"pictures": 1},
    "squeezed into a network": {"size": (300, 300)},
    "crowds, and areas of masks": {"crowds": True},
}


@pytest.fixture(scope="module")
def judges() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        yield importlib.import_module("coco_judges")


@pytest.mark.parametrize("judge", PACKAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_twelve_figures_are_the_judges(case: str, judge: str, judges: ModuleType) -> None:
    pytest.importorskip(PACKAGES[judge])
    for seed in (1, 2):
        findings = draw(seed, **CASES[case])
        ours, theirs = coco.measure(findings).figures, judges.figures(findings, judge)
        assert list(ours) == list(theirs) == list(coco.NAMES)
        assert list(ours.values()) == pytest.approx(list(theirs.values()), abs=1e-6, nan_ok=True)
    if "at all" not in case:
        assert 0.05 < ours["AP"] < 0.95, "the case has something to measure"


def test_every_precision_and_recall_of_every_class_is_pycocotools(judges: ModuleType) -> None:
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    kept: list[Any] = []

    class Kept(evaluation.COCOeval):  # type: ignore[misc, name-defined]
        def accumulate(self, p: Any = None) -> None:
            super().accumulate(p)
            kept.append(self.eval)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "COCOeval", Kept)
        findings = draw(3, absent=2)
        judges.figures(findings, "pycocotools")
    ours = coco.measure(findings)
    theirs = kept[0]["precision"][..., -1]  # thresholds, recalls, classes, areas
    np.testing.assert_allclose(ours.precision, theirs.transpose(3, 0, 1, 2), atol=1e-9)
    np.testing.assert_allclose(ours.recall, kept[0]["recall"].transpose(2, 0, 3, 1), atol=1e-9)
    per_class = ours.per_class()
    assert math.isnan(per_class[1])
    assert ours.figures["AP"] == pytest.approx(np.nanmean(per_class))


def test_areas_are_those_of_the_stored_picture() -> None:
    """The same box is small in a picture of the network's size, and large in one four times as wide and high."""
    box = [[10, 10, 40, 40]]
    for stored, area in (((64, 64), "APs"), ((128, 128), "APm"), ((256, 256), "APl")):
        collector = Collector(("shirt",))
        collector.add(
            {"boxes": box, "labels": [1], "scores": [0.9]},
            {"boxes": box, "labels": [1]},
            ImageInfo("", stored, (64, 64)),
        )
        figures = coco.measure(collector.findings()).figures
        measured = {name for name in ("APs", "APm", "APl") if not math.isnan(figures[name])}
        assert measured == {area}
        assert figures[area] == pytest.approx(1)


def slow_match(found: Any, truth: Any, threshold: float, *, last: bool) -> list[int]:
    """The rule said in words, one detection after the other."""
    taken: set[int] = set()
    result = []
    for box in found:
        best, chosen = threshold, -1
        for n, other in enumerate(truth):
            overlap = float(overlaps(np.array([box]), np.array([other]))[0])
            better = overlap >= best if last or chosen < 0 else overlap > best
            if n not in taken and better:
                best, chosen = overlap, n
        taken |= {chosen} - {-1}
        result.append(chosen)
    return result


@pytest.mark.parametrize("ties", ["first", "last"])
def test_rounds_find_what_one_by_one_finds(ties: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.tasks.detection.matching.CHUNK", 40)  # many small parts must not matter
    random = np.random.default_rng(5)
    found_groups, truth_groups = np.sort(random.integers(0, 12, 200)), np.sort(random.integers(0, 12, 60))
    boxes = [np.rint(random.uniform(0, 8, (count, 4))) for count in (200, 60)]
    for each in boxes:
        each[:, 2:] = each[:, :2] + np.rint(random.uniform(2, 6, (len(each), 2)))
    thresholds = np.array([0.3, 0.5])
    matches = match(found_groups, boxes[0], truth_groups, boxes[1], thresholds=thresholds, ties=ties)
    got = np.full((2, 200), -1)
    got[:, matches.found] = matches.truth
    for t, threshold in enumerate(thresholds):
        for group in range(12):
            mine, theirs = np.flatnonzero(found_groups == group), np.flatnonzero(truth_groups == group)
            expected = slow_match(boxes[0][mine], boxes[1][theirs], threshold, last=ties == "last")
            assert got[t, mine].tolist() == [theirs[n] if n >= 0 else -1 for n in expected]
    assert (got >= 0).sum() > 40
