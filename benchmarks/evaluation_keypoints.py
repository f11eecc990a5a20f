"""COCO's figures of the landmarks of 50,000 garments: how fast, beside pycocotools; both are equal within 1e-9.

Two garments an image, one prediction for each, as from annotated boxes, and a second one for every tenth. pycocotools
is given records in memory and loads them, since it must; we are given predictions, sample by sample, and collect them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from dataclasses import dataclass
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

import measure
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from converters.model import garments
from runtime.data.recipe import Evaluation, Recipe
from runtime.data.split import Split
from runtime.tasks import ImageInfo
from runtime.tasks.keypoints.completing import layouts
from runtime.tasks.keypoints.measuring import KeypointMetrics
from runtime.tasks.keypoints.poses import Collector, Poses
from runtime.tasks.keypoints.similarity import NAMES, whole_sigmas

CLASSES = tuple(each.name for each in garments.CATEGORIES)
LAYOUTS = layouts(CLASSES)
SIZE = (468, 624)
TARGET = 3.0

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Item:
    """A garment of class ``label`` on image ``image``, or what is predicted for it: own points [n, 3]."""

    image: int
    label: int
    box: tuple[float, float, float, float]
    points: NDArray[np.float64]
    score: float = 1.0


def draw(count: int) -> tuple[list[Item], list[Item]]:
    """Garments, of whose points a quarter is occluded and a tenth not labelled, and predictions near and far."""
    random, truth, found = np.random.default_rng(0), list[Item](), list[Item]()
    for number in range(count):
        label = int(random.integers(1, len(CLASSES) + 1))
        low, span = random.uniform(0, 200, 2), np.exp(random.uniform(3.4, 5.5, 2))
        places = (low + span * random.random((LAYOUTS[label - 1].count, 2))).round(1)
        marks = random.choice([0, 1, 2], len(places), p=[0.1, 0.25, 0.65])
        box = (low[0], low[1], low[0] + span[0], low[1] + span[1])
        truth.append(Item(number // 2, label, box, np.column_stack([places, marks]) * (marks > 0)[:, None]))
        for _ in range(1 + (number % 10 == 0)):
            off = random.choice([0.01, 0.03, 0.1]) * span.max()
            near = np.column_stack([places + random.normal(0, off, places.shape), np.ones(len(places))])
            found.append(Item(number // 2, label, box, near, float(random.random())))
    return truth, found


def whole(item: Item) -> NDArray[np.float64]:
    layout = LAYOUTS[item.label - 1]
    points = np.zeros((layout.total, 3))
    points[list(layout.slots)] = item.points
    return points


def objects(items: list[Item]) -> Poses:
    """As they are when a split is read."""
    collector = Collector()
    for item in items:
        left, top, right, bottom = item.box
        layout, area = LAYOUTS[item.label - 1], (right - left) * (bottom - top)
        collector.add(item.image, item.label, 1.0, item.box, whole(item), layout, area=area)
    return collector.poses()


def ours(truth: Poses, predictions: list[tuple[dict[str, Any], ImageInfo]], images: int) -> dict[str, float]:
    recipe = SimpleNamespace(evaluation=Evaluation(1, 8))
    metrics = KeypointMetrics(CLASSES, cast("Recipe[Any]", recipe))
    sizes = SimpleNamespace(sizes=np.tile(np.array(SIZE, np.int32), (images, 1)))
    metrics.truth, metrics.split = truth, cast("Split", sizes)
    for prediction, image in predictions:
        metrics.update([prediction], [{}], [image])
    return metrics.measured().oks


def records(items: list[Item]) -> Records:
    """As they stand in COCO's files; the zeros of other classes are one object."""
    made = []
    for number, item in enumerate(items, start=1):
        left, top, right, bottom = item.box
        layout, values = LAYOUTS[item.label - 1], [0.0] * (3 * LAYOUTS[0].total)
        values[3 * layout.offset : 3 * (layout.offset + layout.count)] = item.points.ravel().tolist()
        made.append({
            "id": number, "image_id": item.image + 1, "category_id": item.label, "keypoints": values, "iscrowd": 0,
            "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
            "num_keypoints": int(np.count_nonzero(item.points[:, 2])), "score": item.score,
        })  # fmt: skip
    return made


def theirs(truth: Records, found: Records, images: int) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        gold = COCO()
        categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
        gold.dataset = {
            "images": [{"id": n + 1} for n in range(images)],
            "categories": categories,
            "annotations": truth,
        }
        gold.createIndex()
        judged = COCOeval(
            gold, gold.loadRes([{k: v for k, v in row.items() if k != "bbox"} for row in found]), "keypoints"
        )
        judged.params.kpt_oks_sigmas = whole_sigmas(LAYOUTS[0])
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return dict(zip(NAMES, map(float, judged.stats), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    truth, found = draw(options.objects)
    images = truth[-1].image + 1
    there, info = objects(truth), [ImageInfo("", SIZE, SIZE[::-1], None, item.image) for item in found]
    predictions: list[tuple[dict[str, Any], ImageInfo]] = [
        (
            {
                "boxes": np.array([item.box]), "labels": np.array([item.label]), "scores": np.array([item.score]),
                "keypoints": whole(item)[None],
            },
            image,
        )
        for item, image in zip(found, info, strict=True)
    ]  # fmt: skip
    gold, results = records(truth), records(found)
    ratios = []
    for _ in range(options.rounds):
        began = time.perf_counter()
        own = ours(there, predictions, images)
        middle = time.perf_counter()
        judged = theirs(gold, results, images)
        took = time.perf_counter() - middle
        assert max(abs(own[name] - judged[name]) for name in NAMES) <= 1e-9, (own, judged)
        ratios.append(took / (middle - began))
        print(f"{options.objects:,} objects: {middle - began:.1f} s; pycocotools {took:.1f} s", flush=True)
    ratio = median(ratios)
    measure.told(f"{ratio:.1f} x the speed of pycocotools", f"{TARGET:g}", met=ratio >= TARGET, bound="least")


if __name__ == "__main__":
    main()
