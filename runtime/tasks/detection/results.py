"""Detections as files: KITTI lines, a file an image, and COCO's results format, one file for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.tasks import Prediction, ResultsOptions, class_names
from runtime.tasks.detection import class_maps, coco_results
from runtime.tasks.detection.coco_results import CocoResults, Ids
from tltpipe.errors import UsageError
from tltpipe.files import write_text

ANNOTATED = 15
"""Columns of a KITTI file without scores."""


class KittiWriter:
    """Sixteen columns: those of annotations, and the score."""

    suffix = ".txt"

    def require_no_annotations(self, path: Path) -> None:
        words = path.read_text("utf-8", errors="replace").partition("\n")[0].split()
        if len(words) == ANNOTATED:
            what = "these are annotations, which the labels of what is found would replace"
            raise UsageError(what, where=path, hint="choose another folder for the labels (-l, -r)")

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[KittiResults]:
        yield KittiResults(path, options.classes)


@dataclass(frozen=True)
class KittiResults:
    folder: Path
    classes: Sequence[str]
    about: Sequence[str] = ()

    def add(self, image: Path, name: str, prediction: Prediction) -> None:  # noqa: ARG002
        lines = kitti_lines(prediction, self.classes)
        write_text(self.folder / name, "".join(f"{line}\n" for line in lines))


def kitti_lines(prediction: Prediction, classes: Sequence[str]) -> list[str]:
    """Of each object its class, three zeros, the box in pixels (not clipped), seven zeros, its score."""
    names, boxes, scores = class_names(prediction, classes), prediction["boxes"].tolist(), prediction["scores"].tolist()
    return [
        f"{name.replace(' ', '_')} 0 0 0 {' '.join(f'{value:.2f}' for value in box)} 0 0 0 0 0 0 0 {score:.4f}"
        for name, box, score in zip(names, boxes, scores, strict=True)
    ]


class CocoWriter:
    suffix = ""

    def require_no_annotations(self, path: Path) -> None:
        """Any file may be replaced that the command line names."""

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[CocoResults]:
        with coco_results.writing(path, ids_of(options), options.classes) as results:
            yield results


def ids_of(options: ResultsOptions) -> Ids:
    """How COCO results number images and classes. Raises DataError."""
    if options.class_maps:
        return class_maps.ids(options.class_maps, options.images, options.classes)
    if options.coco_ids:
        return coco_results.of(options.coco_ids, options.images, options.classes)
    return coco_results.count(options.images, options.classes)
