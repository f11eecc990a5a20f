"""Landmarks as files: a JSON file an image, and COCO's results format with the vector of all points."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model.landmarks import Layout
from runtime.tasks import Prediction, Results, ResultsOptions, class_names
from runtime.tasks.detection import coco_results, json_numbers
from runtime.tasks.detection.coco_results import CocoResults
from runtime.tasks.detection.results import CocoWriter, ids_of
from runtime.tasks.keypoints.completing import layouts
from tltpipe.errors import UsageError
from tltpipe.files import write_text

OBJECTS = "objects"
"""The member of a file of an image that none of annotations has."""


class LandmarkWriter:
    """``{"image": ..., "objects": [{"class", "score", "box", "keypoints"}]}``: boxes as left, top, right, bottom, and
    the own points of the class in their order as [x, y, confidence]."""

    suffix = ".json"

    def require_no_annotations(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            content = None
        if not isinstance(content, dict) or OBJECTS not in content:
            what = "this is no file of landmarks, which it would be replaced by"
            raise UsageError(what, where=path, hint="choose another folder for the results (-l, -r)")

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[Results]:
        yield LandmarkFiles(path, options.classes)


@dataclass(frozen=True)
class LandmarkFiles:
    folder: Path
    classes: Sequence[str]
    about: Sequence[str] = ()

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        values = {"image": image.name, OBJECTS: [*objects(prediction, self.classes)]}
        write_text(self.folder / name, json.dumps(values) + "\n")


def objects(prediction: Prediction, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each object of ``prediction``, which is restored, as JSON types; one without landmarks has no "keypoints"."""
    names, boxes, scores = class_names(prediction, classes), prediction["boxes"].tolist(), prediction["scores"].tolist()
    for at, (name, box, score) in enumerate(zip(names, boxes, scores, strict=True)):
        record = {"class": name, "score": round(score, 6), "box": [round(value, 2) for value in box]}
        if "keypoints" in prediction:
            (layout,) = layouts([name])
            own = prediction["keypoints"][at, layout.offset : layout.offset + layout.count]
            record["keypoints"] = np.asarray(own, np.float64).round(3).tolist()
        yield record


class KeypointWriter(CocoWriter):
    """COCO's results with "keypoints"."""

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[CocoResults]:
        with coco_results.writing(path, ids_of(options), options.classes, kind=KeypointResults) as results:
            yield results


class KeypointResults(CocoResults):
    """The box is not called "bbox": from that COCO's programs would take the area, which the official evaluation
    takes from the points. Objects without landmarks, such as the people of a cascade, are boxes alone."""

    def columns(self, image: Path, name: str, prediction: Prediction) -> dict[str, Sequence[str]]:
        columns = super().columns(image, name, prediction)
        if "keypoints" in prediction:
            names = class_names(prediction, self.classes)
            known = {each: layouts([each])[0] for each in {*names}}
            pairs = [(points, known[each]) for points, each in zip(prediction["keypoints"], names, strict=True)]
            columns["score"] = json_numbers.texts(json_numbers.rounded(prediction["scores"], 7))
            columns["keypoints"] = [json.dumps(vector(_marked(points, layout), layout)) for points, layout in pairs]
            columns["box"] = columns.pop("bbox")
        return columns


def _marked(points: NDArray[Any], layout: Layout) -> NDArray[np.float64]:
    """The own ones of ``points`` by ``layout`` [n, 3], all of them visible."""
    own = np.asarray(points[layout.offset : layout.offset + layout.count], np.float64)
    return np.column_stack([own[:, :2], np.ones(layout.count)])


def vector(own: NDArray[np.float64], layout: Layout) -> list[float]:
    """``own`` points [n, 3], x, y and visibility, in the vector of all, as COCO's files have it."""
    whole: list[float] = [0] * (3 * layout.total)
    for place, (x, y, visibility) in zip(layout.slots, own.tolist(), strict=True):
        whole[3 * place : 3 * place + 3] = round(x, 3), round(y, 3), int(visibility)
    return whole
