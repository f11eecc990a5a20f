"""An evaluation of masks as people and programs read it: that of the boxes, and what masks add to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Scores
from runtime.tasks.detection import coco_results
from runtime.tasks.detection.evaluation import report as of_boxes
from runtime.tasks.detection.evaluation.report import DetectionReport
from runtime.tasks.instance_segmentation.results import MaskResults, segmentation
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.tasks.instance_segmentation.measuring import MeasuredMasks

MASKS = "coco_mask_results.json"
AREAS = {
    "annotated": "the annotated area of objects (of the box where there is none)",
    "mask": "the area of the masks of objects",
    "box": "the area of the boxes of objects",
}


@dataclass(frozen=True)
class SegmentationReport:
    """``runtime.tasks.Report``: what detection reports of the ``boxes``, and what was ``measured`` of the masks."""

    boxes: DetectionReport
    measured: MeasuredMasks

    @property
    def scores(self) -> Scores:
        return self.measured.scores

    def lines(self) -> Iterator[str]:
        yield from self.boxes.lines()
        yield ""
        yield from self.scores.lines
        yield from of_boxes.coco_lines("COCO, masks", self.measured.mask.figures)
        yield f"small, medium and large go by {AREAS[self.measured.area]}"

    def values(self) -> dict[str, Any]:
        per_class = {
            f"{kind}_AP": _known(self.measured.per_class(measured)) for kind, measured in self.measured.kinds.items()
        }
        coco = {kind: _known(measured.figures) for kind, measured in self.measured.kinds.items()}
        values = self.boxes.values()
        return {
            **values,
            "per_class": {**values["per_class"], **per_class},
            "coco": coco["box"],
            "coco_masks": coco["mask"],
            "area": self.measured.area,
        }

    def draw(self, folder: Path) -> list[Path]:
        return self.boxes.draw(folder)

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:
        """Boxes and masks of detections as a file each, since COCO's programs take the area of a detection from its box
        wherever it has one; and the objects with both."""
        findings, ids, masks = self.measured.findings, self.boxes.ids, self.measured.masks
        paths = of_boxes.paths_of(self.boxes.images)
        of_boxes.write_results(folder / of_boxes.RESULTS, findings, paths, ids)
        start = 0
        with coco_results.writing(folder / MASKS, ids, findings.classes, kind=MaskResults) as results:
            for number, prediction in of_boxes.by_picture(findings, findings.found):
                count = len(prediction["labels"])
                own = {
                    "segmentations": np.array(masks.found[start : start + count], object),
                    "image_size": np.tile(findings.sizes[number], (count, 1)),
                }
                results.add(paths[number], paths[number].name, {**prediction, **own})
                start += count
        document = of_boxes.annotation_file(findings, paths, ids)
        sizes = findings.sizes[findings.truth.picture].tolist()
        for record, counts, (width, height) in zip(document["annotations"], masks.truth, sizes, strict=True):
            record["segmentation"] = segmentation(counts, width, height)
        with atomic(folder / of_boxes.ANNOTATIONS) as stream:
            json.dump(document, stream)
        return [folder / name for name in (of_boxes.RESULTS, MASKS, of_boxes.ANNOTATIONS)], "; ".join(ids.about)


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: of_boxes.known(value) for name, value in values.items()}
