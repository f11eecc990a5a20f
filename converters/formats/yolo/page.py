"""data.yaml, which says where a YOLO data set lies and what its class numbers mean."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.formats.yolo import lists
from converters.formats.yolo.places import described
from converters.model import rules
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, split_name
from tltpipe import inputs
from tltpipe.errors import DataError, Location

NAMES = ("data.yaml", "dataset.yaml", "data.yml")
SUFFIXES = (".yaml", ".yml")
_NAMED = re.compile(rb"^names[ \t]*:", re.MULTILINE)
_SPLIT = re.compile(rb"^(?:train|val)[a-z]*[ \t]*:", re.MULTILINE | re.IGNORECASE)
_LARGEST = 1 << 20  # bytes; that is more than any list of classes needs
_DEEPEST = 16
_SHOWN = 8  # names in a hint
_SPLITS = {"validation": "val"}
_NO_SPLITS = ("path", "names", "nc", "kpt_shape", "flip_idx", "kpt_names", "download", "roboflow", "channels")


@dataclass(frozen=True)
class Page:
    """``keypoints`` are how many an object has and values each (2 or 3), None for no pose."""

    names: tuple[str, ...]
    keypoints: tuple[int, int] | None


def at(root: Path) -> Path | None:
    """The data.yaml that is ``root`` or lies in it; where there is none, the one that is called otherwise."""
    if root.is_file():
        return root if root.suffix in SUFFIXES and b"names" in inputs.head(root, _LARGEST) else None
    found = (root / name for name in NAMES)
    usual = next((path for path in found if path.is_file() and b"names" in inputs.head(path, _LARGEST)), None)
    if usual is not None:
        return usual
    others = candidates(root)
    return others[0] if len(others) == 1 else None


def candidates(folder: Path) -> list[Path]:
    """The files in ``folder`` that name classes and a split, as Ultralytics' own are called: coco8.yaml."""
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    heads = ((path, inputs.head(path, _LARGEST)) for path in found)
    return [path for path, head in heads if _NAMED.search(head) and _SPLIT.search(head)]


def load(path: Path) -> Page:
    """Raises DataError with the place of what is wrong."""
    page = _parsed(path)
    names = _names(page.get("names"), path)
    count = page.get("nc")
    if count is not None and (type(count) is not int or count != len(names)):
        told = count if type(count) is int else "no number"
        raise DataError(f"nc is {told}, but there are {len(names)} names", where=path)
    return Page(names, _shape(page.get("kpt_shape"), path))


def places(path: Path) -> dict[str, Place]:
    """The splits that the file ``path`` names, train and validation first.

    Raises DataError as ``load`` does, and where train or val is not there.
    """
    load(path)
    page, odd = _parsed(path), Findings()
    sources: dict[str, list[Path]] = {}
    for key, value in page.items():
        values = [value] if isinstance(value, str) else value
        if not isinstance(key, str) or key.lower() in _NO_SPLITS or not _are_paths(values):
            continue
        some = [_source(path, page.get("path"), each.strip(), odd) for each in values]
        there = [source for source in some if source is not None]
        if len(there) == len(some):
            sources[key] = there
        elif split_name(key) in ("train", "validation"):
            raise _missing(path, key, values[some.index(None)])
        else:  # Roboflow names a test split whether there is one or not
            odd.add(rules.NO_SPLIT, f"{path}: {key}: {values[some.index(None)][:80]}")
    if not sources:
        raise DataError("no split is named: train, val or test", where=path)
    first = next(iter(sources))
    return by_name(
        (key, described(path.parent, key, some, page=path, findings=odd if key == first else ()))
        for key, some in sources.items()
    )


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
    with inputs.opened(path) as stream:
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
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, TypeError, LookupError) as error:
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


_FAR = 1e18  # no class is called by such a number, and Python does not print the largest


def _names(value: Any, path: Path) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = {
            int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 10 else key: name
            for key, name in value.items()
        }
        if any(type(key) is not int for key in value) or value.keys() != set(range(len(value))):
            raise DataError(f"names must be numbered 0 to {len(value) - 1} without gaps", where=path)
        value = [value[number] for number in range(len(value))]
    if not isinstance(value, list) or not value:
        raise DataError("names must be a list of class names", where=path)
    # To YAML, no and yes are false and true.
    words = (name for name in value if isinstance(name, str | int | float) and not isinstance(name, bool))
    names = tuple(str(name).strip() for name in words if isinstance(name, str) or abs(name) < _FAR)
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


def _are_paths(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(v, str) and v.strip() for v in values)


def _missing(path: Path, key: str, value: str) -> DataError:
    hint = "write it relative to this file, or to the folder that path: names"
    names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    there = [name for name in names if (path.parent / name).is_dir() or name.endswith(".txt")]
    if there:
        hint += f"; here are {', '.join(there[:_SHOWN])}{', ...' if len(there) > _SHOWN else ''}"
    return DataError(f"{key}: there is no folder or list of images {value[:80]!a}", where=path, hint=hint)


def _source(path: Path, base: Any, value: str, odd: Findings) -> Path | None:
    """The folder or list ``value``: below ``path:``, beside this file, or where Roboflow's ``../train/images`` is."""
    above = path.parent / base if isinstance(base, str) else path.parent
    found, moved = lists.located(value, (above, path.parent), _is_source)
    if found is None:
        return None
    if moved and found != path.parent / value.removeprefix("../"):
        odd.add(rules.OTHER_FOLDER, f"{path}: {value[:80]} is {os.path.relpath(found, path.parent)}")
    if found.is_dir() and (found / "images").is_dir():
        return found / "images"
    return found


def _is_source(path: Path) -> bool:
    text = str(path)
    return os.path.isdir(text) or (text.endswith(".txt") and os.path.isfile(text))  # noqa: PTH112, PTH113 - any text
