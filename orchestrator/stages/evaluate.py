"""evaluate: the newest checkpoint on the validation data; average precision per class to ``output/evaluation.json``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import Evaluate
from orchestrator.stages import train
from tltpipe import files

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "average precision on the validation data"
NEEDS = ("train",)
SPEC: str | None = None
ON_REQUEST = False
MISSING = "run `tltpipe train` first"

_CLASS = re.compile(r"^(\S+)\s+AP\s+([\d.]+)\s*$")
_MEAN = re.compile(r"^\s*mAP\s+([\d.]+)\s*$")
_FRAME = re.compile(r"^\*{5,}\s*$")


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
    request = _request(run)
    found = Table()
    run.launch(request, listen=found.read, verify=lambda: None if found.mean is not None else "it told no mAP")
    told = {"model": run.workspace.name(request.model), "mAP": found.mean, "average_precision": found.classes}
    if not run.runner.pretends:
        files.write_text(run.workspace.evaluation, json.dumps(told, indent=2) + "\n")
    return told


class Table:
    """Reads NVIDIA's block of average precisions from the lines of a program."""

    def __init__(self) -> None:
        self.classes: dict[str, float] = {}
        self.mean: float | None = None

    def read(self, line: str) -> bool:
        """Take the line if it is one of the block, which a table shows better."""
        if match := _CLASS.match(line):
            self.classes[match[1]] = float(match[2])
        elif match := _MEAN.match(line):
            self.mean = float(match[1])
        return match is not None or _FRAME.match(line) is not None


def _request(run: Run) -> Evaluate:
    return Evaluate(run.config.network, run.spec(train.NAME), run.expected_model())
