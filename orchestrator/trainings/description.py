"""Which training a results folder is of: ``training.json``, which our trainer writes, or what other files tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.trainings import reading

NAME = "training.json"
LOG = re.compile(r"([a-z0-9_]+)_training_log(.*)\.csv")
"""NVIDIA's name of a log: network, then what kind of it."""
CHECKPOINT = re.compile(r".+_epoch_(\d+)\.(safetensors|tlt|hdf5)")


class Description(msgspec.Struct):
    """What is known of a training; ``log`` is the name of its CSV, ``command`` what resumes it in ``folder``."""

    network: str = ""
    name: str = ""
    classes: list[str] = []
    epochs: int | None = None
    steps: int | None = None
    primary: str = ""
    titles: dict[str, str] = {}
    per_class: dict[str, list[str]] = {}
    log: str = ""
    spec: str = ""
    command: str = ""
    folder: str = ""
    host: str = ""
    device: str = ""
    version: str = ""
    began: str = ""
    process: int | None = None


def parse(text: bytes) -> Description | None:
    """None for what is no such file."""
    try:
        return msgspec.json.decode(text, type=Description)
    except msgspec.DecodeError:
        return None


def guessed(folder: Path) -> Description:
    """For a run of NVIDIA's programs, or of an earlier version of ours."""
    log = next((match for name in names(folder) if (match := LOG.fullmatch(name))), None)
    if log is None:
        return Description()
    told = _beside(folder)
    known = [str(each) for each in told.get("classes", []) if isinstance(each, str)]
    kind = log[2].removeprefix("_")
    return Description(network=log[1], name=f"{log[1]}_{kind}" if kind else log[1], classes=known, log=log[0])


def names(folder: Path) -> list[str]:
    """The names in ``folder``, sorted; none where it cannot be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def checkpoints(folder: Path) -> Mapping[int, str]:
    """The names of the checkpoints in ``weights/``, by their epoch."""
    found = (CHECKPOINT.fullmatch(name) for name in names(folder / "weights"))
    return {int(match[1]): match[0] for match in found if match}


def _beside(folder: Path) -> Mapping[str, Any]:
    """The JSON beside the newest checkpoint of ours."""
    known = checkpoints(folder)
    text = reading.content(folder, "weights", str(Path(known[max(known)]).with_suffix(".json"))) if known else None
    try:
        told = msgspec.json.decode(text or b"{}")
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) and isinstance(told.get("classes", []), list) else {}
