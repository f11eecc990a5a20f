"""An evaluation of a detector as people and programs read it: lines, JSON, charts, the worst images and the best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Images, Prediction, ReportOptions, Scores
from runtime.tasks.detection import class_maps, coco_results
from runtime.tasks.detection.coco_results import Ids
from runtime.tasks.detection.evaluation.analysis import Analysis, Picture, total
from runtime.tasks.detection.findings import Findings, Items
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.tasks.detection.average_precision import Result
    from runtime.tasks.detection.evaluation.scoring import Measured

STARS = "*" * 31
SHOWN = 12
"""Images on a sheet."""
COLUMNS = (
    ("images", "images"), ("objects", "objects"), ("detections", "found"), ("true_positives", "right"),
    ("false_positives", "wrong"), ("missed", "missed"), ("precision", "precision"), ("recall", "recall"), ("f1", "F1"),
    ("AP", "AP"), ("AP50", "AP50"), ("AP50_95", "AP50:95"),
)  # fmt: skip
CHARTS = ("confusion", "confusion_normalised", "precision_recall", "precision", "recall", "f1")
COCO_TEXT = {"APs": "small", "APm": "medium", "APl": "large"}


@dataclass(frozen=True)
class DetectionReport:
    """``runtime.tasks.Report`` of what was ``measured`` on ``images``."""

    measured: Measured
    images: Images
    options: ReportOptions

    @property
    def scores(self) -> Scores:
        return self.measured.scores

    @cached_property
    def analysis(self) -> Analysis:
        analysis, threshold = self.measured.analysis, self.options.threshold
        return analysis if threshold is None else replace(analysis, wanted=threshold)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row a class, one for all of them together, and one of the means over the classes."""
        rows, precision, coco = self.analysis.table(), self.measured.precision, self.measured.coco
        per_class, half = coco.per_class(), coco.per_class(0)
        for row, own, at_half in zip(rows, per_class, half, strict=True):
            row["AP"] = None if row["class"] in precision.absent else precision.per_class[row["class"]]
            row["AP50"], row["AP50_95"] = known(at_half), known(own)
        means = {"AP": precision.mean, "AP50": known(coco.figures["AP50"]), "AP50_95": known(coco.figures["AP"])}
        shares = dict(zip(("precision", "recall", "f1"), self.analysis.means, strict=True))
        together = {**total(rows), "images": self.measured.findings.pictures, **means}
        return [*rows, together, {"class": "mean", **shares, **means}]

    @property
    def about(self) -> str:
        iou = self.measured.evaluation.iou
        return f"{self.options.model} · {self.measured.findings.pictures:,} pictures · overlap {iou:g} or more"

    @property
    def counted(self) -> str:
        """``about`` what is counted at the threshold."""
        return f"{self.about} · score {self.analysis.threshold:.2f} or more"

    def lines(self) -> Iterator[str]:
        """NVIDIA's block, the table and COCO's figures."""
        precision = self.measured.precision
        yield from table(precision, decimals=3)
        if precision.absent and not self.measured.strict:
            yield f"not in the mean, having no object here: {', '.join(sorted(precision.absent))}"
        yield ""
        yield from self._table()

    def _table(self) -> Iterator[str]:
        width = max(len("class"), *(len(row["class"]) for row in self.rows))
        yield "".join([f"{'class':<{width}}", *(f"{text:>{_width(text)}}" for _, text in COLUMNS)])
        for row in self.rows:
            cells = (f"{cell(row.get(key)):>{_width(text)}}" for key, text in COLUMNS)
            yield "".join([f"{row['class']:<{width}}", *cells])
        why = "where the mean F1 is best: a good -t for tlt-infer" if self.options.threshold is None else "as asked for"
        yield f"counted from a score of {self.analysis.threshold:.3g} on ({why})"
        yield from coco_lines("COCO", self.measured.coco.figures)

    def values(self) -> dict[str, Any]:
        """All of it as JSON types; None where there is nothing to measure."""
        measured, analysis = self.measured, self.analysis
        names, precision, evaluation = [*measured.findings.classes], measured.precision, measured.evaluation
        absent = () if measured.strict else precision.absent
        ap = {name: None if name in absent else value for name, value in precision.per_class.items()}
        return {
            "model": self.options.model,
            "pictures": measured.findings.pictures,
            "objects": int(analysis.objects.sum()),
            "detections": len(measured.findings.found),
            "per_class": {"AP": ap},
            "average_precision": ap,
            "mode": evaluation.mode,
            "matching_iou_threshold": evaluation.iou,
            "strict": measured.strict,
            "coco": {name: known(value) for name, value in measured.coco.figures.items()},
            "coco_counted_by": "tltpipe",
            "threshold": analysis.threshold,
            "classes": self.rows[:-2],
            "all": self.rows[-2],
            "mean": self.rows[-1],
            "confusion": {"classes": names, "counts": analysis.confusion().tolist()},
            "curves": self._curves(),
            "worst": [
                {"picture": self.images.name(each.number), "missed": each.missed, "wrong": list(each.wrong)}
                for each in analysis.worst(SHOWN)
            ],
            "best": [
                {"picture": self.images.name(each.number), "found": each.found, "missed": each.missed}
                for each in analysis.best(SHOWN)
            ],
        }

    def _curves(self) -> dict[str, Any]:
        curves = {}
        for name, (precision, recall) in self.scores.curves.items():
            rising = (values.round(6).tolist()[::-1] for values in (recall, precision))
            curves[name] = dict(zip(("recall", "precision"), rising, strict=True))
        return curves

    def draw(self, folder: Path) -> list[Path]:
        """Write the charts and the sheets below ``folder``; returns them."""
        analysis, about, measured = self.analysis, self.about, self.measured
        counts, classes = analysis.confusion(), measured.findings.classes
        paths = [folder / f"{name}.png" for name in CHARTS]
        with ThreadPoolExecutor(1) as pool:  # what takes time in a sheet, its compression, leaves Python to the charts
            ranked = {"worst": analysis.worst(SHOWN), "best": analysis.best(SHOWN)}
            sheets = {name: pool.submit(self._sheet, name, pictures) for name, pictures in ranked.items()}
            from runtime.tasks.detection.evaluation import charts

            charts.confusion(paths[0], counts, classes, about=self.counted)
            charts.confusion(paths[1], counts, classes, about=self.counted, normalised=True)
            charts.precision_recall(paths[2], analysis, list(measured.precision.per_class.values()), about=about)
            for path, measure in zip(paths[3:], charts.MEASURES, strict=True):
                charts.over_threshold(path, analysis, measure, about=about)
        for name, drawn in sheets.items():
            path, content = folder / f"{name}.png", drawn.result()
            if not content:
                path.unlink(missing_ok=True)
                continue
            with atomic(path, "wb") as stream:
                stream.write(content)
            paths.append(path)
        return paths

    def _sheet(self, name: str, pictures: Sequence[Picture]) -> bytes:
        """A PNG of ``pictures``; nothing of none."""
        from runtime.tasks.detection.evaluation import sheet

        places = [(self.images.name(each.number), self.images.image(each.number)) for each in pictures]
        title = f"The {name} pictures"
        return sheet.draw(self.analysis, pictures, places, title=title, about=self.counted) if pictures else b""

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:
        """Detections and objects as two COCO files, with the ids of the class maps."""
        return write(folder, self.measured.findings, self.images, self.ids), "; ".join(self.ids.about)

    @cached_property
    def ids(self) -> Ids:
        """What COCO files call the images and the classes."""
        paths, classes = paths_of(self.images), self.measured.findings.classes
        if self.options.class_maps:  # their images may have had another size before they were augmented
            return class_maps.ids(self.options.class_maps, paths, classes, measure=False)
        return coco_results.count(paths, classes)


