"""COCO files as a source of tlt-dataset-convert: only what is needed is kept, and what is wrong has a place."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from runtime.conversion.coco import Coco
from tltpipe.errors import DataError


def page(**changes: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "annotations": [{"id": 2, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 3, "name": "coat"}],
    } | changes


def plan(path: Path) -> None:
    Coco((("pictures", path),), (1,)).plan()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": []}, 'no "images"'),
        ({"annotations": [{"id": 1}]}, "lacks 'bbox'"),
        ({"annotations": [5]}, r'a\.json:\d+:\d+: "annotations" must be a list of objects'),
        ({"categories": [{"name": "coat"}]}, "lacks its id"),
        ({"categories": 5}, 'no "categories"'),
        ({"images": [{"id": 1, "file_name": 7, "width": 8, "height": 6}]}, "something else than expected"),
    ],
)
def test_says_what_is_wrong(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(page(**changes)))
    with pytest.raises(DataError, match=message):
        plan(path)


def peak(action: Callable[[], object]) -> int:
    tracemalloc.start()
    action()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_polygons_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    note = page()["annotations"][0] | {"segmentation": [[1.5] * 400], "keypoints": [0] * 882}
    path.write_text(json.dumps(page(annotations=[note] * 4000)))
    plan(path)  # the first one imports things
    assert peak(lambda: plan(path)) < peak(lambda: orjson.loads(path.read_bytes())) / 4
