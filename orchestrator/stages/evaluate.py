"""evaluate: the newest checkpoint on the validation data; its figures to ``output/evaluation.json``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import Evaluate
from orchestrator.stages import train
from tltpipe import files
from tltpipe.errors import RunFailed

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "average precision on the validation data"
NEEDS = ("train",)
SPEC: str | None = None
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
    held_out = run.held_out or run.splits[0]
    return [run.expected_model(), run.workspace.tfrecords / held_out, run.workspace.augmented / held_out / "images"]


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
    run.launch(request, listen=found.read, verify=lambda: None if found.mean is not None else "it told no mAP")
    told = {"model": run.workspace.name(request.model), "mAP": found.mean, "average_precision": found.classes}
    if run.runner.pretends:
        return told
    whole = {**_read(left), "model": told["model"]}
    # Curves are for programs that draw; they stay where the pictures are.
    everything = {**told, **{name: value for name, value in whole.items() if name != "curves"}}
    files.write_text(run.workspace.evaluation, json.dumps(everything, indent=2) + "\n")
    short = {name: everything[name] for name in (*told, "coco", "threshold") if name in everything}
    if "classes" in whole:
        short |= {"classes": [*whole["classes"], whole["all"]], "lines": list(_lines(run, whole))}
    return short


def _read(path: Path) -> dict[str, Any]:
    """What our own program wrote; empty where another one ran, or nothing could be kept."""
    if not path.is_file():
        return {}
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
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
        if self.mean is not None and _OURS.match(line):
            self.ours = True
        if match := _CLASS.match(line):
            self.classes[match[1]] = None if match[2] == "-" else float(match[2])
        elif match := _MEAN.match(line):
            self.mean = float(match[1])
        return self.ours or match is not None or _FRAME.match(line) is not None


def _request(run: Run) -> Evaluate:
    return Evaluate(run.config.network, run.spec(train.NAME), run.expected_model(), run.workspace.output)
