"""How well a detector does: NVIDIA's average precision, COCO's twelve figures, precision and recall at a score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runtime.data.recipe import Evaluation
from runtime.tasks import ImageInfo, Images, Prediction, ReportOptions, Scores, Target
from runtime.tasks.detection import average_precision, class_maps
from runtime.tasks.detection.average_precision import Result
from runtime.tasks.detection.evaluation import coco
from runtime.tasks.detection.evaluation.analysis import Analysis
from runtime.tasks.detection.evaluation.report import DetectionReport, table
from runtime.tasks.detection.findings import Collector, Findings


class DetectionMetrics:
    """``runtime.tasks.Metrics``. Difficult objects are like all others, unless ``strict``; crowds never are."""

    def __init__(self, classes: Sequence[str], evaluation: Evaluation, *, strict: bool) -> None:
        self.evaluation, self.strict = evaluation, strict
        self.collector = Collector(tuple(classes))

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        for prediction, target, image in zip(predictions, targets, images, strict=True):
            difficult = target["crowd"] if "crowd" in target else np.zeros(len(target["labels"]), bool)
            if self.strict and "difficult" in target:
                difficult = difficult | target["difficult"]
            self.collector.add(prediction, {**target, "difficult": difficult}, image)

    def scores(self) -> Scores:
        return self._measured(self.collector.findings()).scores

    def report(self, images: Images, options: ReportOptions) -> DetectionReport:
        findings = self.collector.findings()
        if options.class_maps:
            findings = findings.reordered(class_maps.order(options.class_maps[0], findings.classes))
        return DetectionReport(self._measured(findings), images, options)

    def _measured(self, findings: Findings) -> Measured:
        return Measured(findings, self.evaluation, self.strict)


@dataclass(frozen=True)
class Measured:
    """All that is computed from ``findings``, each thing when it is asked for."""

    findings: Findings
    evaluation: Evaluation
    strict: bool

    @cached_property
    def compared(self) -> Findings:
        """The boxes that are compared: NVIDIA's in whole pixels of the network, unless the recipe is not hers."""
        if not self.evaluation.whole_pixels:
            return self.findings
        return average_precision.in_whole_pixels(self.findings)

    @cached_property
    def precision(self) -> Result:
        """NVIDIA's average precision, as the spec asks for it."""
        return average_precision.precision(
            self.compared, mode=self.evaluation.mode, iou=self.evaluation.iou, strict=self.strict,
            became=self.analysis.outcome,
        )  # fmt: skip

    @cached_property
    def coco(self) -> coco.Coco:
        return coco.measure(self.findings)

    @cached_property
    def analysis(self) -> Analysis:
        return Analysis(self.compared, self.evaluation.iou)

    @cached_property
    def figures(self) -> dict[str, float]:
        """The plain figures by name, 0 where there is nothing to measure: NVIDIA's mAP; unless ``strict``, also COCO's
        mean average precisions, and precision, recall and F1 (means over the classes) where the mean F1 is best."""
        figures = {"mAP": self.precision.mean}
        if self.strict:
            return figures
        coco = {"mAP50": self.coco.figures["AP50"], "mAP50_95": self.coco.figures["AP"]}
        figures |= {name: 0.0 if math.isnan(value) else value for name, value in coco.items()}
        return figures | dict(zip(("precision", "recall", "F1"), self.analysis.means, strict=True))

    @cached_property
    def scores(self) -> Scores:
        return Scores(
            primary="mAP" if self.strict else self.evaluation.primary,
            figures={**self.figures, **{f"coco/{name}": value for name, value in self.coco.figures.items()}},
            per_class={"AP": self.precision.per_class},
            titles={"mAP": "mean average precision"},
            lines=tuple(self.lines()),
            curves={
                name: curve.precision_recall
                for name, curve in zip(self.findings.classes, self.analysis.curves, strict=True)
                if curve.objects
            },
        )

    def lines(self) -> Iterator[str]:
        """NVIDIA's block and, unless ``strict``, the other figures in a line."""
        yield from table(self.precision, decimals=5)
        others = [f"{name} {value:.3f}" for name, value in self.figures.items() if name != "mAP"]
        if others:
            yield f"{'  '.join(others)} (from a score of {self.analysis.threshold:.3g})"
