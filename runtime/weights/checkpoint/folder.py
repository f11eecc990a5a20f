"""The folder of checkpoints, ``<results>/weights``: their names, which of them stay, which is the best."""

from __future__ import annotations

import os
import re
import shutil
from itertools import chain, count
from pathlib import Path

from runtime.weights.checkpoint.state import ENCRYPTED, OPEN
from runtime.weights.checkpoint.storing import facts
from tltpipe.errors import HostError, ModelError


def path_of(results: Path, network: str, epoch: int, *, encrypted: bool = False) -> Path:
    """``weights/ssd_resnet18_epoch_010.safetensors`` below ``results``, or ``.tlt``; epochs count from 1."""
    return results / "weights" / f"{network}_epoch_{epoch:03d}{ENCRYPTED if encrypted else OPEN}"


def best_of(results: Path, network: str, *, encrypted: bool = False) -> Path:
    """``weights/ssd_resnet18_best.safetensors`` below ``results``, or ``.tlt``."""
    return results / "weights" / f"{network}_best{ENCRYPTED if encrypted else OPEN}"


def keep_best(results: Path, network: str, path: Path) -> Path:
    """Make the checkpoint ``path`` the best one: a hard link of it, or a copy, in place of the best so far.

    Returns the path of the best. Raises HostError when it cannot be written.
    """
    target = results / "weights" / f"{network}_best{path.suffix}"
    try:
        _link(path, target)
        for suffix in {ENCRYPTED, OPEN, ".json"} - {target.suffix}:
            target.with_suffix(suffix).unlink(missing_ok=True)
        if (about := path.with_suffix(".json")).is_file() and path.suffix == OPEN:
            _link(about, target.with_suffix(".json"))
    except OSError as failure:
        what = f"the best checkpoint could not be kept: {failure.strerror or failure}"
        raise HostError(what, where=target, hint="is there room, and permission?") from None
    return target


def newest(results: Path, network: str) -> tuple[Path, int] | None:
    """The checkpoint of the latest epoch below ``results``, and that epoch; the one written last, if there are two."""
    return max(_found(results, network), key=lambda found: (found[1], found[0].stat().st_mtime_ns), default=None)


def rotate(results: Path, network: str, epoch: int, *, interval: int) -> None:
    """After ``epoch`` has been saved: drop the one before, unless the spec's ``checkpoint_interval`` keeps it."""
    if (epoch - 1) % max(1, interval) != 0:
        for encrypted in (False, True):
            _drop(path_of(results, network, epoch - 1, encrypted=encrypted))


def set_aside(results: Path, network: str, first: int, *, key: str | None = None) -> Path | None:
    """Move checkpoints of ``first`` and later epochs, which an earlier run left, to the folder ``aside``.

    Else a later resume could take one of them for the newest of this run. The best one goes with them if it is of such
    an epoch, or does not tell. Returns that folder if anything moved.
    """
    late = [path for path, epoch in _found(results, network) if epoch >= first]
    for encrypted in (False, True):
        best = best_of(results, network, encrypted=encrypted)
        if best.is_file() and _epoch_of(best, key, unknown=first) >= first:
            late.append(best)
    if not late:
        return None
    earlier = aside(results)
    earlier.mkdir()
    for path in late:
        about = path.with_suffix(".json")
        if path.suffix == OPEN and about.is_file():
            about.replace(earlier / about.name)
        path.replace(earlier / path.name)
    return earlier


def aside(results: Path) -> Path:
    """Where the next run finds room for what the one before left: ``weights/earlier``, ``weights/earlier-2``, ..."""
    names = chain(["earlier"], (f"earlier-{number}" for number in count(2)))
    return next(path for name in names if not (path := results / "weights" / name).exists())


def _found(results: Path, network: str) -> list[tuple[Path, int]]:
    """All checkpoints of epochs below ``results``, with their epochs."""
    pattern = re.compile(rf"{re.escape(network)}_epoch_(\d+)(?:{re.escape(ENCRYPTED)}|{re.escape(OPEN)})")
    paths = sorted((results / "weights").glob("*_epoch_*"))
    return [(path, int(match[1])) for path in paths if (match := pattern.fullmatch(path.name))]


def _epoch_of(path: Path, key: str | None, *, unknown: int) -> int:
    try:
        return int(facts(path, key)["epoch"])
    except (ModelError, HostError, TypeError, ValueError):
        return unknown


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.suffix == OPEN:
        path.with_suffix(".json").unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """``target`` becomes ``source`` at once: it is never absent, and never a part."""
    beside = target.with_name(f".{target.name}.partial")
    beside.unlink(missing_ok=True)
    try:
        try:
            os.link(source, beside)
        except OSError:
            shutil.copy2(source, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)  # renaming a link to its own file does nothing
