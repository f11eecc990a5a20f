"""How good landmarks are: COCO's figures by OKS, equal to pycocotools', and PCK, AUC and EPE beside them.

What is judged is the vector of all points, 294 of garments, never the channels of a network that shares them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.model.landmarks import Layout
from runtime.data.detections import numbering
from runtime.data.recipe import Recipe
from runtime.data.split import Split
from runtime.tasks import ImageInfo, Images, Prediction, ReportOptions, Scores, Target
from runtime.tasks.detection.evaluation import coco
from runtime.tasks.detection.evaluation.coco import Coco
from runtime.tasks.detection.evaluation.report import cell, known
from runtime.tasks.detection.findings import Findings
from runtime.tasks.detection.matching import Matches, match
from runtime.tasks.keypoints import distances, result_files, similarity
from runtime.tasks.keypoints.completing import layouts, restore
from runtime.tasks.keypoints.distances import Distances
from runtime.tasks.keypoints.poses import Collector, Poses, findings, labelled, nobody, of_split
from runtime.tasks.keypoints.report import KeypointReport
from runtime.tasks.keypoints.similarity import Similarity
from tltpipe.errors import DataError

PRIMARY = "OKS_AP"
TITLES = {"OKS_AP": "mean average precision by object key-point similarity", "PCK": "share of correct key points"}
SAME = 0.95
"""A box that overlaps an annotated one by as much was made of it: rounding alone lies between them."""


class KeypointMetrics:
    """``runtime.tasks.Metrics``; ``JudgesSplit``, for objects without a sample of their own are on images, too; and
    ``TakesResults``."""

    def __init__(self, classes: Sequence[str], recipe: Recipe) -> None:
        self.classes, self.layouts, self.recipe = tuple(classes), layouts(classes), recipe
        self.truth, self.found = nobody(), Collector()
        self.split: Split | None = None
        self.true_boxes = True

    def judge(self, split: Split) -> None:
        evaluation = self.recipe.evaluation
        self.truth = of_split(split, self.layouts, evaluation.visibility, evaluation.area)
        unlabelled = self.truth.image[~labelled(self.truth, self.layouts)]
        self.split, self.found = split, Collector({*unlabelled.tolist()})

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        for prediction, target, image in zip(predictions, targets, images, strict=True):
            self.true_boxes &= "scores" not in target
            stored = restore(prediction, image)
            columns = (stored[name].tolist() for name in ("labels", "scores", "boxes"))
            for label, score, box, whole in zip(*columns, stored["keypoints"], strict=True):
                self.found.add(image.number, label, score, box, whole, self.layouts[label - 1])

    def take(self, files: Sequence[Path]) -> list[str]:
        assert self.split is not None, "judge comes first"
        ids, notes = numbering(self.recipe, self.classes, self.split), []
        for path in files:
            if others := result_files.read(path, ids, self.layouts, self.found):
                notes.append(f"{path}: {others} rows are of classes that are not among {', '.join(self.classes)}")
        if not len(self.found):
            raise DataError("there are no results in it", where=files[0], hint="see what wrote them")
        measured = self.measured()
        self.true_boxes = len(measured.pairs[0]) == len(measured.found)
        lacking = {*self.truth.label.tolist()}.difference(measured.found.label.tolist())
        if missing := [self.classes[label - 1] for label in sorted(lacking)]:
            notes.append(f"no results for: {', '.join(missing)}")
        return notes

    def scores(self) -> Scores:
        return self.measured().scores

    def report(self, images: Images, options: ReportOptions) -> KeypointReport:
        return KeypointReport(self.measured(), images, options)

    def measured(self) -> MeasuredKeypoints:
        """What can be said of all predictions so far."""
        return MeasuredKeypoints(
            self.found.poses(), self.truth, self.classes, self.layouts, self.split, self.true_boxes,
            self.recipe.evaluation.visibility,
        )  # fmt: skip


@dataclass(frozen=True)
class MeasuredKeypoints:
    """All that is computed of the predictions ``found`` and the objects ``truth``, each thing when it is asked for.
    ``true_boxes``: predictions were made of annotated boxes, so that distances can be told."""

    found: Poses
    truth: Poses
    classes: tuple[str, ...]
    layouts: tuple[Layout, ...]
    split: Split | None
    true_boxes: bool
    visibility: str

    @property
    def sizes(self) -> NDArray[np.int32]:
        """Width and height of the images."""
        return np.zeros((0, 2), np.int32) if self.split is None else self.split.sizes

    @cached_property
    def similarity(self) -> Similarity:
        return Similarity(self.found, self.truth, self.layouts)

    @cached_property
    def findings(self) -> Findings:
        return findings(self.found, self.truth, self.classes, self.sizes)

    @cached_property
    def coco(self) -> Coco:
        silent = ~self.similarity.labelled
        return coco.measure(self.findings, self.similarity, rules=similarity.RULES, silent=silent)

    @cached_property
    def oks(self) -> dict[str, float]:
        """COCO's ten figures."""
        return similarity.figures(self.coco)

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Predictions, and the objects that they are of: with annotated boxes those of the same box, else those that
        are most alike."""
        all_of = self.findings
        limit = SAME if self.true_boxes else np.nextafter(0, 1)
        matches: Matches = match(
            all_of.groups(all_of.found), _clipped(self.found, self.sizes),
            all_of.groups(all_of.truth), _clipped(self.truth, self.sizes),
            thresholds=np.array([limit]), compare=None if self.true_boxes else self.similarity,
        )  # fmt: skip
        paired = matches.truth[0] >= 0
        return matches.found[paired], matches.truth[0][paired]

    @cached_property
    def distances(self) -> list[Distances]:
        """Of each class."""
        return distances.measure(self.found, self.truth, self.pairs, self.layouts)

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """Of each class all figures by name; of distances only with annotated boxes."""
        rows = similarity.per_class(self.coco)
        if self.true_boxes:
            rows = [row | each.figures for row, each in zip(rows, self.distances, strict=True)]
        return rows

    @property
    def apart(self) -> dict[str, float]:
        """PCK, AUC and EPE as means over the classes that have labelled points; nothing for boxes from a file."""
        names = distances.NAMES if self.true_boxes else ()
        values = {name: [row[name] for row in self.rows if not math.isnan(row[name])] for name in names}
        return {name: float(np.mean(each)) if each else float("nan") for name, each in values.items()}

    def column(self, name: str) -> dict[str, float]:
        """The figure ``name`` of each class."""
        return {each: row[name] for each, row in zip(self.classes, self.rows, strict=True)}

    @property
    def titles(self) -> dict[str, str]:
        """The columns of each class by other names than the figures of all have, with what is in them."""
        return {"AP": "AP"} | ({f"PCK@{distances.PCK:g}": "PCK"} if self.true_boxes else {})

    @cached_property
    def scores(self) -> Scores:
        plain = {f"OKS_{name}": _number(self.oks[name]) for name in MAIN}
        plain |= {name: _number(value) for name, value in self.apart.items()}
        per_class = {title: _numbers(self.column(name)) for title, name in self.titles.items()}
        figures = plain | {f"oks/{name}": value for name, value in self.oks.items()}
        return Scores(
            PRIMARY, figures, per_class, TITLES if self.true_boxes else {PRIMARY: TITLES[PRIMARY]}, tuple(self.lines())
        )

    def lines(self) -> Iterator[str]:
        """A line for each class and one for all: average precision, and how far points are away."""
        names = ("AP", *self.apart)
        rows = [(each, row) for each, row in zip(self.classes, self.rows, strict=True)]
        rows.append(("all", self.oks | self.apart))
        width = max(len("class"), *(len(name) for name, _ in rows)) + 2
        yield f"{'class':<{width}}" + "".join(f"{'OKS AP' if name == 'AP' else name:>8}" for name in names)
        for name, row in rows:
            yield f"{name:<{width}}" + "".join(f"{cell(known(row[column])):>8}" for column in names)


MAIN = ("AP", "AP50", "AP75")
"""Figures of COCO's that the training log has columns for."""


def _clipped(poses: Poses, sizes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Boxes as far as they are on their images."""
    clipped: NDArray[np.float64] = np.clip(poses.box, 0, np.tile(sizes[poses.image], 2))
    return clipped


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float:
    """0 where there is nothing to measure: a log has no other number."""
    return 0.0 if math.isnan(value) else value
