"""An evaluation of a classifier as people and programs read it: tables, JSON, confusions, answers that stand out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Images, ReportOptions, Scores
from runtime.tasks.classification import tables
from runtime.tasks.detection.evaluation.report import cell, known
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from runtime.tasks.classification.measuring import Answer, Measured

CONFUSION, WRONG, RIGHT = "confusion", "wrong_answers.png", "right_answers.png"
CATEGORY_RULE = "top-k: the category is among the k likeliest of its image"
ATTRIBUTE_RULE = "of each image the k likeliest attributes, of all or within a group; hits / images that have it; mean"


@dataclass(frozen=True)
class ClassificationReport:
    """``runtime.tasks.Report`` of what was ``measured`` on ``images``; ``wrong`` and ``right`` are the most confident
    answers, the most confident first."""

    measured: Measured
    wrong: Sequence[Answer]
    right: Sequence[Answer]
    images: Images
    options: ReportOptions

    @property
    def scores(self) -> Scores:
        return self.measured.scores

    @property
    def about(self) -> str:
        return f"{self.options.model} · {self.measured.images:,} images"

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row a category, one for all of them together, and one of the means over the categories."""
        return tables.values(self.measured.names.values[0], self.measured.choices[0])

    @cached_property
    def attributes(self) -> list[dict[str, Any]]:
        """A row an attribute."""
        recalls, names = self.measured.recalls, self.measured.names
        return [] if recalls is None else tables.attributes(names.attributes, names.groups, recalls)

    def lines(self) -> Iterator[str]:
        occur = [row for row in self.rows if row.get("objects", 1) or row.get("detections")]
        yield from tables.lines(occur, tables.VALUES)
        yield from self._left_out("categories", [row["class"] for row in self.rows[:-2] if not row["objects"]])
        unknown = self.measured.images - int(self.measured.choices[0].images.sum())
        if unknown:
            yield f"the category of {unknown} of {self.measured.images} images is not known: they are left out"
        yield f"{CATEGORY_RULE} (DeepFashion's paper)"
        yield from self._task_lines()
        yield from self._attribute_lines()
        yield from self._mmfashion_lines()
        if (boxes := self.measured.boxes) is not None:
            shares = f"mean IoU {boxes.mean_overlap:.3f}, above 0.5: {boxes.good_share:.1%}" if boxes.images else "-"
            yield f"box         {shares} of {boxes.images:,} images that have one"
        if self.options.threshold is not None:
            yield "-t has no effect here: no figure goes by a threshold"

    def _task_lines(self) -> Iterator[str]:
        names, choices = self.measured.names, self.measured.choices
        for task, counted in list(zip(names.tasks, choices, strict=True))[1:]:
            yield f"{task}: accuracy {cell(known(counted.accuracy()))} of {int(counted.images.sum()):,} images"

    def _attribute_lines(self) -> Iterator[str]:
        recalls = self.measured.recalls
        if recalls is None:
            return
        yield ""
        yield from tables.lines(tables.groups(self.measured.names.members, recalls), tables.GROUPS)
        yield from self._left_out("attributes", [row["attribute"] for row in self.attributes if not row["images"]])
        yield f"recall@k: {ATTRIBUTE_RULE} (DeepFashion's paper)"

    def _mmfashion_lines(self) -> Iterator[str]:
        figures = self.measured.mmfashion.items()
        told = [f"{name.partition('/')[2].replace('_', ' ')} {cell(known(value))}" for name, value in figures]
        yield f"mmfashion   {'  '.join(told)} (other definitions: not to be compared with the above)"

    @staticmethod
    def _left_out(what: str, names: Sequence[str]) -> Iterator[str]:
        if names:
            more = f" and {len(names) - tables.LISTED} more" if len(names) > tables.LISTED else ""
            listed = ", ".join(names[: tables.LISTED])
            yield f"no image has {len(names)} of the {what}, which the means leave out: {listed}{more}"

    def values(self) -> Mapping[str, Any]:
        """All of it as JSON types; None where there is nothing to measure."""
        measured, names = self.measured, self.measured.names
        *rows, everything, mean = self.rows
        values: dict[str, Any] = {
            "model": self.options.model,
            "pictures": measured.images,
            "classes": rows, "all": everything, "mean": mean,
            "confusion": {"classes": [*names.values[0]], "counts": measured.choices[0].confusion.tolist()},
            "wrong_answers": [self._told(each) for each in self.wrong],
            "right_answers": [self._told(each) for each in self.right],
            "definitions": {"category": CATEGORY_RULE, "attributes": ATTRIBUTE_RULE},
        }  # fmt: skip
        if len(names.tasks) > 1:
            values["tasks"] = {
                task: {"values": [*known], "images": int(counted.images.sum()), "confusion": counted.confusion.tolist()}
                for task, known, counted in zip(names.tasks, names.values, measured.choices, strict=True)
            }
        if measured.recalls is not None:
            values["attribute_groups"] = tables.groups(names.members, measured.recalls)
            values["attributes"] = self.attributes
        if measured.boxes is not None:
            values["boxes_measured"] = measured.boxes.images
        return values

    def _told(self, answer: Answer) -> dict[str, Any]:
        answers = [[name, round(probability, 5)] for name, probability in answer.answers]
        task = self.measured.names.tasks[answer.task]
        return {"picture": self.images.name(answer.number), "task": task, "truth": answer.truth, "answers": answers}

    def draw(self, folder: Path) -> list[Path]:
        """Write the confusions of each task, and the sheets of answers, below ``folder``; returns them."""
        from runtime.tasks.classification import sheet

        paths = [path for task in range(len(self.measured.choices)) for path in self._draw_confusion(folder, task)]
        for name, answers, right in ((WRONG, self.wrong, False), (RIGHT, self.right, True)):
            if not answers:
                (folder / name).unlink(missing_ok=True)
                continue
            sheet.draw(folder / name, answers, self.measured.names.tasks, self.images, right=right, about=self.about)
            paths.append(folder / name)
        return paths

    def _draw_confusion(self, folder: Path, task: int) -> Iterator[Path]:
        """In counts and in shares, of the values that occur."""
        from runtime.tasks.detection.evaluation import charts

        counts, values = self.measured.choices[task].confusion, self.measured.names.values[task]
        occur = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
        if not len(occur):
            return
        about = f"{self.about} · {self.measured.names.tasks[task]}"
        if len(occur) < len(values):
            about += f" · {len(occur)} of {len(values)} values"
        own = "" if task == 0 else f"_{task}_{re.sub(r'[^A-Za-z0-9]+', '_', self.measured.names.tasks[task])}"
        for normalised in (False, True):
            path = folder / f"{CONFUSION}{own}{'_normalised' * normalised}.png"
            charts.confusion(
                path, counts[np.ix_(occur, occur)], [values[at] for at in occur], about=about,
                normalised=normalised, background=False, model="the model",
            )  # fmt: skip
            yield path

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:  # noqa: ARG002
        hint = "evaluation.json, classes.csv and attributes.csv have the figures"
        raise UsageError("COCO has no format for what is said of an image as a whole", hint=hint)
