"""COCO's figures by the programs that others trust: faster-coco-eval and pycocotools, on the same detections."""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import TYPE_CHECKING, Any

from runtime.tasks.detection.evaluation.coco import NAMES
from runtime.tasks.detection.findings import Findings, Items

if TYPE_CHECKING:
    from runtime.tasks.instance_segmentation.measuring import SegmentationMetrics

JUDGES = {
    "faster-coco-eval": ("faster_coco_eval", "COCO", "COCOeval_faster"),
    "pycocotools": ("pycocotools", "coco.COCO", "cocoeval.COCOeval"),
}


def figures(findings: Findings, judge: str) -> dict[str, float]:
    """The twelve figures by name, NaN where the judge says -1."""
    return counted(judge, *records(findings))


Records = list[dict[str, Any]]


def records(findings: Findings) -> tuple[dict[str, Any], Records]:
    """COCO's annotations and results as they stand in its JSON files; boxes in pixels of the stored pictures."""
    categories = [{"id": k, "name": name} for k, name in enumerate(findings.classes, start=1)]
    images = [{"id": k + 1, "width": int(w), "height": int(h)} for k, (w, h) in enumerate(findings.sizes)]
    truth = findings.truth
    areas = findings.areas(truth).tolist()
    objects = [
        {**row, "id": k, "area": area, "iscrowd": int(crowd)}
        for k, (row, area, crowd) in enumerate(zip(_rows(findings, truth), areas, truth.crowd, strict=True), 1)
    ]
    scores = findings.found.score.tolist()
    found = [{**row, "score": score} for row, score in zip(_rows(findings, findings.found), scores, strict=True)]
    return {"info": {}, "images": images, "categories": categories, "annotations": objects}, found


Judged = dict[str, tuple[dict[str, Any], Records]]
"""Annotations and results by what is compared: "bbox", "segm"."""


def records_of_both(metrics: SegmentationMetrics) -> Judged:
    """Of boxes and of masks, whose results have no box, so that areas are those of the masks."""
    findings, masks = metrics.boxes.collector.findings(), metrics.masks
    sizes = [[int(height), int(width)] for width, height in findings.sizes]
    judged = {}
    for kind in ("bbox", "segm"):
        truth, found = records(findings)
        if kind == "segm":
            for rows, counts in ((truth["annotations"], masks.truth), (found, masks.found)):
                for row, each in zip(rows, counts, strict=True):
                    row["segmentation"] = {"size": sizes[row["image_id"] - 1], "counts": each}
            for row in found:
                del row["bbox"]
        judged[kind] = truth, found
    return judged


def counted(judge: str, truth: dict[str, Any], found: Records, kind: str = "bbox") -> dict[str, float]:
    """What ``judge`` makes of them; it adds to the records what it needs."""
    package, *names = JUDGES[judge]
    coco, evaluation = (_named(package, name) for name in names)
    # Both tell on standard output how far they are.
    with contextlib.redirect_stdout(io.StringIO()):
        objects = coco()
        objects.dataset = truth
        objects.createIndex()
        judged = evaluation(objects, _results(coco, objects, found), kind)
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    values = [float(value) for value in judged.stats[: len(NAMES)]]
    return {name: value if value >= 0 else float("nan") for name, value in zip(NAMES, values, strict=True)}


def _named(package: str, path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"{package}.{module}" if module else package), name)


def _results(coco: Any, objects: Any, found: Records) -> Any:
    """The detections as a judge takes them; its own ``loadRes`` does not know what to do with none at all."""
    if found:
        return objects.loadRes(found)
    empty = coco()
    empty.dataset = {**objects.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _rows(findings: Findings, items: Items) -> list[dict[str, Any]]:
    boxes = findings.stored(items)
    boxes[:, 2:] -= boxes[:, :2]
    columns = (items.picture + 1).tolist(), items.label.tolist(), boxes.tolist()
    return [
        {"image_id": picture, "category_id": label, "bbox": box} for picture, label, box in zip(*columns, strict=True)
    ]
