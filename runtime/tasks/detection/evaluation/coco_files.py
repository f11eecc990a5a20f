"""What was found on the validation pictures, and what is there, as two COCO files that belong to each other.

Boxes of both are in pixels of the pictures that were evaluated, so any evaluator of COCO counts what we counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runtime.tasks import Images, Prediction
from runtime.tasks.detection import coco_results
from runtime.tasks.detection.coco_results import Ids
from runtime.tasks.detection.findings import Findings, Items
from tltpipe.files import atomic

RESULTS, ANNOTATIONS = "coco_results.json", "coco_annotations.json"


def paths_of(images: Images) -> list[Path]:
    """The images as COCO files may know them."""
    return [_path(images, number) for number in range(len(images))]


def _path(images: Images, number: int) -> Path:
    place = images.image(number)
    return place if isinstance(place, Path) else place.path / images.name(number)


def write(folder: Path, findings: Findings, images: Images, ids: Ids) -> list[Path]:
    """Write both files below ``folder``; returns them."""
    paths = paths_of(images)
    with coco_results.writing(folder / RESULTS, ids, findings.classes) as results:
        for number, prediction in _by_picture(findings, findings.found):
            results.add(paths[number], paths[number].name, prediction)
    with atomic(folder / ANNOTATIONS) as stream:
        json.dump(_truth(findings, paths, ids), stream)
    return [folder / RESULTS, folder / ANNOTATIONS]


def _truth(findings: Findings, paths: list[Path], ids: Ids) -> Mapping[str, Any]:
    sizes = findings.sizes.tolist()
    images = [
        {"id": ids.pictures[path], "file_name": path.name, "width": width, "height": height}
        for path, (width, height) in zip(paths, sizes, strict=True)
    ]
    annotations: list[dict[str, Any]] = []
    for number, objects in _by_picture(findings, findings.truth):
        columns = (objects[name].tolist() for name in ("boxes", "labels", "area", "crowd"))
        for box, label, area, crowd in zip(*columns, strict=True):
            left, top, right, bottom = box
            wide, high = right - left, bottom - top
            record = {"id": len(annotations) + 1, "image_id": ids.pictures[paths[number]]}
            record |= {"category_id": ids.classes[findings.classes[label - 1]], "bbox": [left, top, wide, high]}
            annotations.append(record | {"area": area, "iscrowd": int(crowd)})
    categories = [{"id": ids.classes[name], "name": name} for name in findings.classes]
    return {"images": images, "annotations": annotations, "categories": categories}


def _by_picture(findings: Findings, items: Items) -> Iterator[tuple[int, Prediction]]:
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
