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
        "annotations": [note()],
        "categories": [{"id": 3, "name": "coat"}],
    } | changes


def note(**changes: Any) -> dict[str, Any]:
    return {"id": 2, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]} | changes


def plan(path: Path) -> None:
    Coco((("pictures", path),), (1,)).plan()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": []}, 'no "images"'),
        ({"annotations": [{"id": 1}]}, 'the annotation with id 1 lacks "image_id", "category_id", "bbox"'),
        ({"annotations": [note(bbox=[1, 2])]}, r'"bbox" of the annotation with id 2 must be four .*, but is \[1, 2\]'),
        ({"annotations": [note(bbox=None)]}, '"bbox" of the annotation with id 2 must be four .*, but is null'),
        ({"annotations": [note(category_id=7)]}, "the annotation with id 2 has the category 7, which is not listed"),
        ({"images": [{"file_name": "a.jpg"}]}, 'an image lacks "id", "width", "height"'),
        ({"categories": [{"id": 3, "name": None}]}, "lacks its id or its name"),
        ({"categories": ["coat"]}, "lacks its id or its name"),
        ({"annotations": [5]}, r'a\.json:\d+:\d+: "annotations" must be a list of objects'),
        ({"categories": [{"name": "coat"}]}, "lacks its id"),
        ({"categories": 5}, 'no "categories"'),
        ({"images": [{"id": 1, "file_name": 7, "width": 8, "height": 6}]}, "the image with id 1 needs .* 7 and 8 x 6"),
    ],
)
def test_says_what_is_wrong(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(page(**changes)))
    with pytest.raises(DataError, match=message):
        plan(path)


def test_tells_what_is_left_out_or_renamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps(
            page(
                annotations=[note(), note(image_id=9)],
                categories=[{"id": 3, "name": "Vést"}, {"id": 4, "name": "上衣"}],
            )
        )
    )
    plan(path)
    told = capsys.readouterr().err
    assert f"{path}: 1 annotations are of images that are not listed, and are left out" in told
    assert f'{path}: the category "Vést" is called "vst" in the records' in told
    assert f'{path}: the category "上衣" is called "" in the records' in told


def peak(action: Callable[[], object]) -> int:
    tracemalloc.start()
    action()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_polygons_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    heavy = note(segmentation=[[1.5] * 400], keypoints=[0] * 882)
    path.write_text(json.dumps(page(annotations=[heavy] * 4000)))
    plan(path)  # the first one imports things
    assert peak(lambda: plan(path)) < peak(lambda: orjson.loads(path.read_bytes())) / 4
