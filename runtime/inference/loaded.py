"""The models of a request, opened, and what they make of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import tasks
from runtime.inference.backends import ModelRequest
from runtime.inference.request import FirstStage, InferRequest, task_of
from runtime.tasks import Presents, Results, ResultsOptions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from runtime.inference.backends import Model
    from runtime.inference.cascade import Cascade
    from runtime.inference.predictor import Predicted
    from tltpipe.errors import DataError

BATCH = 8
"""Images a batch where nothing says otherwise."""
ON_SHEET = 24
"""Pictures of a contact sheet."""


@dataclass(frozen=True)
class Loaded:
    """The ``model`` of a request, with what it or the request says; ``cascade`` is the same behind a first one.
    ``task`` is presented as for this model."""

    model: Model
    cascade: Cascade | None
    task: Presents
    threshold: float
    batch: int

    @property
    def whole(self) -> Model:
        return self.cascade or self.model

    @property
    def lowest(self) -> float:
        """Below it objects are dropped; what a cascade gives has passed the thresholds of both of its models."""
        return 0.0 if self.cascade else self.threshold


def load(request: InferRequest, open: Callable[[Path, ModelRequest], Model]) -> Loaded:
    """``open`` is that of ``runtime.inference.backends``. Raises ModelError, HostError, UsageError."""
    from runtime.inference import ten_crop

    model = open(request.model, request.opening)
    if request.ten_crop:
        model = ten_crop.TenCrop(model, request.task)
    elif request.first is None:
        model = ten_crop.by_recipe(model, request.task)
    threshold, batch = _chosen(model, request)
    task = tasks.presented(request.task, model.names, threshold)
    cascade = None
    if request.first is not None:
        cascade = _behind(request.first, open, model, task_of(request.opening), threshold, batch)
    return Loaded(model, cascade, task, threshold, batch)


@contextmanager
def predicted(loaded: Loaded, request: InferRequest, *, first: int = 0) -> Iterator[Iterator[Predicted | DataError]]:
    """Predict on the images of ``request``, in order, and write the files of each; ``first`` were before them."""
    from runtime.inference.predictor import Outputs, Predictor

    options = ResultsOptions(loaded.whole.classes, request.pictures)
    opening: AbstractContextManager[Results | None] = nullcontext()
    if request.labels:
        opening = loaded.task.writers()["labels"].open(request.labels, options)
    with opening as labels:
        outputs = Outputs(request.drawn, labels, ON_SHEET if request.sheet else 0, request.names, request.cutouts)
        predictor = Predictor(
            loaded.whole, loaded.task, threshold=loaded.lowest, outputs=outputs, batch=loaded.batch
        )  # fmt: skip
        yield predictor(request.pictures, first=first)


def _behind(
    stage: FirstStage, open: Callable[[Path, ModelRequest], Model], second: Model, task: Presents, threshold: float,
    batch: int,
) -> Cascade:  # fmt: skip
    """``second``, of ``task``, behind the model of ``stage``."""
    from runtime.inference.cascade import Cascade
    from runtime.inference.front_door import LoadedModel

    model = open(stage.model, stage.opening)
    lowest = _threshold(model) if stage.threshold is None else stage.threshold
    first = LoadedModel(model, task_of(stage.opening), lowest)
    return Cascade(first, LoadedModel(second, task, threshold), stage.crops, batch=batch)


def _threshold(model: Model) -> float:
    from runtime.data.recipe import Inference

    return (model.recipe.inference if model.recipe else Inference()).threshold


def _chosen(model: Model, request: InferRequest) -> tuple[float, int]:
    """Threshold and images a batch: as requested, else as the spec has them."""
    from runtime.data.recipe import Inference

    given = request.opening.recipe
    inference = model.recipe.inference if model.recipe else Inference()
    batch = request.batch or inference.batch_size or (given.evaluation.batch_size if given else 0) or BATCH
    return inference.threshold if request.threshold is None else request.threshold, batch
