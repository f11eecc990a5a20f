"""A second stage that is shown one object at a time, such as a model of landmarks: every object that the first model
finds is a sample, with the geometry of the model's own plain view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from runtime import tasks
from runtime.data import checks
from runtime.imaging.decoding import InMemory, Pixels
from runtime.imaging.pixels import PixelBatch
from runtime.imaging.placement import Placement
from runtime.inference.backends import LoadsObjects
from runtime.inference.front_door import LoadedModel
from runtime.inference.predictor import LoadedImage, restored
from runtime.tasks import Prediction, Target, class_names
from runtime.tasks.detection.coco_results import plain
from tltpipe.errors import ModelError, UsageError


@dataclass
class Counts:
    """What became of the objects of the first model so far."""

    images: int = 0
    without: int = 0
    """Images without any object to show."""
    objects: int = 0
    """Those that were shown to the second model."""
    other_classes: Counter[str] = field(default_factory=Counter)
    """Those of classes that the second model does not have."""
    flat: int = 0
    """Those of which nothing is on their image."""
    below: int = 0
    """Those that were shown, and whose score then was below the threshold."""

    def text(self) -> str:
        named = ", ".join(f"{name} {count}" for name, count in self.other_classes.most_common())
        parts = [f"{self.objects} objects shown to the second model"]
        if self.other_classes:
            parts.append(f"{self.other_classes.total()} of classes that it does not have ({named})")
        if self.flat:
            parts.append(f"{self.flat} outside their images")
        if self.below:
            parts.append(f"{self.below} dropped, whose scores with its own are below the threshold")
        if self.without:
            parts.append(f"nothing to show on {self.without} of {self.images} images")
        return "; ".join(parts)


class ObjectSample(NamedTuple):
    """An object as the second model is shown it: ``image`` is its image's place in the batch, ``target`` its "boxes",
    "labels" and "scores" in pixels of ``loaded``."""

    image: int
    loaded: LoadedImage
    target: Target


class ObjectStage:
    """A ``runtime.inference.cascade.SecondStage``; its predictions are those of the model's task.

    ``chosen`` are those classes of the ``first`` model whose objects count. Raises UsageError where the second has none
    of them, ModelError where it does not say how it is shown objects.
    """

    about = "on the objects of"

    def __init__(self, chosen: Sequence[str], first: Sequence[str], second: LoadedModel, *, batch: int) -> None:
        self.first, self.second, self.classes, self.batch = first, second, second.classes, batch
        labels = {plain(name): label for label, name in enumerate(second.classes, start=1)}
        self.labels = {name: labels[plain(name)] for name in first if plain(name) in labels}
        if not any(name in self.labels for name in chosen):
            what = f"the second model has none of the classes of the first: {', '.join(chosen)}"
            raise UsageError(what, hint=f"it has: {', '.join(second.classes)}")
        loader: object = second.model.load_image
        if not isinstance(loader, LoadsObjects):
            raise ModelError("the second model does not say how objects are shown to it", hint="export it again")
        self.load_object = loader.load_object
        self.counts = Counts()

    def __call__(self, images: PixelBatch, objects: Sequence[Prediction]) -> Sequence[Prediction]:
        shown = iter([each for at, image in enumerate(images) for each in self._samples(at, image, objects[at])])
        parts: list[list[Prediction]] = [[] for _ in images]
        while batch := list(islice(shown, self.batch)):
            for sample, prediction in zip(batch, self._predicted(batch), strict=True):
                self.counts.below += not len(prediction["scores"])
                parts[sample.image].append(prediction)
        return [self._joined(each) for each in parts]

    def _samples(self, at: int, image: Pixels, objects: Prediction) -> Iterator[ObjectSample]:
        """Those of the image at place ``at`` of the batch."""
        place, shown = InMemory("an image in memory", image), 0
        size = np.array([image.shape[1::-1]], np.int32)
        names, boxes = class_names(objects, self.first), np.asarray(objects["boxes"], np.float32)
        for name, box, score in zip(names, boxes, objects["scores"], strict=True):
            if name not in self.labels:
                self.counts.other_classes[name] += 1
                continue
            if checks.without_area(box[None], size)[0]:
                self.counts.flat += 1
                continue
            seen, shown = self.load_object(place, box), shown + 1
            target: Target = {
                "boxes": seen.boxes,
                "labels": np.array([self.labels[name]], np.int64),
                "scores": np.array([score], np.float32),
            }
            yield ObjectSample(at, LoadedImage(place.name, seen.pixels, seen.placement), target)
        self.counts.images += 1
        self.counts.objects += shown
        self.counts.without += not shown

    def _predicted(self, batch: Sequence[ObjectSample]) -> Iterator[Prediction]:
        """What the model says of each object, in pixels of its whole image."""
        task = self.second.task
        said = self.second.model(np.stack([each.loaded.pixels for each in batch]))
        completed = tasks.completed(task, said, [each.target for each in batch], self.classes)
        for sample, prediction in zip(batch, completed, strict=True):
            yield restored(prediction, sample.loaded, task, self.second.threshold)

    def _joined(self, parts: Sequence[Prediction]) -> Prediction:
        """All objects of an image, best first."""
        if not parts:
            return self._nothing
        joined = {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}
        order = np.argsort(-joined["scores"], kind="stable")
        return {name: values[order] for name, values in joined.items()}

    @cached_property
    def _nothing(self) -> Prediction:
        """The fields of an image without objects, as they are of one object on a black image."""
        height, width = self.second.model.input_size or (0, 0)
        black = LoadedImage("black", np.zeros((height, width, 3), np.uint8), Placement.resize((1, 1), (width, height)))
        box = np.array([[0, 0, width, height]], np.float32)
        target: Target = {"boxes": box, "labels": np.ones(1, np.int64), "scores": np.zeros(1, np.float32)}
        (said,) = self._predicted([ObjectSample(0, black, target)])
        return {name: values[:0] for name, values in said.items()}
