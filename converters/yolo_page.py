"""data.yaml, which says where a YOLO data set lies and what its class numbers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.formats import Place
from tltpipe.errors import DataError, Location

NAMES = ("data.yaml", "dataset.yaml", "data.yml")
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
    """The data.yaml that is ``root`` or lies in it."""
    if root.is_file():
        return root if root.suffix in (".yaml", ".yml") and b"names" in _head(root) else None
    found = (root / name for name in NAMES)
    return next((path for path in found if path.is_file() and b"names" in _head(path)), None)


def load(path: Path) -> Page:
    """Raises DataError with the place of what is wrong."""
    page = _parsed(path)
    names = _names(page.get("names"), path)
    count = page.get("nc")
    if count is not None and count != len(names):
        raise DataError(f"nc is {str(count)[:40]}, but there are {len(names)} names", where=path)
    places = {str(key): _place(path, page, str(key), value) for key, value in page.items() if _is_split(key, value)}
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
        where = Location(path, event.start_mark.line + 1, event.start_mark.column + 1)
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
        numbers = sorted(
            value, key=lambda key: (not isinstance(key, int), str(key) if not isinstance(key, int) else key)
        )
        if numbers != list(range(len(value))):
            raise DataError(f"names must be numbered 0 to {len(value) - 1} without gaps", where=path)
        value = [value[number] for number in numbers]
    if not isinstance(value, list) or not value:
        raise DataError("names must be a list of class names", where=path)
    names = tuple(str(name).strip() for name in value if isinstance(name, str | int | float))
    if len(names) != len(value) or not all(names):
        raise DataError("names holds what is no name", where=path)
    twice = {name for name in names if names.count(name) > 1} if len(names) < 10_000 else set()
    if twice:
        raise DataError(f'names has "{min(twice)}" twice', where=path)
    return names


def _shape(value: Any, path: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    match value:
        case [int(count), int(each)] if 0 < count < 10_000 and each in (2, 3):
            return count, each
    raise DataError("kpt_shape must be [number of keypoints, 2 or 3]", where=path)


def _is_split(key: Any, value: Any) -> bool:
    usual = isinstance(value, str) and bool(value.strip())
    listed = isinstance(value, list) and len(value) > 0 and all(isinstance(each, str) for each in value)
    return isinstance(key, str) and key not in _NO_SPLITS and (usual or listed)


def _place(path: Path, page: Mapping[str, Any], key: str, value: Any) -> Place:
    """Where a split lies: below ``path:``, relative to this file, or where Roboflow's ``../train/images`` really is."""
    if isinstance(value, list):
        if len(value) > 1:
            what = f"{key} names {len(value)} folders, but one is read at a time"
            raise DataError(what, where=path, hint="write a data.yaml for each")
        value = value[0]
    if value.endswith(".txt"):
        what = f"{key} is a list of pictures, which is not read"
        raise DataError(what, where=path, hint="name the folder of the pictures")
    base = page.get("path")
    above = path.parent / base if isinstance(base, str) else path.parent
    tries = [above / value, path.parent / value, path.parent / value.removeprefix("../")]
    try:
        images = next((folder for folder in tries if folder.is_dir()), tries[0])
        if not images.is_dir():
            raise DataError(f"the folder of {key} is missing: {images}", where=path)
    except (OSError, ValueError):
        raise DataError(f"{key} is no folder: {value[:80]!a}", where=path) from None
    if (images / "images").is_dir():
        images = images / "images"
    parts = list(images.parts)
    places = [place for place, part in enumerate(parts) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Place(path.parent, Path(*parts), images)
