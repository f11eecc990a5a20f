"""An evaluation as people and programs read it: lines, ``evaluation.json``, charts and the worst pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.tasks.detection import average_precision
from runtime.tasks.detection.evaluation import coco, judges
from runtime.tasks.detection.evaluation.analysis import Analysis, total
from runtime.tasks.detection.evaluation.findings import Findings
from tltpipe import files

if TYPE_CHECKING:
    from runtime.data.frames import Split
    from runtime.tasks.detection.average_precision import Mode, Result

FOLDER = "evaluation"
WORST = 12
"""Pictures on the sheet."""
COLUMNS = (
    ("objects", "objects"), ("detections", "found"), ("true_positives", "right"), ("false_positives", "wrong"),
    ("missed", "missed"), ("precision", "precision"), ("recall", "recall"), ("f1", "F1"), ("AP", "AP"),
    ("AP50_95", "AP50:95"),
)  # fmt: skip
COCO_TEXT = {"APs": "small", "APm": "medium", "APl": "large"}


@dataclass(frozen=True)
class Report:
    """Of ``findings`` as a model gave them. ``mode``, ``iou`` and ``strict`` are those of NVIDIA's average precision,
    ``threshold`` None takes the best; ``judge`` None lets us count COCO's figures ourselves."""

    findings: Findings
    model: str
    mode: Mode
    iou: float
    strict: bool = False
    threshold: float | None = None
    judge: str | None = None

    @cached_property
    def analysis(self) -> Analysis:
        return Analysis(average_precision.in_whole_pixels(self.findings), self.iou, self.threshold)

    @cached_property
    def precision(self) -> Result:
        return average_precision.precision(self.analysis.findings, mode=self.mode, iou=self.iou, strict=self.strict)

    @cached_property
    def coco(self) -> coco.Coco:
        return coco.measure(self.findings)

    @cached_property
    def figures(self) -> dict[str, float]:
        """COCO's twelve."""
        return judges.figures(self.findings, self.judge) if self.judge else self.coco.figures

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The table, a row a class and one for all."""
        rows = self.analysis.table()
        per_class, half = self.coco.per_class(), self.coco.per_class(0)
        for row, own, at_half in zip(rows, per_class, half, strict=True):
            row["AP"] = None if row["class"] in self.precision.absent else self.precision.per_class[row["class"]]
            row["AP50"], row["AP50_95"] = _known(at_half), _known(own)
        last = total(rows)
        last |= {"AP": self.precision.mean, "AP50": _known(self.figures["AP50"]), "AP50_95": _known(self.figures["AP"])}
        return [*rows, last]

    @property
    def about(self) -> str:
        return f"{self.model} · {self.findings.pictures:,} pictures · overlap {self.iou:g} or more"

    def lines(self) -> Iterator[str]:
        """The table and COCO's figures as text."""
        width = max(len("class"), *(len(row["class"]) for row in self.rows))
        yield "".join([f"{'class':<{width}}", *(f"{text:>{_width(text)}}" for _, text in COLUMNS)])
        for row in self.rows:
            cells = (f"{_cell(row[key]):>{_width(text)}}" for key, text in COLUMNS)
            yield "".join([f"{row['class']:<{width}}", *cells])
        why = "as asked for" if self.threshold is not None else "where the mean F1 is best: a good -t for tlt-infer"
        yield f"counted from a score of {self.analysis.threshold:.3g} on ({why})"
        told = (f"{COCO_TEXT.get(name, name)} {_cell(_known(value))}" for name, value in self.figures.items())
        named = list(told)
        yield f"COCO        {'  '.join(named[:6])}"
        yield f"            {'  '.join(named[6:9])}"

    def told(self, split: Split) -> dict[str, Any]:
        """All of it as JSON types; None where there is nothing to measure."""
        names, analysis = [*self.findings.classes], self.analysis
        curves = {}
        for name, curve in zip(names, analysis.curves, strict=True):
            if curve.objects:
                precision, recall = (values.round(6).tolist()[::-1] for values in curve.precision_recall)
                curves[name] = {"recall": recall, "precision": precision}
        absent = () if self.strict else self.precision.absent
        ap = {name: None if name in absent else value for name, value in self.precision.per_class.items()}
        return {
            "model": self.model,
            "pictures": self.findings.pictures,
            "objects": int(analysis.objects.sum()),
            "detections": len(self.findings.found),
            "average_precision": ap,
            "mAP": self.precision.mean,
            "mode": self.mode,
            "matching_iou_threshold": self.iou,
            "strict": self.strict,
            "coco": {name: _known(value) for name, value in self.figures.items()},
            "coco_counted_by": self.judge or "tltpipe",
            "threshold": analysis.threshold,
            "classes": self.rows[:-1],
            "all": self.rows[-1],
            "confusion": {"classes": names, "counts": analysis.confusion().tolist()},
            "curves": curves,
            "worst": [
                {"picture": split.name(each.number), "missed": each.missed, "wrong": list(each.wrong)}
                for each in analysis.worst(WORST)
            ],
        }

    def draw(self, folder: Path, split: Split) -> list[Path]:
        """Write the charts and the sheet below ``folder``; returns them."""
        from runtime.tasks.detection.evaluation import charts, sheet

        analysis, about = self.analysis, self.about
        counted = f"{about} · score {analysis.threshold:.2f} or more"
        paths = [folder / name for name in ("confusion.png", "precision_recall.png", "f1.png")]
        charts.confusion(paths[0], analysis.confusion(), self.findings.classes, about=counted)
        charts.precision_recall(paths[1], analysis, list(self.precision.per_class.values()), about=about)
        charts.f1(paths[2], analysis, about=about)
        if pictures := analysis.worst(WORST):
            paths.append(folder / "worst.png")
            places = [(split.name(each.number), split.image(each.number)) for each in pictures]
            sheet.draw(paths[-1], analysis, pictures, places, about=counted)
        else:
            (folder / "worst.png").unlink(missing_ok=True)
        return paths


def write(folder: Path, told: Mapping[str, Any]) -> Path:
    """``evaluation.json`` in ``folder``."""
    path = folder / "evaluation.json"
    files.write_text(path, text(told))
    return path


def text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=1, allow_nan=False) + "\n"


def describe(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _width(text: str) -> int:
    return max(8, len(text) + 2)
