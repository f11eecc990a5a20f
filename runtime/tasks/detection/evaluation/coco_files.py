"""What was found on the validation pictures, and what is there, as two COCO files that belong to each other.

Boxes of both are in pixels of the pictures that were evaluated, so any evaluator of COCO counts what we counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks.detection import coco_results
from runtime.tasks.detection.drawing import Find
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.data.frames import Split
    from runtime.tasks.detection.coco_results import Ids
    from runtime.tasks.detection.evaluation.findings import Findings, Items

RESULTS, ANNOTATIONS = "coco_results.json", "coco_annotations.json"


def pictures(split: Split) -> list[Path]:
    """The pictures of ``split`` as COCO files may know them."""
    return [split.roots[split.folders[number]] / split.name(number) for number in range(len(split))]


def write(folder: Path, findings: Findings, split: Split, ids: Ids) -> list[Path]:
    """Write both files below ``folder``; returns them."""
    paths = pictures(split)
    with coco_results.writing(folder / RESULTS, ids) as results:
        for number, finds in _by_picture(findings, findings.found):
            results.add(paths[number], finds)
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
        for thing in objects:
            left, top, right, bottom = thing.box
            wide, high = right - left, bottom - top
            record = {"id": len(annotations) + 1, "image_id": ids.pictures[paths[number]]}
            record |= {"category_id": ids.classes[thing.name], "bbox": [left, top, wide, high]}
            annotations.append(record | {"area": wide * high, "iscrowd": 0})
    categories = [{"id": ids.classes[name], "name": name} for name in findings.classes]
    return {"images": images, "annotations": annotations, "categories": categories}


def _by_picture(findings: Findings, items: Items) -> Iterator[tuple[int, list[Find]]]:
    """The objects or detections of each picture that has any, in pixels of the stored picture."""
    if not len(items):
        return
    boxes = findings.stored(items)
    starts = np.flatnonzero(np.diff(items.picture, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        part = slice(start, end)
        rows = zip(boxes[part].tolist(), items.label[part].tolist(), items.score[part].tolist(), strict=True)
        yield (
            int(items.picture[start]),
            [Find((b[0], b[1], b[2], b[3]), label, findings.classes[label - 1], score) for b, label, score in rows],
        )
