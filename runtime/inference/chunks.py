"""``runtime.inference.loaded.predicted`` by the workers of an executor: each writes the files of its images, and what
is made of all of them together is left to the process that gave them the work."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from runtime.inference import fan_out, loaded, packing
from runtime.inference.backends import Model, ModelRequest
from runtime.inference.cascade import Cascade
from runtime.inference.fan_out import Opening, Work, absolute
from runtime.inference.loaded import Loaded
from runtime.inference.packing import Packed
from runtime.inference.predictor import Predicted
from runtime.inference.request import InferRequest
from runtime.inference.result_names import ResultName
from runtime.machine import threads
from runtime.tasks import Tabulates
from tltpipe import journal, plain, progress
from tltpipe.errors import DataError, UsageError
from tltpipe.executors import VARIABLE


@dataclass(frozen=True)
class Job:
    """What all chunks have in common: ``request`` has no images, and absolute paths; ``variable`` is that of
    ``Opening``. ``joins``: predictions are handed over, for results of all images together."""

    request: InferRequest
    variable: str | None
    joins: bool

    def opening(self, path: Path, request: ModelRequest) -> Opening:
        return Opening(path, request, self.variable)

    def open(self, path: Path, request: ModelRequest) -> Model:
        return self.opening(path, request).model()


@dataclass(frozen=True)
class Images:
    """A chunk: ``first`` is the place of its first image among all."""

    number: int
    first: int
    paths: tuple[Path, ...]
    names: tuple[ResultName, ...]


@dataclass
class Thumbnail:
    """``pixels`` are RGB; ``size`` is width and height."""

    size: tuple[int, int]
    pixels: bytes


@dataclass
class Problem:
    """A DataError."""

    what: str
    where: str
    hint: str | None


@dataclass
class Outcome:
    """What came of an image: a prediction, which is empty where it is not handed over, or a ``problem``."""

    classes: list[str] = field(default_factory=list)
    prediction: dict[str, Packed] = field(default_factory=dict)
    thumbnail: Thumbnail | None = None
    problem: Problem | None = None


@dataclass
class Done:
    """What came of a chunk; ``counts`` are those of a cascade, packed, ``dates`` those of the files of its images."""

    outcomes: list[Outcome]
    counts: bytes
    dates: list[int]


def shared(models: Loaded, request: InferRequest) -> Work[Images, Done] | None:
    """What workers do of ``request``, where its images are shared. Raises UsageError where no output is a file."""
    return fan_out.shared(next(iter(request.outputs.values()), None), lambda: _work(models, request))


@contextmanager
def predicted(
    work: Work[Images, Done], models: Loaded, request: InferRequest
) -> Iterator[Iterator[Predicted | DataError]]:
    """As ``runtime.inference.loaded.predicted``, by ``work``."""
    with work.entries(progress.for_stream()) as entries:
        yield _in_order(entries, request.pictures, _step(models, request), models.cascade)


def _work(models: Loaded, request: InferRequest) -> Work[Images, Done]:
    if not request.outputs:
        what = f"no output is a folder or file, beside which the workers of {VARIABLE} could leave what they predict"
        raise UsageError(what, hint="name one, such as -l DIR")
    joins = bool(request.coco or (request.labels and isinstance(models.task.writers()["labels"], Tabulates)))
    job, step = Job(_for_workers(request), os.environ.get(threads.VARIABLE), joins), _step(models, request)
    target, inputs = next(iter(request.outputs.values())), [*request.pictures, request.model]
    chunks, identity = _cut(request, step), _identity(job, request, step)
    return Work(
        partial(_predict, job), chunks, Done, target, inputs, identity, request.opening.device, partial(_stands, job)
    )


def _step(models: Loaded, request: InferRequest) -> int:
    return fan_out.size(len(request.pictures), models.batch)


def _for_workers(request: InferRequest) -> InferRequest:
    first = request.first
    if first is not None:
        first = replace(first, model=absolute(first.model), opening=fan_out.for_workers(first.opening))
    places: dict[str, Any] = {name: path and absolute(path) for name, path in _places(request).items()}
    opening = fan_out.for_workers(request.opening)
    return replace(request, model=absolute(request.model), opening=opening, first=first, names={}, **places)


def _places(request: InferRequest) -> dict[str, Path | None]:
    return {name: getattr(request, name) for name in ("drawn", "labels", "cutouts", "coco", "sheet")}


def _identity(job: Job, request: InferRequest, step: int) -> str:
    given, images = job.request, hashlib.sha256()
    for path, name in request.names.items():
        images.update(os.fsencode(f"{path}\0{name.image}\0{name.label}\n"))
    models = [job.opening(given.model, given.opening).identity()]
    if given.first is not None:
        models += [job.opening(given.first.model, given.first.opening).identity()]
        models += [plain.identity(given.first.threshold, given.first.crops)]
    settings = given.threshold, given.batch, given.ten_crop, job.joins, step
    return journal.identity(settings, models, images.hexdigest(), _places(given))


def _cut(request: InferRequest, step: int) -> Iterator[Images]:
    pictures = request.pictures
    for number, first in enumerate(range(0, len(pictures), step)):
        part = pictures[first : first + step]
        names = tuple(request.names[path] for path in part)
        yield Images(number, first, tuple(map(absolute, part)), names)


def _predict(job: Job, images: Images) -> Done:
    """In a worker: what comes of a chunk."""
    request = replace(job.request, names=dict(zip(images.paths, images.names, strict=True)))
    models = loaded.load(request, job.open)
    with loaded.predicted(models, request, first=images.first) as results:
        outcomes = [_outcome(each, joins=job.joins) for each in results]
    counts = plain.packed(models.cascade.counts) if models.cascade else b""
    return Done(outcomes, counts, _dates(job, images))


def _stands(job: Job, images: Images, done: Done) -> bool:
    """In a worker: whether the files of a chunk are those that were written when it was done."""
    return done.dates == _dates(job, images)


def _dates(job: Job, images: Images) -> list[int]:
    """When the files of each image, and the folder of its cut-outs, were last changed; 0 where one is not there."""
    drawn, labels, cutouts = job.request.drawn, job.request.labels, job.request.cutouts
    places: list[Path] = []
    for name in images.names:
        places += [folder / file for folder, file in ((drawn, name.image), (labels, name.label)) if folder]
        places += [(cutouts / name.label).with_suffix("")] if cutouts else []
    return [path.stat().st_mtime_ns if path.exists() else 0 for path in places]


def _outcome(result: Predicted | DataError, *, joins: bool) -> Outcome:
    if isinstance(result, DataError):
        return Outcome(problem=Problem(result.what, str(result.where or ""), result.hint))
    small, prediction = result.thumbnail, packing.pack(result.prediction) if joins else {}
    thumbnail = Thumbnail(small.size, small.tobytes()) if small else None
    return Outcome([*result.classes], prediction, thumbnail)


def _in_order(
    entries: Iterator[tuple[int, Done]], pictures: Sequence[Path], step: int, cascade: Cascade | None
) -> Iterator[Predicted | DataError]:
    for number, done in entries:
        part = pictures[number * step : (number + 1) * step]
        yield from (_result(*each) for each in zip(part, done.outcomes, strict=True))
        if cascade is not None:
            _add(done.counts, cascade)


def _result(path: Path, outcome: Outcome) -> Predicted | DataError:
    """As it is known here, where ``path`` may not be absolute."""
    if (problem := outcome.problem) is not None:
        return DataError(
            problem.what, where=problem.where.replace(str(absolute(path)), str(path), 1), hint=problem.hint
        )
    small = outcome.thumbnail
    thumbnail = Image.frombytes("RGB", small.size, small.pixels) if small else None
    return Predicted(path, packing.unpack(outcome.prediction), outcome.classes, thumbnail)


def _add(packed: bytes, cascade: Cascade) -> None:
    """Add the counts of a chunk to those of ``cascade``: numbers, and counters."""
    total = cascade.counts
    counts = plain.unpacked(packed, type(total))
    for each in fields(total):  # type: ignore[arg-type]
        setattr(total, each.name, getattr(total, each.name) + getattr(counts, each.name))
