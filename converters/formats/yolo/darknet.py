"""Darknet's description of a data set, which CVAT calls YOLO 1.1: obj.data, with ``key = value`` lines.

classes = 2
train = data/train.txt
names = data/obj.names

Paths are relative to Darknet's own folder, whose ``data`` is the data set: they are found by their ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from converters.formats.yolo import class_names, lists
from converters.formats.yolo.places import described
from converters.model.splits import Place, by_name
from tltpipe import inputs
from tltpipe.errors import DataError, Location

_SUFFIX = ".data"
_NO_SPLITS = ("classes", "names", "backup", "results", "eval", "labels", "top", "map", "tree")
_NAMES = re.compile(r"^\s*names\s*=", re.MULTILINE)
_LARGEST = 1 << 16  # bytes

Entries = Mapping[str, tuple[str, int]]
"""Value and line of each key."""


def at(root: Path) -> Path | None:
    """The description that is ``root`` or lies in it alone."""
    paths = [root] if root.is_file() else sorted(root.glob(f"*{_SUFFIX}")) if root.is_dir() else []
    found = [path for path in paths if path.suffix == _SUFFIX and path.is_file() and _NAMES.search(_text(path))]
    return found[0] if len(found) == 1 else None


def places(path: Path) -> dict[str, Place]:
    """The splits that the file ``path`` names. Raises DataError for one whose list of images is not there."""
    found = []
    for key, (value, line) in _entries(path).items():
        if key in _NO_SPLITS:
            continue
        source = _located(path, value)
        if source is None:
            hint = f"lists that are there: {_lists(path.parent)}"
            raise DataError(f"{key}: the list of images {value} is not there", where=Location(path, line), hint=hint)
        found.append((key, described(path.parent, key, [source], page=path)))
    if not found:
        raise DataError("no list of images is named: train, valid", where=path, hint="train = data/train.txt")
    return by_name(found)


def names(path: Path) -> tuple[tuple[str, ...], Path]:
    """The class names that the file ``path`` refers to, and the file in which they are. Raises DataError."""
    entries = _entries(path)
    value, line = entries["names"]
    source = _located(path, value) or class_names.find([path.parent])
    if source is None:
        hint = "write it: one name a line, in the order of their numbers"
        raise DataError(f"names: the file {value} is not there", where=Location(path, line), hint=hint)
    found = class_names.read(source)
    count, line = entries.get("classes", (str(len(found)), 1))
    if count.isdigit() and int(count) != len(found):
        raise DataError(f"classes is {count}, but {source} has {len(found)} names", where=Location(path, line))
    return found, source


def _entries(path: Path) -> Entries:
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        key, equals, value = line.partition("=")
        if equals and key.strip() and not key.lstrip().startswith(("#", ";")):
            found[key.strip().lower()] = value.strip(), number
    return found


def _located(path: Path, value: str) -> Path | None:
    """The file ``value``: beside ``path``, or above."""
    return lists.located(value, (path.parent, path.parent.parent), os.path.isfile)[0] if value else None


def _lists(root: Path) -> str:
    return ", ".join(sorted(path.name for path in root.glob("*.txt"))) or "none"


def _text(path: Path) -> str:
    try:
        with inputs.opened(path) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    return "" if len(content) > _LARGEST else content.decode("utf-8-sig", errors="replace")
