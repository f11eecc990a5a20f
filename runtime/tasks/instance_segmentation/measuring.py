"""How good masks are: COCO's figures of masks and of boxes, equal to pycocotools'. Masks are kept as run lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.data.recipe import Recipe
from runtime.tasks import ImageInfo, Images, Prediction, ReportOptions, Scores, Target
from runtime.tasks.detection.evaluation import coco
from runtime.tasks.detection.evaluation.coco import Coco
from runtime.tasks.detection.evaluation.report import cell, known
from runtime.tasks.detection.evaluation.scoring import DetectionMetrics
from runtime.tasks.detection.findings import Findings
from runtime.tasks.instance_segmentation import pasting
from runtime.tasks.instance_segmentation.report import SegmentationReport
from runtime.tasks.instance_segmentation.restoring import restore

PRIMARY = "mask_AP"
TITLES = {"mask_AP": "mean average precision of masks", "box_AP": "mean average precision of boxes"}


class SegmentationMetrics:
    """``runtime.tasks.Metrics``: those of detection for the boxes, and beside them the masks, in the same order."""

    def __init__(self, classes: Sequence[str], recipe: Recipe) -> None:
        self.boxes = DetectionMetrics(classes, recipe.evaluation, strict=recipe.strict)
        self.evaluation = recipe.evaluation
        self.masks = Masks()

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        for prediction, target, image in zip(predictions, targets, images, strict=True):
            found = _ordered(prediction, np.lexsort((-prediction["scores"], prediction["labels"])))
            there = _ordered(target, np.argsort(target["labels"], kind="stable"))
            self.masks.add(found, there, image)
            self.boxes.update([found], [{**there, "area": self._areas(there, image)}], [image])

    def scores(self) -> Scores:
        return self._measured().scores

    def report(self, images: Images, options: ReportOptions) -> SegmentationReport:
        return SegmentationReport(self.boxes.report(images, options), self._measured())

    def _measured(self) -> MeasuredMasks:
        return MeasuredMasks(self.boxes.collector.findings(), self.masks, self.evaluation.area)

    def _areas(self, target: Target, image: ImageInfo) -> NDArray[np.float32]:
        """Of each object in stored pixels, -1 for that of its box."""
        from faster_coco_eval.core import mask

        count = len(target["labels"])
        match self.evaluation.area:
            case "mask":
                runs = [{"size": image.size[::-1], "counts": each} for each in target["segmentations"]]
                return np.asarray(mask.area(runs), np.float32)
            case "box":
                return np.full(count, -1, np.float32)
        return np.asarray(target.get("area", np.full(count, -1)), np.float32)


@dataclass
class Masks:
    """Run lengths of the detections and the objects of all images, in the order that ``Findings`` has them in, as COCO
    compresses them; ``areas`` are the pixels of those of detections."""

    found: list[bytes] = field(default_factory=list)
    truth: list[bytes] = field(default_factory=list)
    areas: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, prediction: Prediction, target: Target, image: ImageInfo) -> None:
        masks = pasting.masks(restore(prediction, image))
        self.found += pasting.encoded(masks, image.size)
        self.truth += target["segmentations"].tolist()
        self.areas.append(np.array([*map(pasting.area, masks)], np.float32))


@dataclass(frozen=True)
class MeasuredMasks:
    """All that is computed of ``masks``, each thing when it is asked for; ``area`` says whose areas objects have."""

    findings: Findings
    masks: Masks
    area: str

    @cached_property
    def box(self) -> Coco:
        return coco.measure(self.findings)

    @cached_property
    def mask(self) -> Coco:
        areas = np.concatenate([np.zeros(0, np.float32), *self.masks.areas])
        found = replace(self.findings.found, area=areas)
        return coco.measure(replace(self.findings, found=found), self._overlaps)

    @property
    def kinds(self) -> dict[str, Coco]:
        return {"mask": self.mask, "box": self.box}

    def per_class(self, measured: Coco) -> dict[str, float]:
        """Average precision of each class, NaN for one without objects."""
        return dict(zip(self.findings.classes, measured.per_class(), strict=True))

    @cached_property
    def scores(self) -> Scores:
        both = self.kinds
        figures = {f"{kind}_{name}": _number(each.figures[name]) for kind, each in both.items() for name in MAIN}
        for kind, each in both.items():
            figures |= {f"{kind}/{name}": value for name, value in each.figures.items()}
        per_class = {
            f"{kind}_AP": {name: _number(value) for name, value in self.per_class(each).items()}
            for kind, each in both.items()
        }
        return Scores(PRIMARY, figures, per_class, TITLES, tuple(self.lines()))

    def lines(self) -> list[str]:
        """A line for each class and one for all: average precision of masks and of boxes."""
        mask, box = self.per_class(self.mask), self.per_class(self.box)
        rows = [*((name, mask[name], box[name]) for name in self.findings.classes)]
        rows.append(("all", self.mask.figures["AP"], self.box.figures["AP"]))
        width = max(len("class"), *(len(name) for name, *_ in rows)) + 2
        head = f"{'class':<{width}}{'mask AP':>8}{'box AP':>8}"
        return [head, *(f"{name:<{width}}{cell(known(one)):>8}{cell(known(other)):>8}" for name, one, other in rows)]

    def _overlaps(self, detections: NDArray[Any], objects: NDArray[Any]) -> NDArray[np.float64]:
        """``runtime.tasks.detection.matching.Compare``: a call for each image and class."""
        from faster_coco_eval.core import mask

        findings, sizes = self.findings, self.findings.sizes[:, ::-1].tolist()
        pictures, crowds = findings.found.picture, findings.truth.crowd
        groups = findings.groups(findings.found)[detections]
        starts = np.flatnonzero(np.diff(groups, prepend=-1)).tolist()
        overlaps = np.zeros(len(detections))
        for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
            found, truth = np.unique(detections[start:end]), np.unique(objects[start:end])
            size = sizes[pictures[found[0]]]
            ones = [{"size": size, "counts": self.masks.found[at]} for at in found.tolist()]
            others = [{"size": size, "counts": self.masks.truth[at]} for at in truth.tolist()]
            overlaps[start:end] = mask.iou(ones, others, crowds[truth].tolist()).ravel()
        return overlaps


MAIN = ("AP", "AP50")
"""Figures of COCO's that the training log has columns for."""


def _ordered(items: Mapping[str, Any], order: NDArray[np.intp]) -> dict[str, Any]:
    return {name: values[order] for name, values in items.items()}


def _number(value: float) -> float:
    """0 where there is nothing to measure: a log has no other number."""
    return 0.0 if math.isnan(value) else value
