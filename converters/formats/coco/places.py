"""Where COCO files and their pictures lie: every arrangement that people use has its own.

annotations/instances_val2017.json    val2017/
annotations/instances_train.json      images/train/
train/_annotations.coco.json          train/
train.json                            train/, images/, ../Original-Data/train/image
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from converters.files import contents, listing
from converters.formats.coco.naming import URLS, naming, url_name
from converters.model.splits import CANONICAL, YEAR, Place, by_name, split_name
from tltpipe import inputs

_EDGE = 1 << 16
_MOST = 64
"""Files in one folder that are looked into; more are not data set files but one for each picture."""

_INNER = ("_annotations.coco.json", "annotations.json", "labels.json", "coco.json")
"""Files that lie in the folder of a split."""

_KNOWN = frozenset((*CANONICAL.values(), "test-dev"))
_KINDS = {"instances": 0, "": 0, "person_keypoints": 1}
"""What a file's name begins with; of two files for a split that of the lower number is taken."""

_OTHER_TASKS = ("captions", "panoptic", "stuff")
_KIND = re.compile(r"(instances|person_keypoints|image_info|captions|panoptic|stuff|lvis_v[0-9.]+)(?=[_.-]|$)")
_WORDS = re.compile(r"(?:^|[_.-])(?:annotations?|coco|labels?|instances|image_info)(?=[_.-]|$)|^[_.-]+|[_.-]+$")
_FILE_NAME = re.compile(rb'"file_name"[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)+")')
_URL = re.compile(_FILE_NAME.pattern.replace(b"file_name", b"(?:%s)" % "|".join(URLS).encode()))


def find(root: Path) -> dict[str, Place]:
    """The splits at ``root``, a file or a folder."""
    if root.is_file():
        return {_own_name(root): _place(_root(root), root)} if _looks_right(root) else {}
    if not root.is_dir():
        return {}
    for files in (_files(root / "annotations"), _files(root), _inner_files(root)):
        chosen = _chosen(files)
        if len(chosen) == 1:
            return _telling({_own_name(chosen[0]): _place(root, chosen[0])})
        if chosen:
            return _telling(by_name((_named(path), _place(root, path)) for path in chosen))
    return {}


def missing(root: Path) -> str | None:
    """What the JSON files at ``root`` lack."""
    files = contents.first(root, "json")
    if not files:
        return None
    own = next((path for path in files if _looks_right(path)), None)
    if own is None:
        return f'no lists "images" and "annotations" in {_listed(files)}'
    return f"{own.name} lies in {own.parent}: name the file itself"


def _listed(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} nor in {len(files) - 1} more JSON files"


@dataclass(frozen=True)
class First(Place):
    """The first split of a data set: ``undescribed`` are image folders of splits that have no annotation file."""

    undescribed: tuple[Path, ...]


def _telling(splits: dict[str, Place]) -> dict[str, Place]:
    """``splits`` of which the first knows of folders beside theirs that are about to be lost. A test split may well
    have no annotations."""
    used = [place.images for place in splits.values()]
    beside = {inner for images in used if _is_split(images) for inner in listing.folders(images.parent)}
    lost = sorted(path for path in beside if _is_split(path) and not any(each.is_relative_to(path) for each in used))
    first = next(iter(splits))
    place = splits[first]
    return splits | {first: First(place.root, place.annotations, place.images, tuple(lost))} if lost else splits


def _is_split(folder: Path) -> bool:
    return split_name(folder.name) in ("train", "validation")


def _chosen(files: Iterable[Path]) -> list[Path]:
    """Of the files of a split those of the kind that says most; two of one kind stay two."""
    kinds: dict[str, int] = {}
    ranked = sorted((_rank(path)[0], path) for path in files)
    return [path for kind, path in ranked if kinds.setdefault(_split(path), kind) == kind]


def _named(path: Path) -> str:
    """The split as its file has it where that is one that everybody has: "val2017"."""
    raw = _raw_split(path)
    return raw if split_name(raw) in _KNOWN else _split(path)


def example(path: Path) -> str | None:
    """One of the picture names in the file, when there is one near its start or its end."""
    return _in_edges(path, _FILE_NAME) or url_name(_in_edges(path, _URL) or "") or None


