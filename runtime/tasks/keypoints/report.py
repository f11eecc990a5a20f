"""An evaluation of landmarks as people and programs read it: a table, JSON, curves of PCK, worst and best objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Images, ReportOptions, Scores
from runtime.tasks.detection import class_maps, coco_results
from runtime.tasks.detection.coco_results import Ids
from runtime.tasks.detection.evaluation.report import cell, known, paths_of
from runtime.tasks.keypoints import coco_files, similarity
from runtime.tasks.keypoints.distances import GRID

if TYPE_CHECKING:
    from runtime.tasks.keypoints.measuring import MeasuredKeypoints

SHOWN, GOOD = 12, 0.95
"""Objects on a sheet; from this OKS on none is among the worst."""
COUNTS = ("objects", "points", "predictions")
TEXT = {"APm": "medium", "APl": "large", "ARm": "medium", "ARl": "large"}
VISIBILITIES = {"all": "visible and occluded points", "visible": "visible points alone"}


@dataclass(frozen=True)
class Item:
    """An object on image ``image`` of its split, its place among all objects, and that of the prediction for it, -1 for
    none; ``oks`` says how alike they are."""

    image: int
    truth: int
    found: int
    oks: float


@dataclass(frozen=True)
class KeypointReport:
    """``runtime.tasks.Report`` of what was ``measured`` on ``images``."""

    measured: MeasuredKeypoints
    images: Images
    options: ReportOptions

    @property
    def scores(self) -> Scores:
        return self.measured.scores

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row a class, and one for all of them together."""
        measured, labelled = self.measured, self.measured.similarity.labelled
        counted = measured.truth.label[labelled & ~measured.truth.crowd]
        points = [int(np.count_nonzero(measured.truth.marks[_own(measured, label)] > 0)) for label in self._labels]
        rows: list[dict[str, Any]] = [
            {
                "class": name, "objects": int(np.count_nonzero(counted == label)), "points": points[label - 1],
                "predictions": int(np.count_nonzero(measured.found.label == label)),
                **{key: known(value) for key, value in row.items()},
            }
            for label, name, row in zip(self._labels, measured.classes, measured.rows, strict=True)
        ]  # fmt: skip
        sums = {key: sum(row[key] for row in rows) for key in COUNTS}
        means = {key: known(value) for key, value in (measured.oks | measured.apart).items()}
        return [*rows, {"class": "all", **sums, **means}]

    @property
    def _labels(self) -> range:
        return range(1, 1 + len(self.measured.classes))

    @property
    def boxes(self) -> str:
        """Where the boxes come from that predictions were made of."""
        if self.measured.true_boxes:
            return "annotated boxes"
        return f"boxes of {self.options.boxes}" if self.options.boxes else "boxes of a detector"

    @property
    def about(self) -> str:
        return f"{self.options.model} · {self.boxes} · {VISIBILITIES[self.measured.visibility]}"

    @property
    def unlabelled(self) -> int:
        """Objects that do not count, having no labelled point."""
        return int(np.count_nonzero(~self.measured.similarity.labelled))

    def lines(self) -> Iterator[str]:
        columns = {"objects": "objects", "predictions": "found", **dict.fromkeys(similarity.NAMES[:6], "")}
        columns |= dict.fromkeys(self.measured.apart, "")
        titles = {key: title or key for key, title in columns.items()}
        width = max(len("class"), *(len(row["class"]) for row in self.rows)) + 1
        yield f"{'class':<{width}}" + "".join(f"{title:>9}" for title in titles.values())
        for row in self.rows:
            yield f"{row['class']:<{width}}" + "".join(f"{cell(row[key]):>9}" for key in titles)
        named = [f"{TEXT.get(name, name)} {cell(known(value))}" for name, value in self.measured.oks.items()]
        yield f"{'COCO, OKS':<12}{'  '.join(named[:5])}"
        yield f"{'':<12}{'  '.join(named[5:])}"
        yield f"measured on {self.boxes}, {VISIBILITIES[self.measured.visibility]}"
        if self.unlabelled:
            yield f"not counted: {self.unlabelled} objects without a labelled point"

    def values(self) -> dict[str, Any]:
        """All of it as JSON types; None where there is nothing to measure."""
        measured = self.measured
        return {
            "model": self.options.model,
            "boxes": "true" if measured.true_boxes else "file",
            "visibility": measured.visibility,
            "pictures": len(self.images),
            "objects": self.rows[-1]["objects"],
            "objects_without_landmarks": self.unlabelled,
            "detections": len(measured.found),
            "per_class": {
                name: {each: known(value) for each, value in measured.column(column).items()}
                for name, column in measured.titles.items()
            },
            "coco_keypoints": {name: known(value) for name, value in measured.oks.items()},
            "classes": self.rows[:-1],
            "all": self.rows[-1],
            "curves": self._curves(),
            "worst": [self._told(each) for each in self.worst()],
            "best": [self._told(each) for each in self.best()],
        }

    def _curves(self) -> dict[str, Any]:
        """PCK of each class over the threshold, a share of the longer side of the box."""
        if not self.measured.true_boxes:
            return {}
        named = zip(self.measured.classes, self.measured.distances, strict=True)
        return {
            name: {"threshold": GRID.round(2).tolist(), "PCK": each.curve.round(6).tolist()}
            for name, each in named
            if len(each)
        }

    def class_of(self, item: Item) -> str:
        return self.measured.classes[int(self.measured.truth.label[item.truth]) - 1]

    def _told(self, item: Item) -> dict[str, Any]:
        return {"picture": self.images.name(item.image), "class": self.class_of(item), "OKS": round(item.oks, 6)}

    def worst(self) -> list[Item]:
        """The objects that predictions are least like, worst first; none that is predicted well."""
        return [each for each in self._ranked[:SHOWN] if each.oks < GOOD]

    def best(self) -> list[Item]:
        """The objects that predictions are most like, best first; none that has no prediction."""
        best = sorted(self._ranked[-SHOWN:], key=lambda each: (-each.oks, each.truth))
        return [each for each in best if each.found >= 0]

    @cached_property
    def _ranked(self) -> list[Item]:
        """The ends of the list of all objects that count, the one that predictions are least like first."""
        measured = self.measured
        found, objects = measured.pairs
        oks, best = np.zeros(len(measured.truth)), np.full(len(measured.truth), -1)
        oks[objects], best[objects] = measured.similarity(found, objects), found
        counted = np.flatnonzero(measured.similarity.labelled & ~measured.truth.crowd)
        order = counted[np.argsort(oks[counted], kind="stable")]
        image = measured.truth.image
        ends = order if len(order) <= 2 * SHOWN else np.concatenate([order[:SHOWN], order[-SHOWN:]])
        return [Item(int(image[at]), int(at), int(best[at]), float(oks[at])) for at in ends]

    def draw(self, folder: Path) -> list[Path]:
        """Write the curves and the sheets below ``folder``; returns them."""
        from runtime.tasks.keypoints import charts, sheet

        paths = []
        if self.measured.true_boxes:
            paths.append(folder / "pck.png")
            charts.pck(paths[0], self.measured, about=self.about)
        for name, items in (("worst", self.worst()), ("best", self.best())):
            if items:
                paths.append(folder / f"{name}.png")
                sheet.draw(paths[-1], self, items, title=f"The {name} objects")
        for name in {"pck.png", "worst.png", "best.png"} - {path.name for path in paths}:
            (folder / name).unlink(missing_ok=True)
        return paths

    @cached_property
    def ids(self) -> Ids:
        """What COCO files call the images and the classes."""
        paths = paths_of(self.images)
        if self.options.class_maps:
            return class_maps.ids(self.options.class_maps, paths, self.measured.classes, measure=False)
        if self.measured.split is None:
            return coco_results.count(paths, self.measured.classes)
        return coco_results.of_split(self.measured.split, self.measured.classes)

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:
        """Predictions, without boxes, so that COCO's programs take areas from the points, and objects with those of
        their points that count."""
        return coco_files.write(folder, self.measured, paths_of(self.images), self.ids), "; ".join(self.ids.about)


def _own(measured: MeasuredKeypoints, label: int) -> np.ndarray:
    which = np.flatnonzero(measured.truth.label == label)
    return measured.truth.own(which, measured.layouts[label - 1].count)
