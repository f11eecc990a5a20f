"""COCO's figures of 5,000 pictures with 100 detections each in 13 classes: how fast, beside those who count the same.

Every judge is given its records in memory and loads them, since it must; we are given arrays, picture by picture, and
collect them. All figures must agree within 1e-6. NVIDIA's average precision and the
tables at a threshold are timed beside them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import coco_judges as judges
import measure
import numpy as np

from runtime.tasks import ImageInfo
from runtime.tasks.detection import average_precision
from runtime.tasks.detection.evaluation import coco
from runtime.tasks.detection.evaluation.analysis import Analysis
from runtime.tasks.detection.findings import Collector, Findings

CLASSES = tuple(f"class {k}" for k in range(1, 14))
SIZE = (288, 288)
TARGET = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100, help="a picture")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pictures = draw(options.pictures, options.detections)
    findings = collect(pictures)
    print(f"{findings.pictures:,} pictures, {len(findings.truth):,} objects, {len(findings.found):,} detections")
    turns: dict[str, Callable[[], Any]] = {name: judge(findings, name) for name in judges.JUDGES}
    turns["tltpipe"] = lambda: coco.measure(collect(pictures)).figures
    took: dict[str, list[float]] = {name: [] for name in turns}
    figures: dict[str, dict[str, float]] = {}
    for _ in range(options.rounds):
        for name, turn in turns.items():
            began = time.perf_counter()
            figures[name] = turn()
            took[name].append(time.perf_counter() - began)
    for name, seconds in took.items():
        furthest = max(abs(figures[name][each] - figures["pycocotools"][each]) for each in coco.NAMES)
        ratios = [slow / own for slow, own in zip(took["pycocotools"], seconds, strict=True)]
        speed = f"{median(seconds):.2f} s, {median(ratios):.1f} x the speed of pycocotools"
        print(f"{name}: {speed}, figures within {furthest:.1g} of its")
        assert furthest <= 1e-6
    ratios = [slow / own for slow, own in zip(took["pycocotools"], took["tltpipe"], strict=True)]
    told = f"{min(ratios):.1f} to {max(ratios):.1f} x the speed of pycocotools"
    measure.told(told, f"{TARGET:g}", met=min(ratios) >= TARGET, bound="least")
    rounded = average_precision.in_whole_pixels(findings)
    for text, action in {
        "collect, picture by picture": lambda: collect(pictures),
        "NVIDIA's, SAMPLE": lambda: average_precision.precision(rounded, mode="SAMPLE", iou=0.5, strict=False),
        "NVIDIA's, INTEGRATE": lambda: average_precision.precision(rounded, mode="INTEGRATE", iou=0.5, strict=False),
        "tables, curves, confusions, worst": lambda: everything(rounded),
    }.items():
        print(f"{text}: {measure.best_of(options.rounds, action):.2f} s")


def draw(pictures: int, detections: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Five objects a picture or so, and detections."""
    random, made = np.random.default_rng(0), []
    for _ in range(pictures):
        count = int(random.integers(1, 10))
        low, span = random.uniform(0, 200, (count, 2)), np.exp(random.uniform(2.3, 5.0, (count, 2)))
        truth = {"boxes": np.concatenate([low, low + span], 1), "labels": random.integers(1, 14, count)}
        made.append((detections_near(random, truth, detections), truth))
    return made


def detections_near(random: np.random.Generator, truth: dict[str, Any], count: int) -> dict[str, Any]:
    """Of ``count`` detections half lie near an object of ``truth``, most of its class, and score higher."""
    objects, labels = truth["boxes"], truth["labels"]
    near, right = random.integers(0, len(labels), count), random.random(count)
    span = objects[near, 2:] - objects[near, :2]
    boxes = objects[near] + random.normal(0, 0.07, (count, 4)) * np.tile(span, 2)
    lost = right > 0.5
    boxes[lost, :2] = random.uniform(0, 200, (int(lost.sum()), 2))
    boxes[lost, 2:] = boxes[lost, :2] + random.uniform(8, 88, (int(lost.sum()), 2))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    kinds = np.where(right < 0.4, labels[near], random.integers(1, 14, count))
    scores = np.where(right < 0.4, random.beta(4, 2, count), random.beta(1, 5, count))
    return {"boxes": boxes, "labels": kinds, "scores": scores}


def collect(pictures: list[tuple[dict[str, Any], dict[str, Any]]]) -> Findings:
    collector = Collector(CLASSES)
    for found, truth in pictures:
        collector.add(found, truth, ImageInfo("", (640, 480), SIZE))
    return collector.findings()


def judge(findings: Findings, name: str) -> Callable[[], dict[str, float]]:
    """A call that loads the records and counts; making them for every round is not timed."""
    records = judges.records(findings)
    return lambda: judges.counted(name, *records)


def everything(rounded: Findings) -> None:
    analysis = Analysis(rounded, 0.5)
    analysis.table()
    analysis.confusion()
    analysis.worst(12)


if __name__ == "__main__":
    main()
