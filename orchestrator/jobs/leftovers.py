"""What earlier runs left in a workspace and nothing reads: outputs that were set aside, staging folders, journals."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.jobs import attempts
from orchestrator.jobs.workspace import Workspace
from tltpipe import files

_ASIDE = re.compile(r"-\d{8}-\d{6}$")
_EARLIER = re.compile(r"^earlier(?:-\d+)?$")
_HIDDEN = re.compile(r"^\..+\.(?:partial|old|journal)$")
_OF_NODES = re.compile(r"^(?:ray|preflight)-\w+$")
"""Folders in which nodes of a cluster find what they need, and report, for as long as a command runs."""
ASIDE, EXPORTED, STAGING, CRASH = "earlier training", "earlier export", "unfinished work", "crash report"
KILLED = "of a command that was killed"


@dataclass(frozen=True)
class Leftover:
    """``resumes`` is the stage that would go on from it, if one would; ``size`` in bytes."""

    path: Path
    what: str
    size: int
    resumes: str | None = None


def find(workspace: Workspace) -> list[Leftover]:
    """All there are, those of one kind together."""
    aside = [path for path in _children(workspace.root) if path.name == workspace.output.name + path.name[-16:]]
    aside = [path for path in aside if _ASIDE.search(path.name)]
    aside += [path for path in _children(workspace.output / "weights") if _EARLIER.match(path.name)]
    aside += [path for path in _children(workspace.output / "finetune") if _ASIDE.search(path.name) and path.is_dir()]
    leftovers = [_leftover(workspace, path, ASIDE) for path in aside]
    exported = [path for path in _children(workspace.exported) if _ASIDE.search(path.name) and path.is_dir()]
    leftovers += [_leftover(workspace, path, EXPORTED) for path in exported]
    leftovers += [_leftover(workspace, path, STAGING) for path in _staging(workspace)]
    of_nodes = [path for path in _children(workspace.receipts.parent) if _OF_NODES.match(path.name)]
    leftovers += [_leftover(workspace, path, KILLED) for path in of_nodes]
    crashes = sorted(workspace.logs.glob("tltpipe-crash-*.txt"))
    return leftovers + [_leftover(workspace, path, CRASH) for path in crashes]


def remove(leftover: Leftover) -> None:
    """Raises HostError where it cannot be removed. A link goes, what it leads to stays."""
    with files.writable(leftover.path.parent):
        if leftover.path.is_dir() and not leftover.path.is_symlink():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)


def in_words(size: int) -> str:
    """12 B, 3.4 MiB."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = min((max(size, 1).bit_length() - 1) // 10, len(units) - 1)
    return f"{size / 1024**power:.{min(power, 1)}f} {units[power]}"


def _staging(workspace: Workspace) -> Iterator[Path]:
    root = workspace.root
    folders = [
        root,
        root / "COCO",
        root / workspace.prepared,
        workspace.augmented,
        workspace.tfrecords,
        workspace.pruned,
    ]
    folders += [path for path in _children(root / workspace.prepared) if path.is_dir()]
    folders += [path for path in _children(workspace.exported) if path.is_dir()]
    folders += [workspace.output / "weights"]
    for folder in dict.fromkeys(folders):
        yield from (path for path in _children(folder) if _HIDDEN.match(path.name))
    if (journal := workspace.receipts.parent / "prepare").is_dir():
        yield journal


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _leftover(workspace: Workspace, path: Path, what: str) -> Leftover:
    stages = {workspace.augmented: "augment", workspace.tfrecords: "tfrecords", workspace.output / "weights": "train"}
    stage = stages.get(path.parent, "prepare")
    unfinished = what == STAGING and attempts.load(workspace.receipts, stage)
    return Leftover(path, what, _size(path), stage if unfinished else None)


def _size(path: Path) -> int:
    """Bytes of the files at and below ``path``; links count as what they are."""
    size = path.lstat().st_size if not path.is_dir() else 0
    if not path.is_symlink():
        for folder, _, names in os.walk(path):
            size += sum((Path(folder) / name).lstat().st_size for name in names)
    return size
