"""What the values of masks mean: label_mapping.json, or a list of names.

    {"id": 0, "name": "background", "painting": "larger_first"}
    {"id": 1, "name": "skin", "ch_name": "..."}

One JSON object a line; value 0 is the background and 255 is ignored, whatever they are called. A list (labels.txt,
label_names.txt) has a name on each line: those of the values from 0 on where the first is called background, else from
1 on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from converters.files import json_file
from converters.model import classes, painting
from tltpipe import inputs
from tltpipe.errors import DataError, Location

MAPPING = "label_mapping.json"
LISTS = ("labels.txt", "label_names.txt")

_BACKGROUND = frozenset(("background", "_background_", "__background__", "null", "bg"))
_FORM = '{"id": 1, "name": "skin"}'

Names = Mapping[int, str]
"""The classes by value, without the background and what is ignored."""


def file_in(folders: Iterable[Path]) -> Path | None:
    """The first file in ``folders`` that says what the values mean."""
    return next((path for folder in folders for name in (MAPPING, *LISTS) if (path := folder / name).is_file()), None)


def read(path: Path) -> Names:
    """The classes that the file ``path`` names. Raises DataError with the line."""
    return _listed(path) if path.suffix == ".txt" else _mapped(path)


def numbered(names: Sequence[str]) -> Names:
    """``names`` as values from 1 on."""
    return dict(enumerate(names, start=1))


def text(categories: Sequence[str], order: painting.Order) -> str:
    """The mapping of ``categories``, whose maps were painted in this ``order``."""
    records: list[dict[str, Any]] = [{"id": painting.BACKGROUND, "name": "background", "painting": order}]
    records += [{"id": value, "name": name} for value, name in enumerate(categories, start=1)]
    return "".join(orjson.dumps(record).decode() + "\n" for record in records)


def _listed(path: Path) -> Names:
    names = [name for name in classes.listed(path) if name != "__ignore__"]
    if names and names[0].lower() in _BACKGROUND:
        names = names[1:]
    if len(names) > painting.MOST:
        raise DataError(f"there are {len(names)} names, but a mask has {painting.MOST} values for classes", where=path)
    return numbered(names)


def _mapped(path: Path) -> Names:
    try:
        lines = inputs.content(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError("this label mapping cannot be read as text", where=path) from None
    names: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            value, name = _entry(line, Location(path, number))
            if 0 < value < painting.VOID and name.lower() == "background":
                what = f'the value {value} is called "{name}", which every mask has as 0'
                raise DataError(what, where=Location(path, number), hint="paint such pixels 0, or name the class")
            if value in names or (name in names.values() and name.lower() not in _BACKGROUND):
                what = f'the value {value} or the name "{name[:80]}" is here twice'
                raise DataError(what, where=Location(path, number), hint="each value and each name once")
            names[value] = name
    if names.get(painting.BACKGROUND, "background").lower() not in _BACKGROUND:
        what = f'the value 0 is called "{names[painting.BACKGROUND][:80]}", but it is the background'
        raise DataError(what, where=path, hint="number the classes from 1 on, in this file and in the masks")
    rest = {value: names[value] for value in sorted(names) if value not in (painting.BACKGROUND, painting.VOID)}
    if not rest:
        raise DataError("this label mapping names no class", where=path, hint=f"one JSON object a line: {_FORM}")
    return rest


def _entry(line: str, where: Location) -> tuple[int, str]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        raise DataError(f"not valid JSON: {problem.msg}", where=where, hint=f"expected: {_FORM}") from None
    if not isinstance(record, dict):
        raise DataError(f"expected an object, not {json_file.name(record)}", where=where, hint=f"expected: {_FORM}")
    value, name = record.get("id"), record.get("name")
    if type(value) is not int or not 0 <= value <= painting.VOID:
        raise DataError('"id" must be a whole number from 0 to 255', where=where, hint=f"expected: {_FORM}")
    if not isinstance(name, str) or not name.strip():
        raise DataError('"name" must be a name', where=where, hint=f"expected: {_FORM}")
    return value, name.strip()
