"""evaluate: a checkpoint on the validation data; its figures to ``output/evaluation.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from orchestrator.drafts import Draft
from orchestrator.jobs import Evaluate, Request, checkpoints, sources
from orchestrator.run import Run
from orchestrator.screen.console import Console
from orchestrator.settings import STRICT
from orchestrator.stages import prepare, train
from tltpipe import files


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Evaluation (docs/evaluate.md)."""

    __pydantic_config__: ClassVar = STRICT

    boxes: str | None = None
    """COCO results of a detector, for networks that are shown one object at a time (default: the annotated boxes)."""
    boxes_threshold: Annotated[float, Ge(0), Le(1)] | None = None
    """Lowest score of these boxes (default: all)."""


ABOUT = "measuring the model on the validation data"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = Measuring
ON_REQUEST = False
READS = ("validation",)
MISSING = "run `tltpipe train` first"


WORDS = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "APs": "small", "APm": "medium", "APl": "large", "AR100": "AR"}
"""Those of COCO's figures that are shown, and what they are called."""
SCORES = ("primary", "figures", "per_class")
"""What evaluation.json holds of every task."""


def drafts(run: Run) -> list[Draft]:
    return train.drafts(run)


def inputs(run: Run) -> list[Path]:
    held_out, data = run.held_out or run.splits[0], sources.of_run(run)
    found = [checkpoints.chosen(run), data.annotation_path(run, held_out), data.image_path(run, held_out)]
    return found if (boxes := _boxes(run)) is None else [*found, boxes]


def indifferent(run: Run) -> tuple[str, ...]:
    """What a checkpoint was trained by: it is measured as it is."""
    import specs

    return specs.making(train.settled(run).spec)


def outputs(run: Run) -> list[Path]:
    return [run.workspace.evaluation]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    request = _request(run)
    evaluation = run.toolkit.evaluation(run.workspace.evaluated)
    if not run.runner.pretends:
        evaluation.clear()
    run.report.say(f"model: {checkpoints.describe(run, request.model)}")
    run.launch(request, listen=evaluation.read, verify=lambda: None if evaluation.scores() else "it reported no scores")
    about = {"model": run.workspace.name(request.model), **checkpoints.facts(request.model)}
    if run.runner.pretends:
        return about
    scores = evaluation.scores() or {}
    # Curves are for programs that draw; they stay where the images are.
    called = _called(scores, prepare.display_names(run))
    everything = about | {name: value for name, value in called.items() if name not in ("curves", "model")}
    files.write_text(run.workspace.evaluation, json.dumps(everything, indent=2) + "\n")
    return about | summary(run, scores, run.workspace.evaluated)


def summary(run: Run, scores: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What ``show`` shows of ``scores``, which an evaluation left in ``folder``."""
    scores = _called(scores, prepare.display_names(run))
    named = (*SCORES, *_plain(scores), "average_precision", "coco", "threshold")
    short = {name: scores[name] for name in named if name in scores}
    if "classes" in scores:
        short |= {"classes": [*scores["classes"], scores["all"]]}
    lines = _lines(run, scores, folder)
    return {**short, "lines": lines} if lines else short


def show(console: Console, result: Mapping[str, Any]) -> None:
    """A table of the classes, and other figures below it."""
    if "primary" in result:
        console.scores(result)
    for line in result.get("lines", ()):
        console.put(line)


def _plain(scores: Mapping[str, Any]) -> list[str]:
    """The figures without a group."""
    return [name for name in scores["figures"] if "/" not in name]


def _called(scores: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """``scores`` with classes called and ordered as the data have them; NVIDIA's programs sort them by name, in lower
    case."""
    called = dict(scores)
    if "average_precision" in scores:
        called["average_precision"] = _ordered(scores["average_precision"], names)
    if "per_class" in scores:
        called["per_class"] = {column: _ordered(values, names) for column, values in scores["per_class"].items()}
    if "classes" in scores:
        called["classes"] = [{**row, "class": names.get(row["class"], row["class"])} for row in scores["classes"]]
    if "confusion" in scores:
        listed = [names.get(name, name) for name in scores["confusion"]["classes"]]
        called["confusion"] = {**scores["confusion"], "classes": listed}
    return called


def _ordered(classes: Mapping[str, float | None], names: Mapping[str, str]) -> dict[str, float | None]:
    places = {name: place for place, name in enumerate(names.values())}
    called = {names.get(name, name): value for name, value in classes.items()}
    return dict(sorted(called.items(), key=lambda pair: places.get(pair[0], len(places))))


def _lines(run: Run, scores: Mapping[str, Any], folder: Path) -> list[str]:
    """What the table does not show: the score from which on was counted, other figures by group, where images are."""
    lines = [f"counted from a score of {scores['threshold']:.2f} on"] if "threshold" in scores else []
    groups: dict[str, dict[str, float | None]] = {}
    for figure, value in scores["figures"].items():
        group, _, name = figure.rpartition("/")
        if figure != scores["primary"]:
            groups.setdefault(group, {})[name] = value
    for group, figures in groups.items():
        known = {WORDS[name]: figures[name] for name in WORDS if name in figures} or figures
        values = "  ".join(f"{name} {_number(value)}" for name, value in known.items())
        lines.append(f"{group.upper() or 'figures':<10}{values}")
    if boxes := scores.get("boxes_from"):
        counts = f"{boxes['samples']} of {boxes['detections']} detections"
        lines.append(f"boxes     {counts} in {boxes['file']}")
    if drawn := scores.get("pictures_drawn"):
        lines.append(f"pictures  {run.workspace.name(folder)}/ {', '.join(drawn)}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _request(run: Run) -> Evaluate:
    model, maps = checkpoints.chosen(run), prepare.class_maps(run)
    return Evaluate(
        run.config.network, train.settled(run).path, model, run.workspace.output, maps,
        boxes=_boxes(run), boxes_threshold=run.config.section(Measuring).boxes_threshold,
    )  # fmt: skip


def _boxes(run: Run) -> Path | None:
    """A path in the workspace, or from the root."""
    named = run.config.section(Measuring).boxes
    return None if named is None else run.workspace.root / named
