"""COCO's figures of boxes and masks on 5,000 pictures: how fast, beside pycocotools; both are equal within 1e-6.

Detections come as a network gives them, a grid of 28 x 28 over each box. Pasting them is measured apart, beside
torchvision's pasting and pycocotools' run lengths, since pycocotools is given run lengths in memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

import coco_judges as judges
import evaluation
import measure
import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as run_lengths
from torchvision.models.detection.roi_heads import paste_masks_in_image

from runtime.data.recipe import Evaluation, Recipe
from runtime.tasks import ImageInfo
from runtime.tasks.instance_segmentation import pasting
from runtime.tasks.instance_segmentation.measuring import SegmentationMetrics

STORED = (640, 480)
CELLS, SHAPES = 28, 64
NAMES = {"bbox": "box", "segm": "mask"}
TARGET = 3.0
PASTED = 50
"""Pictures that torchvision pastes the masks of: it takes its time."""

Pair = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Pictures:
    """``evaluation.draw``'s with one of ``grids`` for each box: that of an object of its class, if there is one."""

    drawn: list[Pair]
    grids: NDArray[np.float32]

    def __iter__(self) -> Iterator[Pair]:
        random = np.random.default_rng(1)
        for found, truth in self.drawn:
            there = random.integers(0, SHAPES, len(truth["boxes"]))
            own = truth["labels"][:, None] == found["labels"]
            alike = np.where(own.any(axis=0), there[own.argmax(axis=0)], random.integers(0, SHAPES, own.shape[1]))
            segmentations = np.array(own_counts(self.grids[there], stored(truth["boxes"])), object)
            masks = {"segmentations": segmentations, "masks": np.zeros((len(there), 0, 0), np.uint8)}
            yield {**found, "mask_grids": self.grids[alike]}, {**truth, **masks}


def shapes() -> NDArray[np.float32]:
    """Blobs with a few lobes, soft at their edge."""
    random = np.random.default_rng(2)
    across, down = np.meshgrid(*(np.linspace(-1, 1, CELLS),) * 2)
    angle, distance = np.arctan2(down, across), np.hypot(across, down)
    lobes, phase, size = random.integers(2, 6, SHAPES), random.uniform(0, 6, SHAPES), random.uniform(0.6, 0.9, SHAPES)
    edge = size[:, None, None] * (1 + 0.3 * np.sin(lobes[:, None, None] * angle + phase[:, None, None]))
    return (1 / (1 + np.exp(20 * (distance - edge)))).astype(np.float32)


def stored(boxes: NDArray[Any]) -> NDArray[Any]:
    """Of pixels of the input those of the stored picture."""
    return boxes * np.tile(np.array(STORED) / evaluation.SIZE, 2)


def own_counts(grids: NDArray[Any], boxes: NDArray[Any]) -> list[bytes]:
    return pasting.encoded([*pasting.pasted(grids, boxes, STORED)], STORED)


def encoded(grids: NDArray[Any], boxes: NDArray[Any]) -> Iterator[bytes]:
    """Pasted by torchvision, encoded by pycocotools."""
    masks = paste_masks_in_image(torch.from_numpy(grids)[:, None], torch.from_numpy(boxes), STORED[::-1])
    for mask in (masks[:, 0] > 0.5).numpy():
        yield run_lengths.encode(np.asfortranarray(mask))["counts"]


def collect(pairs: list[Pair]) -> SegmentationMetrics:
    recipe = SimpleNamespace(evaluation=Evaluation(1, 8), strict=False)
    metrics = SegmentationMetrics(evaluation.CLASSES, cast("Recipe[Any]", recipe))
    for found, truth in pairs:
        metrics.update([found], [truth], [ImageInfo("", STORED, evaluation.SIZE)])
    return metrics


def judged(records: judges.Judged, name: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for kind, (truth, found) in records.items():
        figures |= {f"{NAMES[kind]}/{each}": value for each, value in judges.counted(name, truth, found, kind).items()}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=20, help="a picture")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    pairs = list(Pictures(evaluation.draw(options.pictures, options.detections), shapes()))
    ratios = []
    for _ in range(options.rounds):
        began = time.perf_counter()
        metrics = collect(pairs)
        collected = time.perf_counter()
        figures = metrics.scores().figures
        own = time.perf_counter() - collected
        records = judges.records_of_both(metrics)
        began_judge = time.perf_counter()
        theirs = judged(records, "pycocotools")
        took = time.perf_counter() - began_judge
        assert max(abs(figures[name] - theirs[name]) for name in theirs) <= 1e-6
        ratios.append(took / own)
        print(f"figures: {own:.1f} s; pycocotools {took:.1f} s; pasting {collected - began:.1f} s before", flush=True)
    some = pairs[:PASTED]
    seconds = measure.best_of(1, lambda: [[*encoded(f["mask_grids"], stored(f["boxes"]))] for f, _ in some])
    mine = measure.best_of(1, lambda: collect(some))
    print(f"pasting {PASTED} pictures: {mine:.2f} s; torchvision and pycocotools {seconds:.2f} s")
    ratio = median(ratios)
    measure.told(f"{ratio:.1f} x the speed of pycocotools", f"{TARGET:g}", met=ratio >= TARGET, bound="least")


if __name__ == "__main__":
    main()
