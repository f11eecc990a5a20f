"""How a workspace came to its training: a line of each stage, from its receipt."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import receipts
from orchestrator.jobs.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.trainings.description import Description


@dataclass(frozen=True)
class Stage:
    """``commands`` as they were run, in the workspace, without secrets."""

    name: str
    finished: str
    seconds: float
    runner: str
    image: str | None
    version: str
    commands: tuple[str, ...]


def stages(root: Path | None) -> list[Stage]:
    """The stages of the workspace that have finished, in that order; none without a workspace."""
    if root is None:
        return []
    folder = Workspace(root).receipts
    names = sorted(path.stem for path in folder.glob("*.json") if "." not in path.stem)
    found = [(name, receipt) for name in names if (receipt := receipts.load(folder, name)) is not None]
    return [
        Stage(
            name=name,
            finished=receipt.when,
            seconds=receipt.seconds,
            runner=receipt.runner,
            image=receipt.image,
            version=receipt.version,
            commands=tuple(shlex.join(words) for words in receipt.facts.argv),
        )
        for name, receipt in sorted(found, key=lambda pair: pair[1].finished)
    ]


def environment(
    details: Mapping[str, Any], described: Description, evaluation: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Where the training ran and what made it, as far as its files say so."""
    told = {
        "network": details["network"],
        "folder": details["folder"],
        "began": described.began.replace("T", " "),
        "host": described.host,
        "device": described.device,
        "tltpipe": described.version,
        "command": described.command,
        "evaluated model": evaluation.get("model"),
        "evaluated on": evaluation.get("ran_on"),
        "images per second in evaluation": evaluation.get("pictures_per_second"),
    }
    return [(what, str(value)) for what, value in told.items() if value]
