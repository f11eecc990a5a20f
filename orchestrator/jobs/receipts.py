"""What made this folder: a stage's receipt, and whether it still holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tltpipe import files, inputs, plain


@dataclass(frozen=True)
class Facts:
    """All that a stage's outputs depend on; paths are relative to the workspace, secrets masked.

    ``inputs`` maps a path to its fingerprint, ``specs`` a spec's name to its text, ``image_id`` is None where no
    container is involved.
    """

    toolkit: str
    argv: tuple[tuple[str, ...], ...]
    specs: Mapping[str, str]
    inputs: Mapping[str, str]
    image_id: str | None = None


@dataclass(frozen=True)
class Receipt:
    """``outputs`` maps a path to its fingerprint; ``finished`` is local time with its offset, ISO 8601."""

    facts: Facts
    runner: str
    image: str | None
    version: str
    finished: str
    seconds: float = 0.0
    outputs: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the stage had to tell, as JSON types: of evaluate its scores."""

    @property
    def when(self) -> str:
        return self.finished[:16].replace("T", " ")


Change = Callable[[str, str, str], str | None]
"""How a spec, by its name, changed from one text to another, in words; None where that makes no difference."""


def differs(name: str, before: str, after: str) -> str | None:  # noqa: ARG001
    """Any change counts."""
    return f"{name} changed"


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def save(folder: Path, name: str, receipt: Receipt) -> None:
    files.write_text(folder / f"{name}.json", json.dumps(asdict(receipt), indent=2) + "\n")


def load(folder: Path, name: str) -> Receipt | None:
    """The receipt called ``name``; None where there is none, or one that cannot be read as such."""
    try:
        return plain.from_json(inputs.content(folder / f"{name}.json"), Receipt)
    except (OSError, plain.NotPlain):
        return None


def difference(old: Facts, new: Facts, change: Change = differs, unread: Collection[str] = ()) -> str | None:
    """Why work done under ``old`` does not hold under ``new``, in words; None when it does.

    ``change`` says how a spec changed, ``unread`` are inputs that do not count. The place where the programs run is no
    reason: an image counts only where both ran in one.
    """
    if old.toolkit != new.toolkit:
        return f"toolkit changed: {old.toolkit} -> {new.toolkit}"
    if old.image_id and new.image_id and old.image_id != new.image_id:
        return f"image changed: {_short(old.image_id)} -> {_short(new.image_id)}"
    for name in sorted({*old.specs, *new.specs}):
        before, after = old.specs.get(name, ""), new.specs.get(name, "")
        told = change(name, before, after) if before != after else None
        if told is not None:
            return told
    if old.argv != new.argv:
        from orchestrator.jobs import changes

        return changes.option_changes(old.argv, new.argv)
    paths = {*old.inputs, *new.inputs} - set(unread)
    changed = sorted(p for p in paths if old.inputs.get(p) != new.inputs.get(p))
    return f"files changed: {', '.join(changed)}" if changed else None


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
