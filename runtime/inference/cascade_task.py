"""How the results of a cascade are shown and written: objects of its first model, and those of the second in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from converters.pictures import drawing
from runtime import tasks
from runtime.data.fields import Fields
from runtime.tasks import ImageInfo, Prediction, Presents, Results, ResultsOptions, ResultsWriter, Target
from runtime.tasks.detection.results import KittiWriter
from tltpipe.errors import UsageError

PART_OF, OBJECT = "part_of", "object"
"""Fields of a prediction, int64 [n]. The objects of the first model have their numbers on the image, from 1, as
OBJECT, and PART_OF 0; those of the second have as PART_OF the number of that in whose crop they are, and OBJECT 0."""


def apart(prediction: Prediction) -> tuple[Prediction, Prediction]:
    """The objects of the first model and those of the second, each with the fields that they have."""
    second = prediction[PART_OF] > 0
    own = {name: prediction[name][~second] for name in ("boxes", "labels", "scores", OBJECT)}
    return own, {name: values[second] for name, values in prediction.items() if name != OBJECT}


@dataclass(frozen=True)
class CascadeTask:
    """How the predictions of a cascade are shown whose second model is of the task ``second``."""

    second: Presents

    @property
    def FIELDS(self) -> Fields:  # noqa: N802 - a name of the protocol
        return self.second.FIELDS

    def restore(self, prediction: Prediction, image: ImageInfo) -> Prediction:
        return self.second.restore(prediction, image)

    def draw(
        self, image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
    ) -> Image.Image:
        """The boxes of the first model as thin lines, what the second finds as its task does."""
        people, clothes = apart(items)
        return self.second.draw(drawing.outlined(image, people["boxes"].tolist()), clothes, classes, target=target)

    def writers(self) -> Mapping[str, ResultsWriter]:
        """KITTI lines of all boxes, and COCO results with what the second model's task has."""
        written: dict[str, ResultsWriter] = {"labels": KittiWriter()}
        if (own := self.second.writers().get("coco")) is not None:
            written["coco"] = CascadeWriter(own)
        return written


class CascadeWriter:
    """COCO results of both models in one file: those of the first as boxes, those of the second as ``own`` writes
    them."""

    suffix = ""

    def __init__(self, own: ResultsWriter) -> None:
        self.own = own

    def require_no_annotations(self, path: Path) -> None:
        self.own.require_no_annotations(path)

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[Results]:
        with self.own.open(path, options) as results:
            yield CascadeResults(results)


@dataclass(frozen=True)
class CascadeResults:
    own: Results

    @property
    def about(self) -> Sequence[str]:
        return self.own.about

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        for part in apart(prediction):
            self.own.add(image, name, part)


def presented(second: Presents) -> Presents:
    """How the results of a cascade are shown whose second model is of the task ``second``: those of one that is shown
    one object at a time are its own."""
    return CascadeTask(second) if tasks.given_objects(second) is None else second


def require_boxes(task: Presents, path: Path, *, first: bool = False) -> None:
    """Raises UsageError for a model, that in ``path``, whose ``task`` has no boxes, or as the ``first`` one finds
    none."""
    if "boxes" not in task.FIELDS or (first and tasks.given_objects(task) is not None):
        what = f"this model finds no boxes, so it cannot be {'the first' if first else 'part'} of a cascade"
        raise UsageError(what, where=path, hint="name a detector first, then the model that is to see its objects")
