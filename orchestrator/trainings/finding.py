"""The results folders of trainings below what a user names."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from orchestrator.trainings.description import LOG, NAME
from orchestrator.trainings.training import STATUS, STEPS, Training
from tltpipe.errors import UsageError

DEPTH, ENTRIES = 5, 2000
"""Folders so far down are searched, none that hold more than so many names: those are images."""
OUTPUT = "output"
_INSIDE = frozenset({"weights", "events", "samples", "evaluation", "TFRecords", "COCO", "node_modules"})


def require(paths: Sequence[Path]) -> None:
    """Raise UsageError for a path that is no folder; one without a training yet may get one."""
    for path in paths:
        if not path.is_dir():
            what = "this is a file, not the folder of a run" if path.exists() else "folder not found"
            hint = "name a results folder (-r of tlt-train), a workspace, or a folder that holds some"
            raise UsageError(what, where=path, hint=hint)


def find(paths: Sequence[Path]) -> list[Training]:
    """The trainings in ``paths``, each a results folder, a workspace or a folder with several of them, by name."""
    found: dict[Path, Training] = {}
    for path in paths:
        root = Path(os.path.realpath(path))
        for folder in _folders(root):
            found.setdefault(folder, _training(folder, root, alone=len(paths) == 1))
    return sorted(found.values(), key=lambda training: training.name)


def _training(folder: Path, root: Path, *, alone: bool) -> Training:
    above = folder.parent
    workspace = above if folder.name == OUTPUT and (above / ".tltpipe").is_dir() else None
    inner = folder.relative_to(root).parts
    parts = inner if alone and inner else (root.name, *inner)
    if parts[-1] == OUTPUT and len(parts) > 1:
        parts = parts[:-1]
    elif parts == (OUTPUT,):
        parts = (above.name,)
    name = "/".join(parts)
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return Training(f"{re.sub('[^A-Za-z0-9_.]+', '-', name)}-{mark}", name, folder, workspace)


def _folders(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Results folders in and below ``folder``; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            listed = list(islice(entries, ENTRIES + 1))
    except OSError:
        return
    names = {entry.name for entry in listed}
    if NAME in names or STEPS in names or any(map(LOG.fullmatch, names)) or (STATUS in names and "weights" in names):
        yield folder
        return
    if len(listed) > ENTRIES or not depth:
        return
    for entry in sorted(listed, key=lambda entry: entry.name):
        if entry.name not in _INSIDE and not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
            yield from _folders(folder / entry.name, depth - 1)
