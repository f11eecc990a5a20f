"""Two models in a row: the objects that the first finds go to the second, in crops or one by one.

``load_cascade`` is for who writes Python, with images in files or in memory. To the rest of inference a cascade is a
model like any other, of images of their own sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime import tasks
from runtime.imaging.decoding import WHOLE, Whole, decode
from runtime.imaging.pixels import PixelBatch
from runtime.imaging.placement import Placement
from runtime.inference.backends import LoadImage
from runtime.inference.cascade_task import presented, require_boxes
from runtime.inference.crop_stage import CropStage
from runtime.inference.crops import Crops
from runtime.inference.front_door import LoadedModel
from runtime.inference.object_stage import ObjectStage
from runtime.tasks import Prediction, class_names
from tltpipe.errors import UsageError


class StageCounts(Protocol):
    """What became of the objects so far: a dataclass of numbers."""

    def text(self) -> str: ...


class SecondStage(Protocol):
    """What is done with the objects of the first model; its predictions are in pixels of the whole image."""

    about: str
    """What it sees of the first model's results, "in crops of"."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of label 1 to N of its predictions."""
        ...

    @property
    def second(self) -> LoadedModel: ...

    @property
    def counts(self) -> StageCounts: ...

    def __call__(self, images: PixelBatch, objects: Sequence[Prediction]) -> Sequence[Prediction]:
        """The prediction for each of ``images``, on which the first model found ``objects``: "boxes" in their pixels,
        "labels" of its classes, "scores"."""
        ...


def second_stage(first: LoadedModel, second: LoadedModel, crops: Crops, *, batch: int) -> SecondStage:
    """By what ``second`` is shown: one object at a time, or crops. Raises UsageError, ModelError."""
    if tasks.given_objects(second.task) is None:
        return CropStage(first.classes, second, crops, batch=batch)
    return ObjectStage(crops.classes or first.classes, first.classes, second, batch=batch)


class Cascade:
    """A ``runtime.inference.backends.Model`` of ``first`` and ``second``.

    Raises UsageError for a class in ``crops`` that the first model does not have, and as ``second_stage`` does.
    """

    input_size: tuple[int, int] | None = None

    def __init__(self, first: LoadedModel, second: LoadedModel, crops: Crops, *, batch: int = 8) -> None:
        self.first, self.crops, self.batch = first, crops, batch
        if missing := [name for name in crops.classes if name not in first.classes]:
            what = f"the first model has no class {', '.join(missing)}"
            raise UsageError(what, hint=f"it has: {', '.join(first.classes)}")
        self.stage = second_stage(first, second, crops, batch=batch)
        self.classes, self.counts = self.stage.classes, self.stage.counts
        self.name, self.recipe, self.names = second.model.name, second.model.recipe, second.model.names
        self.about = f"{self.stage.about} {first.model.name}; {second.model.about}"
        self.load_image: LoadImage = whole

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        found = self.first.predict(pixels, batch_size=self.batch)
        return self.stage(pixels, [self._chosen(each.fields) for each in found])

    def _chosen(self, found: Prediction) -> Prediction:
        """Of what the first model finds the boxes of the classes in question."""
        names = class_names(found, self.first.classes)
        chosen = [at for at, name in enumerate(names) if name in (self.crops.classes or names)]
        return {name: found[name][chosen] for name in ("boxes", "labels", "scores")}


def whole(place: Whole) -> tuple[NDArray[np.uint8], Placement]:
    """All pixels of an image."""
    pixels: NDArray[Any] = np.asarray(decode(place, *WHOLE))
    size = pixels.shape[1], pixels.shape[0]
    return pixels, Placement.resize(size, size)


def load_cascade(
    first: Path | str,
    second: Path | str,
    *,
    first_threshold: float = 0.3,
    threshold: float = 0.3,
    crops: Crops | None = None,
    key: str | None = None,
    device: str | None = None,
) -> LoadedModel:
    """The model ``second`` on what the model ``first`` finds, opened once for any number of images: in crops or, where
    it is one that is shown one object at a time, on each object.

    Objects that score less than ``first_threshold`` do not count, those of ``second`` below ``threshold`` are dropped.
    Raises as ``LoadedModel.load`` does, and UsageError for models that find no boxes.
    """
    before = LoadedModel.load(first, threshold=first_threshold, key=key, device=device)
    behind = LoadedModel.load(second, threshold=threshold, key=key, device=device)
    require_boxes(before.task, Path(first), first=True)
    require_boxes(behind.task, Path(second))
    return LoadedModel(Cascade(before, behind, crops or Crops()), presented(behind.task), threshold=0.0)
