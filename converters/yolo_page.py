"""data.yaml, which says where a YOLO data set lies and what its class numbers mean."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.formats import Place, split_name
from converters.yolo_lists import Described, Several, labels_of
from tltpipe.errors import DataError, Location

NAMES = ("data.yaml", "dataset.yaml", "data.yml")
_SUFFIXES = (".yaml", ".yml")
_NAMED = re.compile(rb"^names[ \t]*:", re.MULTILINE)
_SPLIT = re.compile(rb"^(?:train|val)[ \t]*:", re.MULTILINE)
_LARGEST = 1 << 20  # bytes; that is more than any list of classes needs
_DEEPEST = 16
_SPLITS = {"validation": "val"}
_NO_SPLITS = ("path", "names", "nc", "kpt_shape", "flip_idx", "kpt_names", "download", "roboflow", "channels")


@dataclass(frozen=True)
class Page:
    """``keypoints`` are how many an object has and values each (2 or 3), None for no pose."""

    names: tuple[str, ...]
    places: Mapping[str, Place]
    keypoints: tuple[int, int] | None


def at(root: Path) -> Path | None:
    """The data.yaml that is ``root`` or lies in it; where there is none, the one that is called otherwise."""
    if root.is_file():
        return root if root.suffix in _SUFFIXES and b"names" in _head(root) else None
    found = (root / name for name in NAMES)
    usual = next((path for path in found if path.is_file() and b"names" in _head(path)), None)
    if usual is not None:
        return usual
    others = candidates(root)
    return others[0] if len(others) == 1 else None


def candidates(folder: Path) -> list[Path]:
    """The files in ``folder`` that name classes and a split, as Ultralytics' own are called: coco8.yaml."""
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    return [path for path in found if (head := _head(path)) and _NAMED.search(head) and _SPLIT.search(head)]


def load(path: Path) -> Page:
    """Raises DataError with the place of what is wrong."""
    page = _parsed(path)
    names = _names(page.get("names"), path)
    count = page.get("nc")
    if count is not None and (type(count) is not int or count != len(names)):
        told = count if type(count) is int else "no number"
        raise DataError(f"nc is {told}, but there are {len(names)} names", where=path)
    places = _places(page, path)
    if not places:
        raise DataError("no split is named: train, val or test", where=path)
    return Page(names, places, _shape(page.get("kpt_shape"), path))


def text(root: Path, categories: Sequence[str], splits: Mapping[str, Place], keypoints: tuple[int, int] | None) -> str:
    """The file for a data set laid out by us."""
    import yaml

    page: dict[str, Any] = {
        _SPLITS.get(split, split): place.images.relative_to(root).as_posix() for split, place in splits.items()
    }
    page |= {"nc": len(categories), "names": dict(enumerate(categories))}
    if keypoints is not None:
        page["kpt_shape"] = list(keypoints)
    told: str = yaml.safe_dump(page, sort_keys=False, allow_unicode=True)
    return told


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LARGEST)


def _parsed(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = _head(path)
        if len(content) == _LARGEST:
            raise DataError("this file is too large to be a data.yaml", where=path)
        text = content.decode("utf-8-sig")
        _check_shape(text, path)
        page = yaml.load(text, Loader=_loader())
    except UnicodeDecodeError:
        raise DataError("this file is not UTF-8 text", where=path) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        raise DataError(f"is not YAML: {error.problem or error.context}", where=where) from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, TypeError) as error:
        raise DataError(f"is not YAML: {str(error)[:80]}", where=path) from None
    if not isinstance(page, dict):
        raise DataError("must hold keys and values: train, val, names", where=path)
    return page


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _check_shape(text: str, path: Path) -> None:
    """Raises DataError before anything is made of ``text``: a reference can stand for gigabytes, and libyaml's own
    depth ends the process."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=_loader()):
        mark = event.start_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        if isinstance(event, yaml.AliasEvent):
            raise DataError("references (*name) are not read", where=where, hint="write out what it stands for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise DataError("lists are nested too deep", where=where)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _names(value: Any, path: Path) -> tuple[str, ...]:
    if isinstance(value, dict):
        if any(type(key) is not int for key in value) or value.keys() != set(range(len(value))):
            raise DataError(f"names must be numbered 0 to {len(value) - 1} without gaps", where=path)
        value = [value[number] for number in range(len(value))]
    if not isinstance(value, list) or not value:
        raise DataError("names must be a list of class names", where=path)
    # To YAML, no and yes are false and true.
    words = (name for name in value if isinstance(name, str | int | float) and not isinstance(name, bool))
    names = tuple(str(name).strip() for name in words)
    if len(names) != len(value) or any(len(name.splitlines()) != 1 for name in names):
        raise DataError("names holds what is no name", where=path, hint='one line of text each, in quotes: "no"')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f'names has "{twice[0]}" twice', where=path)
    return names


def _shape(value: Any, path: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    match value:
        case [int(count), int(each)] if 0 < count < 10_000 and each in (2, 3):
            return count, each
    raise DataError("kpt_shape must be [number of keypoints, 2 or 3]", where=path)


def _places(page: Mapping[str, Any], path: Path) -> dict[str, Place]:
    """The splits by the keys they have. Raises DataError where train or val is missing."""
    found = {}
    for key, value in page.items():
        values = [value] if isinstance(value, str) else value
        told = isinstance(values, list) and values and all(isinstance(each, str) and each.strip() for each in values)
        if not isinstance(key, str) or key in _NO_SPLITS or not told:
            continue
        sources = [_source(path, page.get("path"), each.strip()) for each in values]
        if None not in sources:
            found[key] = _place(path, [source for source in sources if source is not None])
        elif split_name(key) in ("train", "validation"):  # Roboflow names a test split whether there is one or not
            missing = values[sources.index(None)]
            what = f"{key}: there is no folder or list of pictures {missing[:80]!a}"
            hint = "write it relative to this file, or to the folder that path: names"
            raise DataError(what, where=path, hint=hint)
    return found


def _source(path: Path, base: Any, value: str) -> Path | None:
    """The folder or list ``value``: below ``path:``, beside this file, or where Roboflow's ``../train/images`` is."""
    above = path.parent / base if isinstance(base, str) else path.parent
    tries = [above / value, path.parent / value, path.parent / value.removeprefix("../")]
    try:
        found = next((each for each in tries if each.is_dir() or (each.suffix == ".txt" and each.is_file())), None)
        if found is None or not found.is_dir():
            return found
        return found / "images" if (found / "images").is_dir() else found
    except (OSError, ValueError):  # too long for a path, or a zero in it
        return None


def _place(path: Path, sources: Sequence[Path]) -> Place:
    if len(sources) == 1 and sources[0].is_dir():
        return Described(path.parent, labels_of(sources[0]), sources[0], path)
    if all(source.is_dir() for source in sources):
        images = Path(os.path.commonpath(list(map(os.path.normpath, sources))))
    else:
        images = path.parent / "images" if (path.parent / "images").is_dir() else path.parent
    return Several(path.parent, path, images, path, tuple(sources))
