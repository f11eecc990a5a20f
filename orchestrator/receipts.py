"""What made this folder: a stage's receipt, and whether it still holds."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from tltpipe import files, plain


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

    @property
    def when(self) -> str:
        return self.finished[:16].replace("T", " ")


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def save(folder: Path, name: str, receipt: Receipt) -> None:
    files.write_text(folder / f"{name}.json", json.dumps(asdict(receipt), indent=2) + "\n")


def load(folder: Path, name: str) -> Receipt | None:
    """The receipt called ``name``; None where there is none, or one that cannot be read as such."""
    try:
        return plain.from_json((folder / f"{name}.json").read_bytes(), Receipt)
    except (OSError, plain.NotPlain):
        return None


def difference(old: Facts, new: Facts) -> str | None:
    """Why work done under ``old`` does not hold under ``new``, in words; None when it does.

    The place where the programs run is no reason: an image counts only where both ran in one.
    """
    if old.toolkit != new.toolkit:
        return f"toolkit changed: {old.toolkit} -> {new.toolkit}"
    if old.image_id and new.image_id and old.image_id != new.image_id:
        return f"image changed: {_short(old.image_id)} -> {_short(new.image_id)}"
    for name in sorted({*old.specs, *new.specs}):
        before, after = old.specs.get(name, ""), new.specs.get(name, "")
        if before != after:
            return f"spec changed: {_first_change(before, after)}"
    if old.argv != new.argv:
        return "command line changed"
    changed = sorted(p for p in {*old.inputs, *new.inputs} if old.inputs.get(p) != new.inputs.get(p))
    return f"inputs changed: {', '.join(changed)}" if changed else None


_SETTING = re.compile(r"^\s*(\w+)\s*:\s*(.+?)\s*$")


def _first_change(before: str, after: str) -> str:
    """The first changed line as ``name old -> new``, with the number of others."""
    lines = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "-+"]
    gone = [line[2:] for line in lines if line[0] == "-" and line[2:].strip()]
    come = [line[2:] for line in lines if line[0] == "+" and line[2:].strip()]
    more = max(len(gone), len(come)) - 1
    rest = f" (and {more} more)" if more > 0 else ""
    old, new = (_SETTING.match(side[0]) if side else None for side in (gone, come))
    if old and new and old[1] == new[1]:
        return f"{old[1]} {old[2]} -> {new[2]}{rest}"
    if come:
        return f'now "{come[0].strip()}"{rest}'
    return f'no longer "{gone[0].strip()}"{rest}' if gone else "white space"


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
