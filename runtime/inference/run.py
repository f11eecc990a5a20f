"""One inference from its request to its summary: images in, annotated copies and results out."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from runtime import tasks
from runtime.inference import chunks
from runtime.inference.loaded import Loaded, load, predicted
from runtime.inference.request import InferRequest
from runtime.inference.result_names import ResultName
from runtime.shell import program
from runtime.tasks import Results, ResultsOptions, Tabulates
from tltpipe.errors import DataError
from tltpipe.losses import Losses

if TYPE_CHECKING:
    from PIL import Image

    from runtime.inference.backends import Model
    from runtime.inference.cascade import Cascade

LISTED = 20
"""So many unreadable pictures are named at most."""


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
    from runtime.inference import backends, drawn_images

    loaded = load(request, backends.open)
    model, cascade = loaded.model, loaded.cascade
    say = (lambda _line: None) if request.json else program.say
    if cascade is not None:
        first = cascade.first.model
        say(f"first       {first.name}, {len(first.classes)} classes: {first.about}")
    say(f"model       {model.name}, {len(model.classes)} classes: {model.about}")
    begun = time.perf_counter()
    tally = predict(loaded, request)
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
        summary = _summary(model, request, tally, losses, seconds, loaded.threshold)
        program.say(json.dumps(summary | ({} if cascade is None else _of_first(cascade, request)), indent=2))
    if tally.unreadable:
        raise _failure(tally.unreadable)
    return losses


def _of_first(cascade: Cascade, request: InferRequest) -> dict[str, Any]:
    assert request.first is not None
    model = cascade.first.model
    told = {"path": str(request.first.model), "network": model.name, "about": model.about}
    return {"first": {**told, "threshold": cascade.first.threshold, **vars(cascade.counts)}}


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


def predict(loaded: Loaded, request: InferRequest) -> Tally:
    """Predict, draw and write, with a bar that shows how far it is."""
    from tltpipe import progress

    tally, show = Tally(), progress.for_stream()
    with ExitStack() as lasting:
        work = chunks.shared(loaded, request)
        opening = predicted(loaded, request) if work is None else chunks.predicted(work, loaded, request)
        source = lasting.enter_context(opening)
        joint = [(lasting.enter_context(results), name) for results, name in _joint(loaded, request)]
        tally.about = tuple(line for results, _ in joint for line in results.about)
        bar = lasting.enter_context(show.bar("infer", total=len(request.pictures)))
        for each in source:
            if isinstance(each, DataError):
                tally.unreadable.append(each)
            else:
                tally.images += 1
                tally.classes.update(each.classes)
                if each.thumbnail is not None:
                    tally.thumbnails.append(each.thumbnail)
                for results, name in joint:
                    results.add(each.path, name(request.names[each.path]), each.prediction)
            bar.advance()
    return tally


def _joint(
    loaded: Loaded, request: InferRequest
) -> Iterator[tuple[AbstractContextManager[Results], Callable[[ResultName], str]]]:
    """Results of all images together, which get them in order, and what they call an image."""
    writers = loaded.task.writers()
    options = ResultsOptions(loaded.whole.classes, request.pictures, request.coco_ids, request.class_maps)
    if request.coco:
        yield writers["coco"].open(request.coco, options), attrgetter("image")
    if request.labels and isinstance(tabulates := writers["labels"], Tabulates):
        yield tabulates.table(request.labels, options), attrgetter("label")


def _failure(errors: Sequence[DataError]) -> DataError:
    """One error for all pictures that could not be read."""
    if len(errors) == 1:
        return errors[0]
    listed = "\n".join(f"  {error}" for error in errors[:LISTED])
    more = f"\n  and {len(errors) - LISTED} more" if len(errors) > LISTED else ""
    return DataError(f"{len(errors)} pictures could not be read; all others are done\n{listed}{more}")
