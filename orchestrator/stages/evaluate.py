"""evaluate: a checkpoint on the validation data; its figures to ``output/evaluation.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import Evaluate, checkpoints, sources
from orchestrator.stages import prepare, train
from tltpipe import files
from tltpipe.errors import RunFailed
from tltpipe.inputs import content

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "average precision on the validation data"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = None
ON_REQUEST = False
MISSING = "run `tltpipe train` first"

_CLASS = re.compile(r"^(\S+)\s+AP\s+([\d.]+|-)\s*$")
_MEAN = re.compile(r"^\s*mAP\s+([\d.]+)\s*$")
_FRAME = re.compile(r"^\*{5,}\s*$")
_OURS = re.compile(r"^(class\s+objects\s|not in the mean)")
COCO = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "APs": "small", "APm": "medium", "APl": "large", "AR100": "AR"}


def drafts(run: Run) -> list[Draft]:
    return train.drafts(run)


def inputs(run: Run) -> list[Path]:
    held_out, data = run.held_out or run.splits[0], sources.of_run(run)
    return [checkpoints.chosen(run), data.annotation_path(run, held_out), data.image_path(run, held_out)]


def indifferent(run: Run) -> tuple[str, ...]:
    """What a checkpoint was trained by: it is measured as it is."""
    import specs

    return specs.making(train.settled(run).spec)


def outputs(run: Run) -> list[Path]:
    return [run.workspace.evaluation]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    """What all programs tell is NVIDIA's block; our own leaves all it found in ``output/evaluation/``."""
    request, folder = _request(run), run.workspace.evaluated
    left = folder / "evaluation.json"
    if not run.runner.pretends:
        left.unlink(missing_ok=True)
    found = Table()
    run.report.say(f"model: {checkpoints.describe(run, request.model)}")
    run.launch(request, listen=found.read, verify=lambda: None if found.mean is not None else "it told no mAP")
    names = {} if run.runner.pretends else prepare.display_names(run)
    told = {
        "model": run.workspace.name(request.model),
        **checkpoints.facts(request.model),
        "mAP": found.mean,
        "average_precision": _ordered(found.classes, names),
    }
    if run.runner.pretends:
        return told
    whole = _called(_read(left), names)
    # Curves are for programs that draw; they stay where the pictures are.
    everything = told | {name: value for name, value in whole.items() if name not in ("curves", "model")}
    files.write_text(run.workspace.evaluation, json.dumps(everything, indent=2) + "\n")
    short = {name: everything[name] for name in (*told, "coco", "threshold") if name in everything}
    if "classes" in whole:
        short |= {"classes": [*whole["classes"], whole["all"]], "lines": list(_lines(run, whole))}
    return short


def _ordered(classes: dict[str, float | None], names: Mapping[str, str]) -> dict[str, float | None]:
    """``classes`` called and ordered as the settings have them; NVIDIA's programs sort them by name, in lower case."""
    places = {name: place for place, name in enumerate(names.values())}
    called = {names.get(name, name): value for name, value in classes.items()}
    return dict(sorted(called.items(), key=lambda pair: places.get(pair[0], len(places))))


def _called(told: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What our own program wrote, classes called as in the data."""
    called = dict(told)
    if "average_precision" in told:
        called["average_precision"] = {names.get(name, name): ap for name, ap in told["average_precision"].items()}
    if "classes" in told:
        called["classes"] = [{**row, "class": names.get(row["class"], row["class"])} for row in told["classes"]]
    if "confusion" in told:
        listed = [names.get(name, name) for name in told["confusion"]["classes"]]
        called["confusion"] = {**told["confusion"], "classes": listed}
    return called


def _read(path: Path) -> dict[str, Any]:
    """What our own program wrote; empty where another one ran, or nothing could be kept."""
    if not path.is_file():
        return {}
    try:
        told: dict[str, Any] = json.loads(content(path))
    except ValueError as problem:
        raise RunFailed(f"tlt-evaluate wrote no JSON: {problem}", where=path) from problem
    return told


def _lines(run: Run, told: dict[str, Any]) -> list[str]:
    coco = (f"{text} {_number(told['coco'].get(name))}" for name, text in COCO.items())
    drawn = ", ".join(told.get("pictures_drawn", ()))
    lines = [
        f"counted from a score of {told['threshold']:.2f} on",
        f"COCO      {'  '.join(coco)}",
    ]
    return [*lines, f"pictures  {run.workspace.name(run.workspace.evaluated)}/ {drawn}"] if drawn else lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


class Table:
    """Reads NVIDIA's block of average precisions from the lines of a program."""

    def __init__(self) -> None:
        self.classes: dict[str, float | None] = {}
        self.mean: float | None = None
        self.ours = False

    def read(self, line: str) -> bool:
        """Take the line if it is one of the block, or of the tables that our own program prints below it: a table in
        colours shows both better."""
        if self.mean is not None and not line.strip():
            return True
        if self.mean is not None and _OURS.match(line):
            self.ours = True
        if match := _CLASS.match(line):
            self.classes[match[1]] = None if match[2] == "-" else float(match[2])
        elif match := _MEAN.match(line):
            self.mean = float(match[1])
        return self.ours or match is not None or _FRAME.match(line) is not None


def _request(run: Run) -> Evaluate:
    model, maps = checkpoints.chosen(run), prepare.class_maps(run)
    return Evaluate(run.config.network, train.settled(run).path, model, run.workspace.output, maps)
