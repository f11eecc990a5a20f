"""infer: pictures and folders of them in; drawn pictures, labels (of a detector KITTI lines with scores), COCO results
and a sheet out."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le, Lt

from converters.files import listing
from orchestrator.drafts import Draft
from orchestrator.jobs import Infer, Request, checkpoints, verify
from orchestrator.run import Run
from orchestrator.screen.console import Console
from orchestrator.settings import STRICT, image_extensions
from orchestrator.stages import prepare, train
from tltpipe import files
from tltpipe.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Inference (docs/infer.md)."""

    __pydantic_config__: ClassVar = STRICT

    model: str | None = None
    """Checkpoint (last, best, a path), or a model that tltpipe export wrote (default: the setting model)."""
    device: str | None = None
    """cpu, cuda or cuda:1 (default: a GPU where there is one)."""
    batch_size: Annotated[int, Ge(1)] | None = None
    """Images per batch (default: the program's)."""
    ten_crop: bool = False
    """Classifiers: predictions are the mean over ten views of an image (docs/infer.md)."""
    cutouts: bool = False
    """Networks that classify pixels: each class is cut out of each image, too (docs/infer.md)."""
    cascade: str | None = None
    """Detector, of people for example, whose objects are cropped: the model sees the crops, or each object by itself
    where it is one of landmarks (docs/infer.md)."""
    cascade_threshold: Annotated[float, Gt(0), Lt(1)] | None = None
    """Lowest score of an object to be cropped (default: its spec's)."""
    cascade_classes: list[str] | None = None
    """Classes of objects to be cropped (default: all)."""
    cascade_margin: Annotated[float, Ge(0), Le(10)] | None = None
    """Share of a box's sides added on every side of a crop (default: 0.1)."""
    cascade_min_size: Annotated[int, Ge(1)] | None = None
    """Objects with a smaller side, in pixels, are not cropped (default: 16)."""
    cascade_overlap: Annotated[float, Gt(0), Le(1)] | None = None
    """IoU above which two objects of a class in different crops are one (default: 0.5)."""


ABOUT = "running the model on images"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = Inference
ON_REQUEST = True
MISSING = "name an image or a folder of images"
CASCADE = ("cascade_threshold", "cascade_classes", "cascade_margin", "cascade_min_size", "cascade_overlap")
LINES = ".txt"
"""Suffix of labels whose lines begin with a class."""
DRAWN, LABELS, SHEET, RESULTS, CUTOUTS = "images_annotated", "labels", "sheet.jpg", "coco.json", "cutouts"


def drafts(run: Run) -> list[Draft]:
    return train.drafts(run)


def inputs(run: Run) -> list[Path]:
    return [*_models(run), *_subjects(run)]


def outputs(run: Run) -> list[Path]:
    return [run.workspace.inference]


def requests(run: Run) -> list[Request]:
    return [] if run.subject is None else [_request(run, run.subject)]


def execute(run: Run) -> dict[str, Any]:
    """Results of the call before go once all of this one are there; what else lies in the folder stays.

    Where pictures could not be read, what the others gave is kept, too; then raises DataError.
    """
    subject = run.subject
    if subject is None:
        raise DataError("no images are named", hint="tltpipe infer IMAGE_OR_FOLDER")
    request = _request(run, subject)
    pictures = [name for each in _subjects(run) for name in _pictures(run, each)]
    target = run.workspace.inference
    if request.first is not None:
        run.report.say(f"first model: {checkpoints.describe(run, request.first)}")
    run.report.say(f"model: {checkpoints.describe(run, request.model)}")
    if run.runner.pretends:
        run.launch(request)
        return {}
    suffix = _suffix(request)
    with _folder_beside(target) as staging:
        drawn, labels = staging / DRAWN, staging / LABELS
        cutouts = None if request.cutouts is None else staging / CUTOUTS
        staged = replace(request, drawn=drawn, labels=labels, extras=staging, cutouts=cutouts)
        try:
            run.launch(staged, verify=lambda: _lacking(pictures, drawn, labels, suffix))
        except DataError:
            if (staging / RESULTS).is_file():  # comes last: all that could be read was looked at
                _publish(run, staging)
            raise
        images = sum(1 for _ in labels.rglob(f"*{suffix}"))
        counts = _counts(labels) if suffix == LINES else None
        _publish(run, staging)
    told = {"model": run.workspace.name(request.model), **checkpoints.facts(request.model)}
    names = prepare.display_names(run)
    told |= {} if request.first is None else {"first": run.workspace.name(request.first)}
    told |= {"images": images}
    if counts is not None:
        told |= {"objects": {names.get(name, name): count for name, count in counts.most_common()}}
    places = {"drawn": target / DRAWN, "labels": target / LABELS, "sheet": target / SHEET, "coco": target / RESULTS}
    places |= {"cutouts": target / CUTOUTS}
    return told | {what: run.workspace.name(path) for what, path in places.items() if path.exists()}


