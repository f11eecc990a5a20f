"""One inference from its request to its summary: images in, annotated copies and results out."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import tasks
from runtime.inference.backends import ModelRequest
from runtime.inference.crops import Crops
from runtime.inference.result_names import ResultName
from runtime.shell import program
from runtime.tasks import Presents, ResultsOptions, Tabulates
from tltpipe.errors import DataError
from tltpipe.losses import Losses

if TYPE_CHECKING:
    from PIL import Image

    from runtime.inference.backends import Model
    from runtime.inference.cascade import Cascade

LISTED = 20
"""So many unreadable pictures are named at most."""
BATCH = 8
"""Images a batch where nothing says otherwise."""
ON_SHEET = 24
"""Pictures of a contact sheet."""


@dataclass(frozen=True)
class FirstStage:
    """The model whose objects go to that of a request, which is of the task ``second``; ``threshold`` None: what its
    spec says."""

    model: Path
    opening: ModelRequest
    task: Presents
    second: Presents
    threshold: float | None
    crops: Crops


@dataclass(frozen=True)
class InferRequest:
    """The command line once it is known to make sense. Paths are None for what is not wanted."""

    opening: ModelRequest
    task: Presents
    model: Path
    names: Mapping[Path, ResultName]
    """The pictures, in order, and what their results are called."""
    threshold: float | None
    batch: int | None
    """None: what the spec says, the model's own where none is given."""
    drawn: Path | None
    labels: Path | None
    coco: Path | None
    coco_ids: Path | None
    class_maps: tuple[Path, ...]
    sheet: Path | None
    json: bool
    first: FirstStage | None = None
    ten_crop: bool = False
    """Even where the spec does not say so."""
    cutouts: Path | None = None

    @property
    def pictures(self) -> Sequence[Path]:
        return tuple(self.names)

    @property
    def outputs(self) -> Mapping[str, Path]:
        """What is written, and where."""
        places = {"annotated copies": self.drawn, "labels": self.labels, "cut-outs": self.cutouts}
        places |= {"COCO results": self.coco, "sheet": self.sheet}
        return {what: path for what, path in places.items() if path}


@dataclass
class Tally:
    """What was predicted so far: how often each of the ``classes``, on how many ``images``; ``about`` says whose ids
    the results have."""

    classes: Counter[str] = field(default_factory=Counter)
    images: int = 0
    unreadable: list[DataError] = field(default_factory=list)
    thumbnails: list[Image.Image] = field(default_factory=list)
    about: tuple[str, ...] = ()


def infer(request: InferRequest) -> Losses:
    """Predict on all pictures; one that cannot be read does not keep the others from being done. Returns their balance.

    Raises DataError at the end when there were such.
    """
    from runtime.inference import backends, drawn_images, ten_crop

    model = backends.open(request.model, request.opening)
    if request.ten_crop:
        model = ten_crop.TenCrop(model, request.task)
    elif request.first is None:
        model = ten_crop.by_recipe(model, request.task)
    say = (lambda _line: None) if request.json else program.say
    threshold, batch = _chosen(model, request)
    request = replace(request, task=tasks.presented(request.task, model.names, threshold))
    cascade = None if request.first is None else _behind(request.first, model, threshold, batch)
    if cascade is not None:
        first = cascade.first.model
        say(f"first       {first.name}, {len(first.classes)} classes: {first.about}")
    say(f"model       {model.name}, {len(model.classes)} classes: {model.about}")
    begun = time.perf_counter()
    # What a cascade gives has passed the thresholds of both of its models.
    tally = predict(cascade or model, request, threshold=0.0 if cascade else threshold, batch=batch)
    seconds = time.perf_counter() - begun
    if request.sheet and tally.thumbnails:
        drawn_images.save(drawn_images.sheet(tally.thumbnails), request.sheet)
    rate = tally.images / seconds if seconds else 0.0
    predicted = f"found {tally.classes.total()} objects on" if tasks.of_objects(request.task) else "predicted on"
    say(f"{predicted} {tally.images} images in {seconds:.1f} s ({rate:.1f} images/s)")
    if cascade is not None:
        say(cascade.counts.text())
    say(", ".join(f"{what} in {path}" for what, path in request.outputs.items()) or "nothing was written")
    for line in tally.about:
        say(f"{'ids':<12}{line}")
    losses = balance(request, tally)
    for line in losses.lines():
        say(line)
    if request.json:
        summary = _summary(model, request, tally, losses, seconds, threshold)
        program.say(json.dumps(summary | ({} if cascade is None else _of_first(cascade, request)), indent=2))
    if tally.unreadable:
        raise _failure(tally.unreadable)
    return losses


