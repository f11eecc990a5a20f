"""How well images are classified: categories and other choices, attributes by the paper's definition, boxes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import ImageInfo, Images, Prediction, ReportOptions, Scores, Target
from runtime.tasks.classification.counts import ATTRIBUTE_TOP, CATEGORY_TOP, BoxCounts, Choice, Recalls, mean
from runtime.tasks.classification.names import Likely, Names
from runtime.tasks.classification.report import ClassificationReport
from runtime.tasks.classification.restoring import restore

SHOWN, ANSWERS = 12, 3
"""The most confident wrong answers that are kept, and right ones, and the values that each has."""
TITLES = {
    "top1": "share of images whose category is the likeliest",
    "top3": "share of images whose category is among the 3 likeliest",
    "top5": "share of images whose category is among the 5 likeliest",
    "accuracy": "mean over the tasks of the share of right values",
    "recall3": "mean recall of attributes, 3 likeliest",
    "recall5": "mean recall of attributes, 5 likeliest",
    "box_iou": "mean overlap (IoU) of boxes",
    "box_iou_above_50": "share of boxes with an overlap above 0.5",
}


@dataclass(frozen=True, order=True)
class Answer:
    """Of image ``number`` the value of ``task`` (its place) is ``truth``; ``answers`` are the likeliest, the model's
    first. Boxes [4] are in pixels of the stored image, None where there are none. Compared are how confident the model
    is, and of equals ``earlier``, which falls from image to image."""

    confidence: float
    earlier: int
    number: int = field(compare=False)
    task: int = field(compare=False)
    truth: str = field(compare=False)
    answers: tuple[Likely, ...] = field(compare=False)
    size: tuple[int, int] = field(compare=False)
    """Width and height of the image as stored."""
    true_box: NDArray[Any] | None = field(compare=False)
    box: NDArray[Any] | None = field(compare=False)


class ClassificationMetrics:
    """``runtime.tasks.Metrics``. What is not known of an image is neither right nor wrong there."""

    def __init__(self, names: Names, *, primary: str, boxes: bool) -> None:
        self.names, self.primary = names, primary
        self.images = 0
        self.choices = [Choice(len(values)) for values in names.values]
        self.recalls = Recalls(names) if names.attributes else None
        self.boxes = BoxCounts() if boxes else None
        self.wrong: list[Answer] = []
        self.right: list[Answer] = []

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        truth = np.stack([target["choices"] for target in targets])
        parts = self.names.by_task(np.stack([each["choices"] for each in predictions]))
        for task, (counted, part) in enumerate(zip(self.choices, parts, strict=True)):
            wrong = set(counted.add(part, truth[:, task]))
            for at in np.flatnonzero(truth[:, task]).tolist():
                kept = self.wrong if at in wrong else self.right
                self._keep(kept, task, part[at], predictions[at], targets[at], images[at], self.images + at)
        if self.recalls is not None:
            self.recalls.add(*(np.stack([each["attributes"] for each in of]) for of in (predictions, targets)))
        if self.boxes is not None and "box" in predictions[0]:
            self.boxes.add(*(np.stack([each["box"] for each in of]) for of in (predictions, targets)))
        self.images += len(images)

    def scores(self) -> Scores:
        return self._measured().scores

    def report(self, images: Images, options: ReportOptions) -> ClassificationReport:
        return ClassificationReport(
            self._measured(), sorted(self.wrong, reverse=True), sorted(self.right, reverse=True), images, options
        )

    def _measured(self) -> Measured:
        return Measured(self.names, self.primary, self.images, self.choices, self.recalls, self.boxes)

    def _keep(
        self,
        kept: list[Answer],
        task: int,
        probabilities: NDArray[Any],
        prediction: Prediction,
        target: Target,
        image: ImageInfo,
        number: int,
    ) -> None:
        """Where it is one of the most confident so far."""
        confidence = float(probabilities.max())
        if len(kept) == SHOWN and confidence <= kept[0].confidence:
            return
        truth = self.names.values[task][int(target["choices"][task]) - 1]
        answers = tuple(self.names.likeliest_values(task, probabilities, ANSWERS))
        boxes = (_stored_box(target, image), _stored_box(prediction, image))
        heapq.heappush(kept, Answer(confidence, -number, number, task, truth, answers, image.size, *boxes))
        if len(kept) > SHOWN:
            heapq.heappop(kept)


def _stored_box(items: Target | Prediction, image: ImageInfo) -> NDArray[Any] | None:
    return restore(items, image)["box"] if "box" in items and items["box"].any() else None


@dataclass(frozen=True)
class Measured:
    """All that was counted on ``images`` images; ``recalls`` and ``boxes`` None where there are none."""

    names: Names
    primary: str
    images: int
    choices: Sequence[Choice]
    recalls: Recalls | None
    boxes: BoxCounts | None

    @cached_property
    def plain(self) -> dict[str, float]:
        """The figures without a group, 0 where there is nothing to measure."""
        figures = {f"top{k}": self.choices[0].accuracy(k) for k in CATEGORY_TOP}
        if len(self.choices) > 1:
            figures["accuracy"] = mean(np.array([each.accuracy() for each in self.choices]))
        if self.recalls is not None:
            figures |= {f"recall{k}": self.recalls.mean_recall(k) for k in ATTRIBUTE_TOP}
        if self.boxes is not None:
            figures |= {"box_iou": self.boxes.mean_overlap, "box_iou_above_50": self.boxes.good_share}
        return {name: 0.0 if math.isnan(value) else value for name, value in figures.items()}

    @cached_property
    def grouped(self) -> dict[str, float]:
        """The others, NaN where there is nothing to measure."""
        figures: dict[str, float] = {}
        if len(self.choices) > 1:
            tasks = zip(self.names.tasks, self.choices, strict=True)
            figures |= {f"accuracy/{task}": counted.accuracy() for task, counted in tasks}
        if self.recalls is not None:
            for group in self.names.members:
                figures |= {f"{group}/recall{k}": self.recalls.group_recall(k, group) for k in ATTRIBUTE_TOP}
        return {**figures, **self.mmfashion}

    @cached_property
    def mmfashion(self) -> dict[str, float]:
        """The figures that mmfashion calls by the same names, and counts otherwise."""
        figures = {f"mmfashion/category_top{k}": self.choices[0].mean_share(k) for k in CATEGORY_TOP}
        if self.recalls is not None:
            for k in ATTRIBUTE_TOP:
                figures[f"mmfashion/attribute_recall{k}"] = self.recalls.best_recall(k)
                figures[f"mmfashion/attribute_accuracy{k}"] = self.recalls.accuracy(k)
        return figures

    @cached_property
    def scores(self) -> Scores:
        shares = self.choices[0].shares(1).tolist()
        return Scores(
            primary=self.primary if self.primary in self.plain else "top1",
            figures={**self.plain, **self.grouped},
            per_class={"recall": dict(zip(self.names.values[0], shares, strict=True))},
            titles={name: title for name, title in TITLES.items() if name in self.plain},
            lines=tuple(self._lines()),
        )

    def _lines(self) -> Iterator[str]:
        for about, begins in (("category", "top"), ("tasks", "accuracy"), ("attributes", "recall"), ("box", "box")):
            own = [f"{name} {value:.3f}" for name, value in self.plain.items() if name.startswith(begins)]
            if own:
                yield f"{about:<12}{'  '.join(own)}"