def show(console: Console, result: Mapping[str, Any]) -> None:
    """How many objects of each class there are, where they are counted, and where the results are."""
    if "objects" in result:
        rows = [(name, str(count)) for name, count in result["objects"].items()] or [("nothing", "0")]
        console.table(("class", "found"), rows)
    if "images" in result:
        images = result["images"]
        console.put(f"{images} image{'s' if images != 1 else ''}: {result['drawn']}")


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` with both result folders in it, gone at the end."""
    staging = target.with_name(f".{target.name}.partial")
    files.remove(staging)
    with files.writable(target.parent):
        for part in (DRAWN, LABELS):
            (staging / part).mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(run: Run, staging: Path) -> None:
    """Put the results in the place of those before. What we did not write, or was changed since, is only moved."""
    target, record = run.workspace.inference, run.workspace.receipts / "inference-files.json"
    clear(target, record)
    if occupied(target, (DRAWN, LABELS, SHEET, RESULTS, CUTOUTS)) and (aside := run.set_aside(target)):
        run.report.say(f"what was in {run.workspace.name(target)} was moved to {run.workspace.name(aside)}")
    publish(staging, target, record)


def _request(run: Run, subject: Path) -> Infer:
    target = run.workspace.inference
    chosen = run.config.section(Inference)
    options: dict[str, Any] = {"device": chosen.device, "batch_size": chosen.batch_size}
    options |= {"ten_crop": "" if chosen.ten_crop else None}
    options |= _of_cascade(run)
    model, *first = reversed(_models(run))
    return Infer(
        network=(checkpoints.network(model) if _own_spec(run) else None) or run.config.network,
        spec=train.settled(run).path,
        model=model,
        images=subject,
        drawn=target / DRAWN,
        labels=target / LABELS,
        threshold=run.config.settings.threshold,
        more=run.subjects,
        own_spec=_own_spec(run),
        extras=target,
        options={name: str(value) for name, value in options.items() if value is not None},
        class_maps=prepare.class_maps(run),
        first=next(iter(first), None),
        cutouts=target / CUTOUTS if chosen.cutouts else None,
    )


def _of_cascade(run: Run) -> dict[str, Any]:
    """The options of a cascade. Raises ConfigError for those of a command line that has none."""
    chosen = run.config.section(Inference)
    named = {name: getattr(chosen, name) for name in CASCADE}
    if chosen.cascade is None:
        for name in CASCADE:
            given = run.config.given.get(f"infer.{name}")
            if given is not None and not given.in_file:
                what = f"infer.{name} would be ignored: there is no cascade"
                raise ConfigError(what, where=given.where, hint="--cascade FIRST SECOND")
        return {}
    return named | {"cascade_classes": ",".join(chosen.cascade_classes) if chosen.cascade_classes else None}


def _suffix(request: Infer) -> str:
    """That of the labels of each image."""
    import specs

    return specs.results(request.network)["labels"]


def _models(run: Run) -> list[Path]:
    """What the settings name, else the checkpoint that all stages take; before it the first of a cascade."""
    chosen = run.config.section(Inference)
    named = [chosen.model] if chosen.cascade is None else [chosen.cascade, chosen.model]
    return [checkpoints.chosen(run, each) for each in named]


def _own_spec(run: Run) -> bool:
    """Whether the model is none of this workspace's training, and says itself what it needs to be used."""
    wanted = run.config.section(Inference).model or run.config.settings.model
    return wanted not in (checkpoints.LAST, checkpoints.BEST)


def _subjects(run: Run) -> list[Path]:
    return [path for path in (run.subject, *run.subjects) if path is not None]


def _pictures(run: Run, subject: Path) -> list[str]:
    """Names of the pictures that must have results: those in ``subject`` itself, if it is a folder.

    Raises DataError where there is none, however deep.
    """
    if not subject.exists() and not run.runner.pretends:
        raise DataError("no such image or folder", where=subject)
    if not subject.is_dir():
        return [subject.name]
    found = sorted(listing.files(subject, listing.PICTURES))
    if not found and not run.runner.pretends:
        known = f"known extensions: {', '.join(sorted(listing.PICTURES))}"
        raise DataError("there are no images in this folder or below", where=subject, hint=known)
    image_extensions.refuse_nested(run, subject, found)
    return [name for name in found if "/" not in name]


def _lacking(pictures: list[str], drawn: Path, labels: Path, suffix: str) -> str | None:
    there, told = verify.names(drawn, ""), verify.names(labels, suffix)
    missing = [
        name for name in pictures if name not in there or not told & {f"{Path(name).stem}{suffix}", f"{name}{suffix}"}
    ]
    return f"{len(missing)} of {len(pictures)} pictures have no result ({missing[0]} ...)" if missing else None


def _counts(labels: Path) -> Counter[str]:
    """How many lines begin with each class."""
    counts = Counter[str]()
    for path in labels.rglob(f"*{LINES}"):
        with path.open(encoding="utf-8") as stream:
            counts.update(line.split()[0] for line in stream if line.strip())
    return counts


def clear(folder: Path, record: Path) -> None:
    """Remove from ``folder`` the files that ``record`` names, unless somebody changed them since.

    It has the size in bytes and the time of the last change in ns of each file, by its path below the folder.
    Only what is found in the folder can go: nothing that ``record`` says leads out of it.
    """
    known = files.read_json(record)
    for name in list(_files(folder)):
        if known.get(name) == _stamp(folder / name):
            (folder / name).unlink()
    for path in sorted(_folders(folder), reverse=True):
        with suppress(OSError):  # something of others is in it
            path.rmdir()


def occupied(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether one of ``parts`` is still in ``folder``: somebody else's files, or a link to elsewhere."""
    return folder.is_symlink() or any(os.path.lexists(folder / part) for part in parts)


def publish(staging: Path, folder: Path, record: Path) -> None:
    """Move all files of ``staging`` to ``folder`` and note them in ``record``."""
    stamps: dict[str, list[int]] = {}
    with files.writable(folder):
        for name in sorted(_files(staging)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, folder / name)
            stamps[name] = _stamp(folder / name)
    files.write_text(record, json.dumps(stamps) + "\n")


def _files(folder: Path) -> Iterator[str]:
    """Paths of all regular files below ``folder``, relative to it; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _folders(folder: Path) -> Iterator[Path]:
    for place, names, _ in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _stamp(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]
