"""COCO files as a source: one image folder and one annotation file for each partition, in file order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from converters.formats.kitti.rows import Table
from runtime.conversion import Annotated, Plan
from runtime.conversion.kitti import is_name, root_folder
from runtime.conversion.layouts import Names
from runtime.shell import mounts, program
from specs import Spec
from tltpipe.errors import DataError
from tltpipe.losses import Losses

_BEFORE, _BEHIND = (0.0,) * 3, (0.0,) * 7  # what a label holds beside its box

_LARGEST = 1 << 31  # pixels a side; more cannot be meant
_SHOWN = 80  # characters of a value in a message

Annotation = tuple[Any, str, tuple[float, float, float, float]]
"""Annotation id, category name, (left, top, right, bottom) in pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its annotations; ``id`` is the frame id that records carry, ``path`` its file below the root."""

    id: str
    path: str
    width: int
    height: int
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Coco:
    """``parts`` are (image folder as the spec names it, annotation file); sizes come from the files alone."""

    parts: tuple[tuple[str, Path], ...]
    shards: tuple[int, ...]
    root: Path = Path()

    kind = "coco"

    @property
    def place(self) -> Path:
        return self.parts[0][1]

    @property
    def inputs(self) -> list[Path]:
        return [path for folder, file in self.parts for path in (file, self.root / mounts.host_text(folder))]

    def plan(self) -> Plan:
        """All images of each file; raises DataError for a file that is no COCO file or has no annotations."""
        frames: list[list[Picture]] = []
        first: set[int] = set()
        losses = Losses()
        for folder, path in self.parts:
            content = _load(path)
            ids = {category["id"] for category in content["categories"]}
            first = first or ids
            if ids != first:
                raise DataError(f"category ids differ from those in {self.parts[0][1]}", where=path)
            frames.append(list(_pictures(folder, content, path)))
            listed = {image["id"] for image in content["images"]}
            numbers = [each["category_id"] for each in content["annotations"] if each["image_id"] not in listed]
            if numbers:
                program.warn(f"{path}: {len(numbers)} annotations are of images that are not listed, and are left out")
                names = _names(content, path)
                losses.leave_out("annotations of images that are not listed", classes=map(names.__getitem__, numbers))
        return Plan(frames, self.shards, len(self.parts), losses=losses)

    def picture(self, frame: Picture) -> str:
        return str(self.root / mounts.host_text(frame.path))

    def annotate(self, frames: Sequence[Picture], names: Names) -> Annotated:
        """The objects of ``frames``; touches no file."""
        annotations = [annotation for frame in frames for annotation in frame.annotations]
        numbers = [number for _, _, box in annotations for number in (*_BEFORE, *box, *_BEHIND)]
        table = Table([len(frame.annotations) for frame in frames], [name for _, name, _ in annotations], numbers)
        sizes = [(frame.width, frame.height) for frame in frames]
        annotated = Annotated([frame.id for frame in frames], sizes, [*map(self.picture, frames)])
        annotated.keep(table, names, lambda _frame, row, _start: str(annotations[row][0]))
        return annotated


def open_source(spec: Spec) -> Coco:
    """The source that ``coco_config`` describes; raises DataError where the root does not exist."""
    config = spec.message.coco_config
    root = root_folder(config.root_directory_path)
    if not root.is_dir():
        raise DataError("this data set folder does not exist", where=root, hint=mounts.hint(root))
    files = (root / mounts.host_text(name) for name in config.annotation_files)
    shards = tuple(config.num_shards) or (0,)
    return Coco(
        parts=tuple(zip(config.img_dir_names, files, strict=True)),
        shards=shards * config.num_partitions if len(shards) == 1 else shards,
        root=root,
    )


_LISTS = ("images", "annotations")
_FIELDS = ("id", "file_name", "width", "height", "image_id", "category_id", "bbox")


def _load(path: Path) -> dict[str, Any]:
    """The lists of the file; of pictures and annotations what is needed: polygons and points are the bulk."""
    from converters.formats.coco import lists

    content: dict[str, Any] = {key: [] for key in _LISTS}

    def into(found: list[Any]) -> Callable[[Mapping[str, Any]], None]:
        return lambda record: found.append({key: record[key] for key in _FIELDS if key in record})

    content |= lists.walk(path, keep=("categories",), **{key: into(content[key]) for key in _LISTS})
    for key in (*_LISTS, "categories"):
        if not isinstance(content.get(key), list) or not content[key]:
            raise DataError(f'no "{key}" in this COCO file', where=path)
    for category in content["categories"]:
        told = (category.get("id"), category.get("name")) if isinstance(category, dict) else (None, None)
        if not all(isinstance(value, int | str) for value in told):
            raise DataError("a category of this COCO file lacks its id or its name", where=path)
    return content


def _names(content: Mapping[str, Any], path: Path) -> dict[int, str]:
    """Category names by id as NVIDIA reads them: no spaces, ASCII letters only."""
    names: dict[int, str] = {}
    for category in content["categories"]:
        written = str(category["name"]).replace(" ", "")
        name = names[category["id"]] = written.encode("ascii", "ignore").decode()
        if name != written:
            program.warn(f'{path}: the category "{category["name"]}" is called "{name.lower()}" in the records')
    return names


def _pictures(folder: str, content: Mapping[str, Any], path: Path) -> Iterator[Picture]:
    """The images of one file in its order; raises DataError for a record that lacks something."""
    names = _names(content, path)
    by_image: dict[Any, list[Annotation]] = {}
    ids: dict[str, str] = {}
    kind, record = "", dict[str, Any]()
    try:
        kind = "annotation"
        for record in content["annotations"]:
            left, top, width, height = map(float, record["bbox"])
            box = (left, top, left + width, top + height)
            if not all(map(isfinite, box)):
                raise ValueError(f"a bbox of {record['bbox']}")
            by_image.setdefault(record["image_id"], []).append((record["id"], names[record["category_id"]], box))
        kind = "image"
        for record in content["images"]:
            name = os.path.join(folder, record["file_name"])  # noqa: PTH118 - folders in it stay as they are
            width, height = int(record["width"]), int(record["height"])
            if not is_name(name) or not (0 < width < _LARGEST and 0 < height < _LARGEST):
                raise ValueError(f"{record['file_name']!r} of {width} x {height} pixels")
            id = os.path.splitext(name)[0]  # noqa: PTH122
            if ids.setdefault(id, name) != name:
                program.warn(f"{path}: {ids[id]} and {name} have the same frame id, which has no extension: rename one")
            yield Picture(id, name, width, height, tuple(by_image.get(record["id"], ())))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as problem:
        raise DataError(_fault(kind, record, problem), where=path) from None


def _fault(kind: str, record: Mapping[str, Any], problem: Exception) -> str:
    """What is wrong with a record that could not be taken."""
    which = f"the {kind} with id {record['id']}" if "id" in record else f"an {kind}"
    needed = (
        ("id", "image_id", "category_id", "bbox") if kind == "annotation" else ("id", "file_name", "width", "height")
    )
    missing = [f'"{key}"' for key in needed if key not in record]
    if missing:
        return f"{which} lacks {', '.join(missing)}"
    if kind == "annotation" and isinstance(problem, KeyError):
        return f"{which} has the category {record['category_id']}, which is not listed"
    if kind == "annotation":
        return f'"bbox" of {which} must be four finite numbers, but is {_shown(record["bbox"])}'
    name, *size = (_shown(record[key]) for key in needed[1:])
    return f"{which} needs the name of a file and its size in pixels, but has {name} and {' x '.join(size)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
