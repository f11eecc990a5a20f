"""What is in a COCO file, counted fast, without its polygons and landmarks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.files import json_document, json_records
from converters.files.json_records import Records
from tltpipe.errors import DataError

BOXES = 20_000
"""Boxes that are stored, the first ones."""


@dataclass
class CocoSummary:
    """``categories``: names by id, in the order of the file; ``objects`` by name; ``names`` of the images as written;
    ``boxes``: left, top, width and height in shares of their image."""

    categories: dict[Any, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    objects: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)


def summarise(path: Path) -> CocoSummary:
    """The summary of the COCO file ``path``. Raises DataError for a file that is none, with its place."""
    result = CocoSummary()
    by_id, sizes, boxes = Counter[Any](), dict[Any, tuple[int, int]](), list[tuple[Any, list[float]]]()

    def images(records: Records) -> None:
        for piece in records:
            for record in piece.parsed():
                result.names.append(str(record.get("file_name", "")))
                size = record.get("width"), record.get("height")
                if all(isinstance(side, int) and side > 0 for side in size):
                    result.sizes[size] += 1  # type: ignore[index]
                    sizes[record.get("id")] = size  # type: ignore[assignment]

    def annotations(records: Records) -> None:
        for piece in records:
            ids = piece.integers("category_id") if len(boxes) >= BOXES else None
            if ids is not None:
                by_id.update(ids.tolist())
                continue
            for record in piece.parsed():
                by_id[record.get("category_id")] += 1
                boxes.append((record.get("image_id"), record.get("bbox") or []))

    lists = {"images": images, "annotations": annotations}
    try:
        members = json_records.scan(json_document.opened(path), lists=lists, keep=("categories",))
        result.categories = {each["id"]: str(each["name"]) for each in members.get("categories", [])}
        result.objects.update({result.categories.get(id, f"category {id}"): count for id, count in by_id.items()})
        result.boxes = [_shares(box, sizes[image]) for image, box in boxes[:BOXES] if image in sizes and len(box) == 4]
    except (TypeError, KeyError, ValueError, OverflowError) as problem:
        what = f"this is not a COCO file as expected: {problem!r}"
        raise DataError(what, where=path, hint="tltpipe check names each such record") from None
    return result


def _shares(box: list[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, width, height = map(float, box)
    return left / size[0], top / size[1], width / size[0], height / size[1]
