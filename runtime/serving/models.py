"""What is served: a model, or two as a cascade, opened once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from runtime import networks, tasks
from runtime.data.recipe import Inference
from runtime.inference import backends, ten_crop
from runtime.inference.backends import Model
from runtime.inference.cascade import Cascade
from runtime.inference.cascade_task import presented, require_boxes
from runtime.inference.crops import Crops
from runtime.inference.front_door import LoadedModel
from runtime.tasks import Presents
from tltpipe import files
from tltpipe.answers import ServedModel
from tltpipe.errors import UsageError

FLOOR = 0.05
"""Lowest score in answers to requests without a threshold: a page filters by itself."""


@dataclass(frozen=True)
class Opening:
    """How models are opened; ``threshold`` is for all answers, where it is given."""

    key: str | None = None
    device: str | None = None
    threads: int | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Served:
    """A model called ``name``, of the ``task`` with that name; ``usual`` is the threshold of its spec, ``lowest`` that
    of answers to requests without one."""

    name: str
    model: Model
    task: str
    presents: Presents
    sha256: str
    usual: float
    lowest: float = FLOOR
    cascade: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of label 1 to N."""
        return self.model.classes

    def at(self, threshold: float) -> Model:  # noqa: ARG002
        """The model for answers with scores from ``threshold`` on: what one says may depend on what else counts."""
        return self.model

    @cached_property
    def facts(self) -> ServedModel:
        return ServedModel(
            name=self.name,
            network=self.model.name,
            task=self.task,
            classes=list(self.classes),
            input_size=self.model.input_size,
            sha256=self.sha256,
            threshold=self.usual,
            about=self.model.about,
        )


@dataclass(frozen=True)
class ServedCascade(Served):
    """Objects of ``first``, and what ``second`` finds in each."""

    first: LoadedModel = field(kw_only=True)
    second: LoadedModel = field(kw_only=True)
    crops: Crops = field(kw_only=True)
    batch: int = field(kw_only=True)

    def at(self, threshold: float) -> Model:
        """Which of two objects is a duplicate depends on which count: as ``tltpipe infer`` with that threshold."""
        second = LoadedModel(self.second.model, self.second.task, threshold)
        return Cascade(self.first, second, self.crops, batch=self.batch)


def open_models(given: Sequence[str], opening: Opening) -> list[Served]:
    """The models PATH or NAME=PATH. Raises UsageError for two of one name, and as ``LoadedModel.load`` does."""
    named = [split_name(text) for text in given]
    names = [name for name, _ in named]
    if twice := next((each for each in named if names.count(each[0]) > 1), None):
        name, path = twice
        raise UsageError(f'two models are called "{name}"', hint=f"give one another name: other={path}")
    return [_alone(name, path, opening) for name, path in named]


def split_name(text: str) -> tuple[str, Path]:
    """NAME=PATH taken apart; a PATH alone is called by its file's name without the extension."""
    name, equals, path = text.partition("=")
    if equals and name and "/" not in name and not Path(text).exists():
        return name, Path(path)
    return Path(text).stem, Path(text)


def open_cascade(
    first: str, second: str, opening: Opening, *, first_threshold: float | None, crops: Crops, batch: int
) -> ServedCascade:
    """``second`` on the objects of ``first``; ``first_threshold`` None is that of its spec. Raises UsageError for
    models that find no boxes, and as ``LoadedModel.load`` does."""
    (name, path), (behind, model) = split_name(first), split_name(second)
    before = _opened(path, opening, FLOOR)
    before.threshold = usual(before) if first_threshold is None else first_threshold
    after = _opened(model, opening, FLOOR if opening.threshold is None else opening.threshold)
    require_boxes(before.task, path, first=True)
    require_boxes(after.task, model)
    cascade = Cascade(before, LoadedModel(after.model, after.task, after.threshold), crops, batch=batch)
    return ServedCascade(
        name=f"{name}+{behind}",
        model=cascade,
        task=_task_of(after),
        presents=presented(after.task),
        sha256=hashlib.sha256(f"{files.sha256(path)} {files.sha256(model)}".encode()).hexdigest(),
        usual=usual(after) if opening.threshold is None else opening.threshold,
        lowest=after.threshold,
        cascade=True,
        first=before,
        second=after,
        crops=crops,
        batch=batch,
    )


def _alone(name: str, path: Path, opening: Opening) -> Served:
    loaded = _opened(path, opening, FLOOR if opening.threshold is None else opening.threshold)
    if tasks.given_objects(loaded.task) is not None:
        error = backends.needs_detector(path)
        error.hint = "put a detector before it: tltpipe serve --cascade DETECTOR MODEL"
        raise error
    model = ten_crop.by_recipe(loaded.model, loaded.task)
    shown = usual(loaded) if opening.threshold is None else opening.threshold
    presents = tasks.presented(loaded.task, model.names, shown)
    return Served(name, model, _task_of(loaded), presents, files.sha256(path), shown, loaded.threshold)


def _opened(path: Path, opening: Opening, threshold: float) -> LoadedModel:
    return LoadedModel.load(path, threshold=threshold, key=opening.key, device=opening.device, threads=opening.threads)


def _task_of(loaded: LoadedModel) -> str:
    return networks.load(networks.family(loaded.model.name, Path(loaded.model.name))).TASK


def usual(loaded: LoadedModel) -> float:
    """The threshold of ``tltpipe infer`` where none is given."""
    return (loaded.model.recipe.inference if loaded.model.recipe else Inference()).threshold
