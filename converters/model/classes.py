"""The class map: ``classes.txt``, one name a line, in the order that decides every id.

Line n is class n in formats that count from 1 (COCO), class n - 1 where they count from 0 (YOLO). It is written
beside every output and held against what is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from converters.model import Object, rules
from converters.model.ignore_regions import trainable
from converters.model.splits import SPLITS, Place, split_name
from tltpipe import inputs
from tltpipe.errors import DataError, Location

NAME = "classes.txt"


def text(categories: Sequence[str]) -> str:
    """The content of the file. Raises DataError for a name that would not fill exactly one line."""
    for name in categories:
        if not name.strip() or name != name.strip() or len(name.splitlines()) != 1:
            raise DataError(f"a class cannot be called {name!r}", hint="rename it: --rename OLD=NEW")
    return "".join(f"{name}\n" for name in categories)


def read(root: Path) -> tuple[str, ...] | None:
    """The class map that lies in ``root`` (or beside it, when it is a file); None when there is none.

    Raises DataError as ``listed`` does.
    """
    path = (root if root.is_dir() else root.parent) / NAME
    return listed(path) if path.exists() else None


def listed(path: Path) -> tuple[str, ...]:
    """The names in the file ``path``. Raises DataError for a file that is no list of different names."""
    try:
        content = inputs.content(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise DataError("this class map cannot be read as text", where=path) from None
    names = [line.strip() for line in content.splitlines()]
    while names and not names[-1]:
        names.pop()
    for number, name in enumerate(names, start=1):
        if not name or name in names[: number - 1]:
            what = f'"{name}" is here twice' if name else "this line is empty, but its number is an id"
            raise DataError(what, where=Location(path, number), hint="one name a line, each once")
    return tuple(names)


def require(
    objects: Iterable[Object], known: Collection[str] | None, path: Path | str, column: int | None = None
) -> None:
    """Raises DataError for the first of ``objects``, of the file ``path``, whose class is none of those ``known``."""
    for thing in objects:
        if known is not None and thing.category not in known:
            place = f"{thing.origin}: " if isinstance(thing.origin, str) else ""
            line = thing.origin if isinstance(thing.origin, int) else None
            what = f'{place}"{thing.category[:80]}" is none of the classes in the class map'
            hint = "correct one of the two; names are told apart by upper and lower case"
            where = Location(Path(path), line, column)
            raise DataError(what, where=where, hint=hint, code=rules.UNKNOWN_CLASS.code)


def home(split: Path) -> Path:
    """The data set that the folder ``split`` is a split of: the folder above where that alone has a class map.

    Else the ids of one split would change when it is read by itself.
    """
    above = split.absolute().parent
    known = split_name(split.absolute().name) in SPLITS
    return above if known and not (split / NAME).is_file() and (above / NAME).is_file() else split


def compare(names: Sequence[str], categories: Sequence[str], place: Place) -> None:
    """Raises DataError where ``categories``, as the data themselves number them, are not those of the class map."""
    if tuple(names) == tuple(categories) or trainable(names) == tuple(categories):
        return
    differ = [n for n, (one, other) in enumerate(zip(names, categories, strict=False), start=1) if one != other]
    number = differ[0] if differ else min(len(names), len(categories)) + 1
    theirs = f'"{categories[number - 1]}"' if number <= len(categories) else "missing"
    ours = f'"{names[number - 1]}"' if number <= len(names) else "missing"
    path = (place.root if place.root.is_dir() else place.root.parent) / NAME
    raise DataError(
        f"class {number} is {ours} here, but {theirs} in the data",
        where=Location(path, number),
        hint=f"the ids in {place.annotations} mean other classes than this file says: correct it, or remove it",
        code="C604",
    )
