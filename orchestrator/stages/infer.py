"""infer: pictures and folders of them in; drawn pictures, KITTI lines with scores, COCO results and a sheet out."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters import listing
from orchestrator import verify
from orchestrator.jobs import Infer
from orchestrator.stages import train
from tltpipe import files
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "finding objects in pictures"
NEEDS = ("train",)
SPEC: str | None = None
ON_REQUEST = True
MISSING = "name a picture or a folder of pictures"
SHEET, RESULTS = "sheet.jpg", "coco.json"


def drafts(run: Run) -> list[Draft]:
    return train.drafts(run)


def inputs(run: Run) -> list[Path]:
    return [_model(run), *_subjects(run)]


def outputs(run: Run) -> list[Path]:
    return [run.workspace.inference]


def requests(run: Run) -> list[Request]:
    return [] if run.subject is None else [_request(run, run.subject)]


def execute(run: Run) -> dict[str, Any]:
    """Results of earlier pictures stay; those of the same names are replaced once all are there.

    Where pictures could not be read, what the others gave is kept, too; then raises DataError.
    """
    subject = run.subject
    if subject is None:
        raise DataError("there are no pictures to look at", hint="tltpipe infer IMAGE_OR_FOLDER")
    request = _request(run, subject)
    pictures = [name for each in _subjects(run) for name in _pictures(run, each)]
    target = run.workspace.inference
    if run.runner.pretends:
        run.launch(request)
        return {}
    with _folder_beside(target) as staging:
        drawn, labels = staging / "images_annotated", staging / "labels"
        staged = replace(request, drawn=drawn, labels=labels, extras=staging)
        try:
            run.launch(staged, verify=lambda: _lacking(pictures, drawn, labels))
        except DataError:
            if (staging / RESULTS).is_file():  # comes last: all that could be read was looked at
                _keep(staging, target)
            raise
        counts = Counter(line.split()[0] for line in _lines(labels.glob("*.txt")))
        _keep(staging, target)
    told = {"images": len(pictures), "objects": dict(counts.most_common())}
    places = {"drawn": target / "images_annotated", "sheet": target / SHEET, "coco": target / RESULTS}
    return {**told, **{what: run.workspace.name(path) for what, path in places.items() if path.exists()}}


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` with both result folders in it, gone at the end."""
    staging = target.with_name(f".{target.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    with files.writable(target.parent):
        for part in ("images_annotated", "labels"):
            (staging / part).mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _request(run: Run, subject: Path) -> Infer:
    target = run.workspace.inference
    chosen = run.config.inference
    options = {"device": chosen.device, "batch_size": chosen.batch_size}
    return Infer(
        network=run.config.network,
        spec=run.spec(train.NAME),
        model=_model(run),
        images=subject,
        drawn=target / "images_annotated",
        labels=target / "labels",
        threshold=run.config.settings.threshold,
        more=run.subjects,
        own_spec=chosen.model is not None,
        extras=target,
        options={name: str(value) for name, value in options.items() if value is not None},
    )


def _model(run: Run) -> Path:
    """What the settings name, else the newest checkpoint."""
    named = run.config.inference.model
    return run.expected_model() if named is None else run.workspace.root / named


def _subjects(run: Run) -> list[Path]:
    return [path for path in (run.subject, *run.subjects) if path is not None]


def _pictures(run: Run, subject: Path) -> list[str]:
    """Names of the pictures that must have results: those in ``subject`` itself, if it is a folder.

    Raises DataError where there is none, however deep.
    """
    if not subject.exists() and not run.runner.pretends:
        raise DataError("there is no such picture or folder", where=subject)
    if not subject.is_dir():
        return [subject.name]
    found = sorted(listing.files(subject, listing.PICTURES))
    if not found and not run.runner.pretends:
        known = f"known extensions: {', '.join(sorted(listing.PICTURES))}"
        raise DataError("there are no images in this folder or below", where=subject, hint=known)
    return [name for name in found if "/" not in name]


def _lacking(pictures: list[str], drawn: Path, labels: Path) -> str | None:
    there, told = verify.names(drawn, ""), verify.names(labels, ".txt")
    missing = [name for name in pictures if name not in there or f"{Path(name).stem}.txt" not in told]
    return f"{len(missing)} of {len(pictures)} pictures have no result ({missing[0]} ...)" if missing else None


def _lines(paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        with path.open(encoding="utf-8") as stream:
            yield from (line for line in stream if line.strip())


def _keep(staging: Path, target: Path) -> None:
    for name in ("images_annotated", "labels"):
        _move_files(staging / name, target / name)
    _move_files(staging, target)


def _move_files(source: Path, target: Path) -> None:
    with files.writable(target):
        target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file():
            os.replace(path, target / path.name)
