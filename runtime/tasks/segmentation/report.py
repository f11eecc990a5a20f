"""An evaluation of label maps as people and programs read it: a table, JSON, confusions, worst and best images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Images, ReportOptions, Scores
from runtime.tasks.classification import tables
from runtime.tasks.classification.counts import mean
from runtime.tasks.detection.evaluation.report import known
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from runtime.tasks.segmentation.measuring import MeasuredPixels, ShownImage

CONFUSION, WORST, BEST = "confusion_normalised.png", "worst.png", "best.png"
COLUMNS = {
    "class": "class", "images": "images", "share": "share", "IoU": "IoU", "precision": "precision",
    "recall": "recall", "f1": "F1", "boundary_F1": "boundary", "taken_for": "most often taken for",
}  # fmt: skip
"""Those of the table, and their titles."""
RULE = "IoU: right pixels / pixels that are, or are said to be, of the class; over all images, at their stored size"
BOUNDARY_RULE = "boundary: F1 of boundary pixels with one of the other map within 0.75 % of the image's diagonal"


@dataclass(frozen=True)
class PixelReport:
    """``runtime.tasks.Report`` of what was ``measured`` on ``images``; ``worst`` are the worst of them, worst first,
    ``best`` the best, best first."""

    measured: MeasuredPixels
    worst: Sequence[ShownImage]
    best: Sequence[ShownImage]
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
        """The table: a row a value, one of all pixels together, one of the means, and one of those without value 0."""
        measured, counts = self.measured, self.measured.counts
        columns = {"IoU": counts.iou, "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
        if measured.boundaries is not None:
            columns["boundary_F1"] = measured.boundaries.f1
        truth, said, everything = counts.truth, counts.said, int(counts.matrix.sum())
        rows = [
            {
                "class": name, "images": int(measured.has[at]), "pixels": int(truth[at]), "predicted": int(said[at]),
                "share": int(truth[at]) / everything if everything else None,
                **{column: known(float(each[at])) for column, each in columns.items()},
                "taken_for": self._taken_for(at),
            }
            for at, name in enumerate(measured.names)
        ]  # fmt: skip
        means = {column: known(mean(each)) for column, each in columns.items()}
        of_classes = {column: known(mean(each[1:])) for column, each in columns.items()}
        together = {"images": measured.images, "pixels": everything, "predicted": everything}
        return [
            *rows,
            {"class": "all", **together, "recall": known(counts.accuracy)},
            {"class": "mean", **means},
            {"class": "mean without background", **of_classes},
        ]

    def _taken_for(self, at: int) -> str:
        """``skirt (12 %)``: the share of the pixels of value ``at``; nothing where none was taken for another."""
        others = self.measured.counts.matrix[at].copy()
        everything = int(others.sum())
        others[at] = 0
        most = int(others.argmax())
        return f"{self.measured.names[most]} ({others[most] / everything:.0%})" if others[most] else ""

    def lines(self) -> Iterator[str]:
        measured = self.measured
        columns = {name: title for name, title in COLUMNS.items() if name in self.rows[0]}
        yield from tables.lines(self.rows, columns)
        if measured.absent:
            names = ", ".join(measured.absent)
            yield f"without a pixel in images and predictions, which the means leave out: {names}"
        yield RULE
        if measured.boundaries is not None:
            yield BOUNDARY_RULE
        if self.options.threshold is not None:
            yield "-t has no effect here: no figure goes by a threshold"

    def values(self) -> Mapping[str, Any]:
        """All of it as JSON types; None where there is nothing to measure."""
        measured = self.measured
        *rows, everything, means, of_classes = self.rows
        return {
            "model": self.options.model,
            "pictures": measured.images,
            "painting": measured.painting,
            "classes": rows, "all": everything, "mean": means, "mean_without_background": of_classes,
            "absent": measured.absent,
            "confusion": {"classes": [*measured.names], "counts": measured.counts.matrix.tolist()},
            "worst": [self._told(each) for each in self.worst],
            "best": [self._told(each) for each in self.best],
            "definitions": {"IoU": RULE, **({} if measured.boundaries is None else {"boundary_F1": BOUNDARY_RULE})},
        }  # fmt: skip

    def _told(self, each: ShownImage) -> dict[str, Any]:
        return {"picture": self.images.name(each.number), "mIoU": round(each.iou, 6)}

    def draw(self, folder: Path) -> list[Path]:
        """Write the confusion matrix, in shares of pixels, and the sheets of the worst and the best images below
        ``folder``; returns them."""
        from runtime.tasks.detection.evaluation import charts
        from runtime.tasks.segmentation import sheet

        paths, matrix, names = [], self.measured.counts.matrix, self.measured.names
        occur = np.flatnonzero(self.measured.counts.occurs).tolist()
        if occur:
            of = f" · {len(occur)} of {len(names)} values occur" if len(occur) < len(names) else ""
            paths.append(folder / CONFUSION)
            charts.confusion(
                paths[-1], matrix[np.ix_(occur, occur)], [names[at] for at in occur], about=f"{self.about}{of}",
                normalised=True, background=False, model="the model",
            )  # fmt: skip
        for name, shown in ((WORST, self.worst), (BEST, self.best)):
            if shown:
                title = f"The {Path(name).stem} images"
                paths.append(folder / name)
                sheet.draw(paths[-1], shown, names, self.images, title=title, about=self.about)
        for name in {CONFUSION, WORST, BEST} - {path.name for path in paths}:
            (folder / name).unlink(missing_ok=True)
        return paths

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:  # noqa: ARG002
        hint = "evaluation.json and classes.csv have the figures; tlt-infer -l writes the maps"
        raise UsageError("COCO has no results format for the classes of pixels", hint=hint)
