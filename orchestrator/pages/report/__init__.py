"""A training, or two side by side, as one HTML file that asks nobody for anything: ``gather`` reads, ``render`` writes.

evaluations      evaluation.json of whatever task
spec_difference  the fields of a spec that are not the default's
provenance       receipts of a workspace: what was run, when, where
pictures         pictures as they stand in the page
page.*           the page; theme.css and charts.js of tltpipe/web stand in it, too
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.pages.report import evaluations, pictures, provenance, spec_difference
from orchestrator.pages.report.evaluations import Evaluation
from orchestrator.pages.report.pictures import Shot
from orchestrator.pages.report.provenance import Stage
from orchestrator.pages.report.rendering import render as render
from orchestrator.pages.report.spec_difference import Defaults, Field
from tltpipe import inputs
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.trainings import Training

POINTS = 1000
"""Of each curve over steps."""
ROWS = 300
"""Of the table of the data."""
SAMPLES = 6
"""Of the samples of a training, those that are shown: from the first to the last."""
DRAWN_HERE = ("confusion", "precision_recall")
"""Pictures of an evaluation that the page draws itself, from their numbers."""
SHEETS = {
    "worst.png": "worst images of the evaluation",
    "wrong_answers.png": "wrong answers that the model is most confident of",
    "best.png": "best images of the evaluation",
    "right_answers.png": "right answers that the model is most confident of",
    "val_batch.jpg": "first images of the evaluation: annotated, and beside it predicted",
}


@dataclass(frozen=True)
class RunReport:
    """What a page says of a training: ``details`` and ``steps`` as ``orchestrator.trainings`` has them."""

    folder: Path
    network: str
    details: Mapping[str, Any]
    steps: Mapping[str, Sequence[Sequence[float]]]
    evaluation: Evaluation | None
    labels: Sequence[Sequence[str]]
    spec: Sequence[Field] | None
    stages: Sequence[Stage]
    environment: Sequence[tuple[str, str]]
    shots: Sequence[Shot] = field(default=(), repr=False)

    @property
    def best(self) -> tuple[int, float] | None:
        """The epoch with the best primary figure, and that figure; the lowest where it is a loss."""
        points = [(epoch, value) for epoch, value in self.details["columns"].get(self.primary, ()) if value is not None]
        sign = -1 if "loss" in self.primary else 1
        return max(points, key=lambda each: (sign * each[1], -each[0]), default=None)

    @property
    def primary(self) -> str:
        return str(self.details["primary"])

    @property
    def title(self) -> str:
        """What its primary figure is called."""
        return str(self.details["titles"].get(self.primary, self.primary))

    @property
    def verdict(self) -> str:
        """It in a sentence."""
        name, state, message = (self.details[key] for key in ("name", "state", "message"))
        parts = [f"{name}: {state}" + (f" ({message})" if message else "")]
        if self.evaluation is not None and self.evaluation.value is not None:
            parts.append(f"evaluated at {self.evaluation.primary} {self.evaluation.value:.3f}")
        if self.best is not None:
            parts.append(f"best {self.title} {self.best[1]:.3f} in epoch {self.best[0]}")
        return ", ".join(parts)

    def summary(self) -> dict[str, Any]:
        """What ``tltpipe report --json`` says of it."""
        told = {key: self.details[key] for key in ("name", "folder", "state", "message", "epoch", "epochs", "primary")}
        best = {"epoch": self.best[0], "value": self.best[1]} if self.best else None
        return {**told, "best": best, "evaluated": self.evaluation.value if self.evaluation else None}


def gather(path: Path, *, defaults: Defaults, placeholder: str = "") -> RunReport:
    """What there is to report of the training at ``path``: a results folder or a workspace.

    ``defaults`` gives the default spec of a kind, in which ``placeholder`` begins paths that are to be filled in.
    Raises UsageError where there is no training, or more than one.
    """
    training = _training(path)
    training.update()
    details, folder = training.details(), training.folder
    evaluation = evaluations.read(folder)
    fields = spec_difference.fields(details["spec"], training.described.network, defaults, placeholder)
    return RunReport(
        folder=folder,
        network=training.described.network,
        details=details,
        steps=training.steps.points(POINTS),
        evaluation=evaluation,
        labels=_labels(folder / "labels.csv"),
        spec=fields,
        stages=provenance.stages(training.workspace),
        environment=provenance.environment(details, training.described, evaluation.facts if evaluation else {}),
        shots=tuple(pictures.shots(_pictures(folder, details, evaluation))),
    )


def _training(path: Path) -> Training:
    from orchestrator.trainings import finding

    finding.require([path])
    found = finding.find([path])
    if not found:
        hint = "name the results folder of a training (-r of tlt-train), or a workspace"
        raise UsageError("no training found", where=path, hint=hint)
    if len(found) > 1:
        names = ", ".join(each.name for each in found[:5])
        raise UsageError(f"{len(found)} trainings are in it: {names}", where=path, hint="name one of them, or two")
    return found[0]


def _labels(path: Path) -> list[list[str]]:
    """The table of what there was to learn from; none where it cannot be read."""
    try:
        text = inputs.content(path).decode("utf-8", "replace")
        return [row for row in csv.reader(text.splitlines()) if row][: ROWS + 1]
    except (OSError, csv.Error):
        return []


def _pictures(folder: Path, details: Mapping[str, Any], evaluation: Evaluation | None) -> Iterator[tuple[Path, str]]:
    """Those with images first, then charts."""
    drawn = [name for name in evaluation.drawn if Path(name).name == name] if evaluation else []
    for name in SHEETS:
        if evaluation and name in drawn:
            yield evaluation.folder / name, SHEETS[name]
    for each in _spread(details["samples"]):
        when = f"epoch {each['epoch']}" if each["epoch"] else f"step {each['step']:,}"
        yield folder / "samples" / each["name"], f"predictions beside the annotation, {when}"
    yield folder / "train_batch1.jpg", "first images of the training as the network sees them"
    for name in drawn:
        if evaluation and name not in SHEETS and not name.startswith(DRAWN_HERE):
            yield evaluation.folder / name, ""


def _spread(samples: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """``SAMPLES`` of them, from the first to the last."""
    last = len(samples) - 1
    return (
        [samples[place] for place in sorted({round(k * last / (SAMPLES - 1)) for k in range(SAMPLES)})]
        if samples
        else []
    )