def _in_edges(path: Path, field: re.Pattern[bytes]) -> str | None:
    for text in _edges(path, 1 << 20):
        if match := field.search(text):
            try:
                return str(orjson.loads(match[1]))
            except orjson.JSONDecodeError:
                continue
    return None


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    names = sorted(
        path.name for path in folder.iterdir() if path.suffix.lower() == ".json" and not path.name.startswith(".")
    )
    if len(names) <= _MOST:
        wanted = (folder / name for name in names if not name.startswith(_OTHER_TASKS))
        yield from (path for path in wanted if _looks_right(path))


def _inner_files(root: Path) -> Iterator[Path]:
    for folder in listing.folders(root):
        yield from (folder / name for name in _INNER if _looks_right(folder / name))


def _looks_right(path: Path) -> bool:
    """Whether it begins like an object, and has COCO's lists near its start or its end."""
    if not path.is_file():
        return False
    head, tail = _edges(path, _EDGE)
    text = head + tail
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    others = (b'"annotations"', b'"categories"', b'"file_name"')
    return begins and b'"images"' in text and any(other in text for other in others)


def _edges(path: Path, length: int) -> tuple[bytes, bytes]:
    try:
        with inputs.opened(path) as stream:
            head = stream.read(length)
            stream.seek(max(length, stream.seek(0, 2) - length))
            return head, stream.read(length)
    except OSError:
        return b"", b""


def _raw_split(path: Path) -> str:
    """The split as its file or folder has it: "val2017"; empty when it says nothing."""
    stem = path.stem if path.suffix.lower() == ".json" else path.name
    before = None
    while stem != before:
        before, stem = stem, _WORDS.sub("", _KIND.sub("", stem))
    if stem or path.parent.name == "annotations":
        return stem
    return path.parent.name


def _split(path: Path) -> str:
    raw = _raw_split(path)
    return split_name(YEAR.sub("", raw) or raw or "train")


def _own_name(path: Path) -> str:
    """The split of a file that is alone: training data unless it says otherwise."""
    name = _split(path)
    return name if name in _KNOWN else "train"


def _rank(path: Path) -> tuple[int, str]:
    match = _KIND.match(path.name)
    kind = match[1] if match else ""
    return (_KINDS.get(kind, len(_KINDS)), path.name)


def _root(path: Path) -> Path:
    """The folder of the whole data set."""
    return path.parent.parent if path.parent.name == "annotations" else path.parent


def _place(root: Path, path: Path) -> Place:
    return Place(root, path, _images(root, path))


def _images(root: Path, path: Path) -> Path:
    """The folder in which one of its pictures is; else, when pictures are elsewhere, the likeliest one."""
    name = example(path)
    folders = [folder for folder in _folders(root, path) if folder.is_dir()]
    if name is not None and _in_edges(path, _FILE_NAME) is None:  # LVIS: one file for train2017 and val2017
        above = (folder for base in _bases(root, path) for folder in (base, base / "images"))
        folders = [*(folder for folder in above if (folder / name).is_file()), *folders]
    for folder in folders:
        names = naming(folder, name)
        if name is not None and (below := names.below(name)) and (folder / below).is_file():
            return folder
    if path.parent.name == "annotations":
        split = _raw_split(path) or "train"
        return next((f for f in folders if f.name in (split, _split(path))), root / "images" / split)
    return next((f for f in folders if f not in (root, path.parent)), path.parent)


def _bases(root: Path, path: Path) -> Iterable[Path]:
    return dict.fromkeys((_root(path), root, path.parent))


def _folders(root: Path, path: Path) -> Iterable[Path]:
    raw, split = _raw_split(path), _split(path)
    names = dict.fromkeys((raw, split, *(alias for alias, known in CANONICAL.items() if known == split)))
    names.pop("", None)
    bases = _bases(root, path)
    for base in bases:
        for name in names:
            yield base / "images" / name
            yield base / name / "images"
            yield base / name
        for folder in (base / "images", base):  # spelled otherwise: images/Train of instances_train.json
            yield from (inner for inner in listing.folders(folder) if split_name(inner.name) == split)
        yield from (base / "images", base / "data", base / "image")
    for base in bases:
        yield from (base.parent / "Original-Data" / name / "image" for name in names)
    yield from bases