def _behind(stage: FirstStage, second: Model, threshold: float, batch: int) -> Cascade:
    """``second`` behind the model of ``stage``."""
    from runtime.inference import backends
    from runtime.inference.cascade import Cascade
    from runtime.inference.front_door import LoadedModel

    model = backends.open(stage.model, stage.opening)
    lowest = _threshold(model) if stage.threshold is None else stage.threshold
    first = LoadedModel(model, stage.task, lowest)
    return Cascade(first, LoadedModel(second, stage.second, threshold), stage.crops, batch=batch)


def _threshold(model: Model) -> float:
    from runtime.data.recipe import Inference

    return (model.recipe.inference if model.recipe else Inference()).threshold


def _of_first(cascade: Cascade, request: InferRequest) -> dict[str, Any]:
    assert request.first is not None
    model = cascade.first.model
    told = {"path": str(request.first.model), "network": model.name, "about": model.about}
    return {"first": {**told, "threshold": cascade.first.threshold, **vars(cascade.counts)}}


def _chosen(model: Model, request: InferRequest) -> tuple[float, int]:
    """Threshold and images a batch: as requested, else as the spec has them."""
    from runtime.data.recipe import Inference

    given = request.opening.recipe
    inference = model.recipe.inference if model.recipe else Inference()
    batch = request.batch or inference.batch_size or (given.evaluation.batch_size if given else 0) or BATCH
    return inference.threshold if request.threshold is None else request.threshold, batch


def _summary(
    model: Model, request: InferRequest, tally: Tally, losses: Losses, seconds: float, threshold: float
) -> dict[str, Any]:
    return {
        "model": {"path": str(request.model), "network": model.name, "about": model.about},
        "threshold": threshold,
        "pictures": tally.images,
        "objects" if tasks.of_objects(request.task) else "classes": dict(tally.classes.most_common()),
        "losses": losses.as_json(),
        "unreadable": [str(error.where) for error in tally.unreadable],
        "ids": list(tally.about),
        "seconds": round(seconds, 3),
        "outputs": {what: str(path) for what, path in request.outputs.items()},
    }


def balance(request: InferRequest, tally: Tally) -> Losses:
    """How many images there were, and how many were predicted on."""
    losses = Losses()
    losses.count_read(images=len(request.pictures))
    losses.count_written(images=tally.images)
    if tally.unreadable:
        losses.lose("images that cannot be read", images=len(tally.unreadable))
    losses.require_balance()
    return losses


def predict(model: Model, request: InferRequest, *, threshold: float, batch: int) -> Tally:
    """Predict, draw and write, with a bar that shows how far it is."""
    from runtime.inference.predictor import Outputs, Predictor
    from tltpipe import progress

    tally, writers = Tally(), request.task.writers()
    options = ResultsOptions(model.classes, request.pictures, request.coco_ids, request.class_maps)
    with ExitStack() as lasting:
        labels = lasting.enter_context(writers["labels"].open(request.labels, options)) if request.labels else None
        coco = lasting.enter_context(writers["coco"].open(request.coco, options)) if request.coco else None
        table = None
        if request.labels and isinstance(tabulates := writers["labels"], Tabulates):
            table = lasting.enter_context(tabulates.table(request.labels, options))
        outputs = Outputs(request.drawn, labels, ON_SHEET if request.sheet else 0, request.names, request.cutouts)
        predictor = Predictor(model, request.task, threshold=threshold, outputs=outputs, batch=batch)
        bar = lasting.enter_context(progress.for_stream().bar("infer", total=len(request.pictures)))
        tally.about = tuple(coco.about) if coco else ()
        for each in predictor(request.pictures):
            if isinstance(each, DataError):
                tally.unreadable.append(each)
            else:
                tally.images += 1
                tally.classes.update(tasks.class_names(each.prediction, model.classes))
                if each.thumbnail is not None:
                    tally.thumbnails.append(each.thumbnail)
                name = request.names[each.path]
                if coco is not None:
                    coco.add(each.path, name.image, each.prediction)
                if table is not None:
                    table.add(each.path, name.label, each.prediction)
            bar.advance()
    return tally


def _failure(errors: Sequence[DataError]) -> DataError:
    """One error for all pictures that could not be read."""
    if len(errors) == 1:
        return errors[0]
    listed = "\n".join(f"  {error}" for error in errors[:LISTED])
    more = f"\n  and {len(errors) - LISTED} more" if len(errors) > LISTED else ""
    return DataError(f"{len(errors)} pictures could not be read; all others are done\n{listed}{more}")