def table(result: Result, *, decimals: int) -> Iterator[str]:
    """NVIDIA's block: a line for each class and the mean; names are never cut and never touch ``AP``.

    A class without an object in the data has a dash, but where the result is strict.
    """
    width = max(14, *(len(name) + 2 for name in result.per_class))
    yield STARS
    for name, value in result.per_class.items():
        shown = "-" if name in result.absent and not result.strict else f"{value:.{decimals}f}"
        yield f"{name:<{width}}{'AP':<6}{shown}"
    yield f"{'':<{width}}{'mAP':<6}{result.mean:.{decimals}f}"
    yield STARS


def coco_lines(title: str, figures: Mapping[str, float]) -> Iterator[str]:
    """Two lines of COCO's twelve ``figures``, but for those of recall by size."""
    named = [f"{COCO_TEXT.get(name, name)} {cell(known(value))}" for name, value in figures.items()]
    yield f"{title:<12}{'  '.join(named[:6])}"
    yield f"{'':<12}{'  '.join(named[6:9])}"


def known(value: float) -> float | None:
    """None for NaN, where there is nothing to measure."""
    return None if math.isnan(value) else value


def cell(value: Any) -> str:
    """``value`` in a table; a dash for None."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _width(text: str) -> int:
    return max(8, len(text) + 2)


RESULTS, ANNOTATIONS = "coco_results.json", "coco_annotations.json"


def paths_of(images: Images) -> list[Path]:
    """The images as COCO files may know them."""
    return [coco_results.path_of(images, number) for number in range(len(images))]


def write(folder: Path, findings: Findings, images: Images, ids: Ids) -> list[Path]:
    """Write both files below ``folder``; returns them."""
    paths = paths_of(images)
    write_results(folder / RESULTS, findings, paths, ids)
    with atomic(folder / ANNOTATIONS) as stream:
        json.dump(annotation_file(findings, paths, ids), stream)
    return [folder / RESULTS, folder / ANNOTATIONS]


def write_results(path: Path, findings: Findings, paths: list[Path], ids: Ids) -> None:
    """Write the detections on the images ``paths``."""
    with coco_results.writing(path, ids, findings.classes) as results:
        for number, prediction in by_picture(findings, findings.found):
            results.add(paths[number], paths[number].name, prediction)


def annotation_file(findings: Findings, paths: list[Path], ids: Ids) -> dict[str, Any]:
    """The objects as a COCO file holds them, in the order of ``findings.truth``."""
    sizes = findings.sizes.tolist()
    images = [
        {"id": ids.pictures[path], "file_name": path.name, "width": width, "height": height}
        for path, (width, height) in zip(paths, sizes, strict=True)
    ]
    records: list[dict[str, Any]] = []
    for number, objects in by_picture(findings, findings.truth):
        columns = (objects[name].tolist() for name in ("boxes", "labels", "area", "crowd"))
        for box, label, area, crowd in zip(*columns, strict=True):
            left, top, right, bottom = box
            wide, high = right - left, bottom - top
            record = {"id": len(records) + 1, "image_id": ids.pictures[paths[number]]}
            record |= {"category_id": ids.classes[findings.classes[label - 1]], "bbox": [left, top, wide, high]}
            records.append(record | {"area": area, "iscrowd": int(crowd)})
    categories = [{"id": ids.classes[name], "name": name} for name in findings.classes]
    return {"images": images, "annotations": records, "categories": categories}


def by_picture(findings: Findings, items: Items) -> Iterator[tuple[int, Prediction]]:
    """The objects or detections of each picture that has any, in pixels of the stored picture."""
    if not len(items):
        return
    boxes, areas = findings.stored(items), findings.areas(items)
    starts = np.flatnonzero(np.diff(items.picture, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        part = slice(start, end)
        prediction: Prediction = {
            "boxes": boxes[part], "labels": items.label[part], "scores": items.score[part],
            "area": areas[part], "crowd": items.crowd[part],
        }  # fmt: skip
        yield int(items.picture[start]), prediction
