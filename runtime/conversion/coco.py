"""COCO files as a source: one image folder and one annotation file for each partition, in file order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.examples import stored_name
from runtime import folders, program
from runtime.conversion import Annotated, Plan, is_kept
from runtime.conversion.kitti import root_folder
from runtime.kitti_labels import Label
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from specs import Spec

FLAT = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


Annotation = tuple[Any, str, tuple[float, float, float, float]]
"""Annotation id, category name, (left, top, right, bottom) in pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its annotations; ``id`` is the frame id that records carry."""

    id: str
    width: int
    height: int
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Coco:
    """``parts`` are (image folder as the spec names it, annotation file); sizes come from the files alone."""

    parts: tuple[tuple[str, Path], ...]
    shards: tuple[int, ...]

    kind = "coco"

    def plan(self) -> Plan:
        """All images of each file; raises DataError for a file that is no COCO file or has no annotations."""
        frames: list[list[Picture]] = []
        first: set[int] = set()
        for folder, path in self.parts:
            content = _load(path)
            ids = {category["id"] for category in content["categories"]}
            first = first or ids
            if ids != first:
                raise DataError(f"category ids differ from those in {self.parts[0][1]}", where=path)
            frames.append(list(_pictures(folder, content, path)))
        return Plan(frames, self.shards, len(self.parts))

    def annotate(self, frame: Picture) -> Annotated:
        """The objects of one picture; touches no file."""
        kept = [note for note in frame.annotations if is_kept(note[2])]
        return Annotated(
            id=frame.id,
            width=frame.width,
            height=frame.height,
            labels=tuple(Label(stored_name(name), 0.0, 0, 0.0, box, FLAT) for _, name, box in kept),
            renamed={name: stored_name(name) for _, name, _ in kept},
            dropped={str(id): [int(v) for v in box] for id, _, box in frame.annotations if not is_kept(box)},
        )


def open_source(spec: Spec) -> Coco:
    """The source that ``coco_config`` describes; raises DataError where the root does not exist."""
    config = spec.message.coco_config
    root = root_folder(config.root_directory_path)
    if not root.is_dir():
        raise DataError("this data set folder does not exist", where=root, hint=folders.workspace_hint(root))
    files = (root / program.host_text(name) for name in config.annotation_files)
    shards = tuple(config.num_shards) or (0,)
    return Coco(
        parts=tuple(zip(config.img_dir_names, files, strict=True)),
        shards=shards * config.num_partitions if len(shards) == 1 else shards,
    )


_LISTS = ("images", "annotations")
_FIELDS = ("id", "file_name", "width", "height", "image_id", "category_id", "bbox")


def _load(path: Path) -> dict[str, Any]:
    """The lists of the file; of pictures and annotations what is needed: polygons and points are the bulk."""
    from converters import json_document, json_records

    content: dict[str, Any] = {}

    def take(records: json_records.Records) -> None:
        content[records.name] = [
            {key: record[key] for key in _FIELDS if key in record} for piece in records for record in piece.parsed()
        ]

    document = json_document.opened(path)
    content |= json_records.scan(document, lists=dict.fromkeys(_LISTS, take), keep=("categories",))
    for key in (*_LISTS, "categories"):
        if not isinstance(content.get(key), list) or not content[key]:
            raise DataError(f'no "{key}" in this COCO file', where=path)
    for category in content["categories"]:
        if not isinstance(category, dict) or not isinstance(category.get("id"), int | str) or "name" not in category:
            raise DataError("a category of this COCO file lacks its id or its name", where=path)
    return content


def _names(content: Mapping[str, Any]) -> dict[int, str]:
    """Category names by id as NVIDIA reads them: no spaces, ASCII letters only."""
    return {
        category["id"]: str(category["name"]).replace(" ", "").encode("ascii", "ignore").decode()
        for category in content["categories"]
    }


def _pictures(folder: str, content: Mapping[str, Any], path: Path) -> Iterator[Picture]:
    """The images of one file in its order; raises DataError for a record that lacks something."""
    names = _names(content)
    by_image: dict[Any, list[Annotation]] = {}
    try:
        for note in content["annotations"]:
            left, top, width, height = map(float, note["bbox"])
            box = (left, top, left + width, top + height)
            by_image.setdefault(note["image_id"], []).append((note["id"], names[note["category_id"]], box))
        for image in content["images"]:
            stem = os.path.splitext(image["file_name"])[0]  # noqa: PTH122 - folders in the name stay as they are
            frame = os.path.join(folder, stem)  # noqa: PTH118 - a name in a record, not a path here
            yield Picture(frame, int(image["width"]), int(image["height"]), tuple(by_image.get(image["id"], ())))
    except (KeyError, TypeError, ValueError) as problem:
        what = f"lacks {problem}" if isinstance(problem, KeyError) else f"holds something else than expected: {problem}"
        raise DataError(f"an entry of this COCO file {what}", where=path) from None
