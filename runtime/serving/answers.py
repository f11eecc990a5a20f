"""A prediction as an answer: JSON of the schema ``tltpipe.answers``, by the fields that it has, or drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.model import landmarks, run_lengths
from converters.pictures.drawing import palette_of_maps
from converters.pictures.index_maps import image_of
from runtime.inference.cascade_task import OBJECT, PART_OF
from runtime.inference.drawn_images import JPEG
from runtime.serving import uploads
from runtime.serving.engine import Outcome
from runtime.serving.models import Served
from runtime.tasks import Prediction, class_names
from runtime.tasks.classification.names import Likely, Names
from runtime.tasks.classification.results import LIKELIEST
from runtime.tasks.instance_segmentation import pasting
from runtime.tasks.segmentation.measuring import BACKGROUND

FAST = 1
"""Of the ten levels at which a PNG is compressed: areas of one value get small all the same."""
Record = dict[str, Any]
"""An object, as JSON types."""


def answer(served: Served, outcome: Outcome, name: str, classes: frozenset[str] | None = None) -> Record:
    """``tltpipe.answers.Answer`` for the image called ``name``, of objects of ``classes``; None: of all."""
    width, height = outcome.upload.size
    turn = outcome.upload.orientation
    told: Record = {
        "image": {"name": name, "width": width, "height": height, "exif": {"orientation": turn, "turned": turn != 1}},
        "task": served.task,
        "model": {"name": served.name, "sha256": served.sha256},
        "predictions": _objects(outcome.prediction, served, classes),
    }
    for field, add in _OF_IMAGES.items():
        if field in outcome.prediction:
            told |= add(outcome.prediction, served)
    times = {"queue": outcome.queue, "decode": outcome.decode, "model": outcome.model}
    return told | {"timings_ms": {step: round(value, 3) for step, value in times.items()}}


def drawn(served: Served, outcome: Outcome, classes: frozenset[str] | None = None) -> bytes:
    """The image with the prediction on it, as JPEG."""
    image = Image.fromarray(uploads.decoded(outcome.upload.place))
    prediction = outcome.prediction
    if classes is not None and "scores" in prediction:
        chosen = [name in classes for name in class_names(prediction, served.classes)]
        prediction = {name: values[np.array(chosen, bool)] for name, values in prediction.items()}
    stream = io.BytesIO()
    served.presents.draw(image, prediction, served.classes).save(stream, "JPEG", **JPEG)
    return stream.getvalue()


def _objects(prediction: Prediction, served: Served, classes: frozenset[str] | None) -> list[Record]:
    if "scores" not in prediction:
        return [*_single(prediction, served, classes)]
    names = class_names(prediction, served.classes)
    boxes, labels = prediction["boxes"].tolist(), prediction["labels"].tolist()
    scores = np.asarray(prediction["scores"], np.float64).tolist()
    records = [_record(*each) for each in zip(names, labels, boxes, scores, strict=True)]
    inside = prediction[PART_OF] > 0 if PART_OF in prediction else np.ones(len(records), bool)
    own = {field: values[inside] for field, values in prediction.items()}
    for field, details in _OF_OBJECTS.items():
        if field in own:
            for at, more in zip(np.flatnonzero(inside).tolist(), details(own, served), strict=True):
                records[at] |= more
    chosen = [at for at, name in enumerate(names) if classes is None or name in classes]
    if PART_OF in prediction:
        _link(records, prediction, chosen)
    return [records[at] for at in chosen]


def _record(name: str, label: int, box: Sequence[float], score: float) -> Record:
    left, top, right, bottom = (round(value, 2) for value in box)
    bbox = [left, top, round(right - left, 2), round(bottom - top, 2)]
    return {"category_id": label, "category": name, "score": round(score, 5), "bbox": bbox}


def _link(records: Sequence[Record], prediction: Prediction, chosen: Sequence[int]) -> None:
    """Say of parts at which place, of those ``chosen``, the object is that they belong to."""
    numbers = prediction[OBJECT].tolist()
    places = {numbers[at]: place for place, at in enumerate(chosen) if numbers[at]}
    for record, number in zip(records, prediction[PART_OF].tolist(), strict=True):
        if number in places:
            record["part_of"] = places[number]


def _single(prediction: Prediction, served: Served, classes: frozenset[str] | None) -> Iterator[Record]:
    """The box of the one object of an image that is classified."""
    if "box" not in prediction or "label" not in prediction:
        return
    (name,), label = class_names(prediction, served.classes), int(prediction["label"])
    if classes is None or name in classes:
        yield _record(name, label, prediction["box"].tolist(), float(prediction["choices"][label - 1]))


def _masks(prediction: Prediction, served: Served) -> Iterator[Record]:  # noqa: ARG001
    for edges, (width, height) in zip(pasting.masks(prediction), prediction["image_size"].tolist(), strict=True):
        counts = run_lengths.compressed(pasting.runs(edges, width * height), width, height).counts
        yield {
            "segmentation": {"size": [height, width], "counts": counts.decode("ascii")},
            "polygons": _rings(edges, height),
        }


def _rings(edges: pasting.Edges, height: int) -> list[list[float]]:
    """The outlines of a mask through the middles of its outermost pixels."""
    part = pasting.window(edges, height)
    if not part.inside.size:
        return []
    pixels: NDArray[np.uint8] = np.ascontiguousarray(part.inside, np.uint8)
    found, _ = cv2.findContours(pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(part.left, part.top))
    return [(ring.reshape(-1) + 0.5).tolist() for ring in found if len(ring) > 2]


def _landmarks(prediction: Prediction, served: Served) -> Iterator[Record]:
    for name, points in zip(class_names(prediction, served.classes), prediction["keypoints"], strict=True):
        layout = landmarks.layout(name)
        if layout is None:
            yield {}
            continue
        own = np.asarray(points[layout.offset : layout.offset + layout.count], np.float64).round(3)
        yield {"keypoints": own.reshape(-1).tolist(), "skeleton": [list(edge) for edge in layout.edges]}


def _labels(prediction: Prediction, served: Served) -> Record:
    names = Names.read(served.model.names, served.classes)
    tasks = zip(names.tasks, names.likeliest(prediction["choices"], LIKELIEST), strict=True)
    told: Record = {"tasks": {task: [_scored(value) for value in values] for task, values in tasks}}
    if "attributes" in prediction:
        told["attributes"] = [
            {**_scored(value), "group": group}
            for group in names.members or ("",)
            for value in names.likeliest_attributes(prediction["attributes"], LIKELIEST, group or None)
        ]
    return {"labels": told}


def _map(prediction: Prediction, served: Served) -> Record:
    values, stream = prediction["map"], io.BytesIO()
    image_of(values).save(stream, "PNG", compress_level=FAST)
    classes = [BACKGROUND, *served.classes]
    return {
        "map": {
            "size": [*values.shape],
            "png": base64.b64encode(stream.getvalue()).decode("ascii"),
            "palette": palette_of_maps()[: len(classes)],
            "classes": classes,
        }
    }


def _scored(value: Likely) -> Record:
    return {"name": value.name, "score": round(value.probability, 5)}


_OF_OBJECTS: Mapping[str, Callable[[Prediction, Served], Iterator[Record]]] = {
    "mask_grids": _masks,
    "masks": _masks,
    "keypoints": _landmarks,
}
"""What a field of objects adds to each of them."""
_OF_IMAGES: Mapping[str, Callable[[Prediction, Served], Record]] = {"choices": _labels, "map": _map}
"""What a field of the whole image adds to its answer."""
