"""Masks as files: a PNG for each beside KITTI lines, and COCO's results format with run lengths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from runtime.tasks import Prediction, Results, ResultsOptions
from runtime.tasks.detection import coco_results
from runtime.tasks.detection.coco_results import CocoResults
from runtime.tasks.detection.results import CocoWriter, KittiWriter, ids_of
from runtime.tasks.instance_segmentation import pasting
from tltpipe.files import atomic


class MaskWriter:
    """KITTI lines, and in a folder of the same name a PNG of the mask of each line: 1.png of the first."""

    def __init__(self) -> None:
        self.lines = KittiWriter()
        self.suffix = self.lines.suffix

    def require_no_annotations(self, path: Path) -> None:
        self.lines.require_no_annotations(path)

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[Results]:
        with self.lines.open(path, options) as lines:
            yield MaskFiles(path, lines)


@dataclass(frozen=True)
class MaskFiles:
    """Masks are white on black, as large as the image. Those of an earlier run that are too many go."""

    folder: Path
    lines: Results

    @property
    def about(self) -> Sequence[str]:
        return self.lines.about

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        folder, count = (self.folder / name).with_suffix(""), 0
        for count, edges in enumerate(pasting.masks(prediction), start=1):
            folder.mkdir(parents=True, exist_ok=True)
            width, height = prediction["image_size"][count - 1].tolist()
            with atomic(folder / f"{count}.png", "wb") as stream:
                whole(edges, width, height).save(stream, format="PNG")
        for old in folder.glob("*.png"):
            if old.stem.isdecimal() and int(old.stem) > count:
                old.unlink()
        self.lines.add(image, name, prediction)


def whole(edges: pasting.Edges, width: int, height: int) -> Image.Image:
    """The mask on all of its image: mode 1, white where it is."""
    part = pasting.window(edges, height)
    image = Image.new("1", (width, height))
    image.paste(Image.fromarray(part.inside), (part.left, part.top))
    return image


class SegmentationWriter(CocoWriter):
    """COCO's results with "bbox" and "segmentation"."""

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[CocoResults]:
        kind = SegmentationResults
        with coco_results.writing(path, ids_of(options), options.classes, kind=kind) as results:
            yield results


class SegmentationResults(CocoResults):
    def columns(self, image: Path, name: str, prediction: Prediction) -> dict[str, Sequence[str]]:
        """Objects without a mask, such as the people of a cascade, are boxes alone."""
        columns = super().columns(image, name, prediction)
        if "image_size" in prediction:
            pairs = zip(pasting.segmentations(prediction), prediction["image_size"].tolist(), strict=True)
            columns["segmentation"] = [json.dumps(segmentation(counts, *size)) for counts, size in pairs]
        return columns


class MaskResults(SegmentationResults):
    """Without boxes: COCO's programs then measure the masks alone."""

    def columns(self, image: Path, name: str, prediction: Prediction) -> dict[str, Sequence[str]]:
        columns = super().columns(image, name, prediction)
        del columns["bbox"]
        return columns


def segmentation(counts: bytes, width: int, height: int) -> dict[str, Any]:
    """Run lengths as COCO's files hold them."""
    return {"size": [height, width], "counts": counts.decode("ascii")}
