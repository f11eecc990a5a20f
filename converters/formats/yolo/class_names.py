"""Text files that say what the class numbers of YOLO labels mean, one name a line, and where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from converters.files import json_file
from converters.model import classes
from tltpipe.errors import DataError

_FILES = ("classes.txt", "obj.names", "classes.names", "_darknet.labels", "predefined_classes.txt")
"""As LabelImg, Darknet and CVAT, and Roboflow call them."""

_NOTES = "notes.json"  # Label Studio's


def find(folders: Iterable[Path]) -> Path | None:
    """The first such file in ``folders``."""
    for folder in dict.fromkeys(folders):
        if folder.is_dir() and (path := next(_in(folder), None)) is not None:
            return path
    return None


def read(path: Path) -> tuple[str, ...]:
    """The names in the file ``path``. Raises DataError where it is none, or has one twice."""
    names = _noted(path) if path.name == _NOTES else classes.listed(path)
    if not names:
        raise DataError("there are no class names in this file", where=path, hint="one name a line")
    return names


def _in(folder: Path) -> Iterator[Path]:
    yield from (path for name in _FILES if (path := folder / name).is_file())
    others = sorted(path for path in folder.glob("*.names") if path.is_file())
    if len(others) == 1:
        yield others[0]
    if (folder / _NOTES).is_file():
        yield folder / _NOTES


def _noted(path: Path) -> tuple[str, ...]:
    found = json_file.load(path).get("categories")
    records = found if isinstance(found, list) else []
    names = {each.get("id"): each.get("name") for each in records if isinstance(each, dict)}
    if not names or set(names) != set(range(len(names))) or not all(isinstance(n, str) for n in names.values()):
        raise DataError("categories must have ids from 0 on, and names", where=path)
    return tuple(str(names[number]) for number in range(len(names)))
