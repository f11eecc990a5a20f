"""Attributes in COCO files as Fashionpedia has them, and those of several data sets as one list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.formats.coco import reading
from converters.model import Attribute, attributes
from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.progress import Silent


def coco(root: Path, split: str, listed: list[dict[str, Any]], *annotations: dict[str, Any]) -> Path:
    """An image for each annotation; the list of attributes stands between the two long ones."""
    images = []
    for number, _ in enumerate(annotations, start=1):
        path = root / f"images/{split}/{split}{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (number, 0, 0)).save(path)
        images.append({"id": number, "file_name": path.name, "width": 40, "height": 30})
    common = {"category_id": 1, "bbox": [1, 2, 30, 20]}
    rows = [common | {"id": number, "image_id": number} | own for number, own in enumerate(annotations, start=1)]
    page = {"info": {}, "images": images, "attributes": listed, "annotations": rows}
    path = root / f"annotations/instances_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(page | {"categories": [{"id": 1, "name": "vest"}]}))
    return path


PLAIN, DOTS = ({"id": 317, "name": "plain", "supercategory": "pattern"}, {"id": 2, "name": "dots", "level": 1})


def told(root: Path, split: str = "train") -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    dataset = converters.splits(root)[1][split]
    return [(each.attributes, each.unknown_attributes) for sample in dataset for each in sample.objects]


@pytest.mark.parametrize("large", [False, True])
def test_ids_become_places(large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        monkeypatch.setattr(reading, "LARGE", 10)
    ours = {"attribute_ids": [317], "unknown_attribute_ids": [2]}
    coco(tmp_path, "train", [PLAIN, DOTS], {"attribute_ids": [2, 317]}, {"attribute_ids": []}, {}, ours)
    dataset = converters.splits(tmp_path)[1]["train"]
    assert dataset.attributes == (Attribute("plain", "pattern"), Attribute("dots"))
    assert told(tmp_path) == [((0, 1), ()), ((), ()), ((), (0, 1)), ((0,), (1,))]


@pytest.mark.parametrize(
    ("listed", "own", "word"),
    [
        ([PLAIN], {"attribute_ids": [317, 5]}, "5"),
        ([], {"attribute_ids": [317]}, "317"),
        ([PLAIN], {"attribute_ids": 317}, "list"),
        ([PLAIN, PLAIN | {"name": "other"}], {}, "317"),
    ],
)
def test_what_is_wrong_with_them(listed: list[Any], own: dict[str, Any], word: str, tmp_path: Path) -> None:
    coco(tmp_path, "train", listed, own)
    assert word in str(error_of(DataError, told, tmp_path))


def test_splits_with_other_lists_get_one(tmp_path: Path) -> None:
    coco(tmp_path, "train", [PLAIN], {"attribute_ids": [317]})
    coco(tmp_path, "validation", [DOTS, PLAIN], {"attribute_ids": [2]}, {"attribute_ids": [317]})
    assert [each.name for each in converters.splits(tmp_path)[1]["train"].attributes] == ["plain", "dots"]
    assert told(tmp_path) == [((0,), (1,))], "nobody judged what its list does not have"
    assert told(tmp_path, "validation") == [((1,), ()), ((0,), ())]
    convert(tmp_path, tmp_path / "out", format="coco", progress=Silent())
    assert [told(tmp_path / "out", split) for split in ("train", "validation")] == [
        [((0,), (1,))],
        [((1,), ()), ((0,), ())],
    ]


def test_merged_sets_have_one_list_and_others_have_none(tmp_path: Path) -> None:
    coco(tmp_path / "a", "train", [DOTS], {"attribute_ids": [2]})
    coco(tmp_path / "b", "train", [PLAIN], {"attribute_ids": [317]})
    convert([tmp_path / "a", tmp_path / "b"], tmp_path / "out", format="coco", progress=Silent())
    assert sorted(told(tmp_path / "out")) == [((0,), (1,)), ((1,), (0,))]
    same = converters.splits(tmp_path / "a")[1]
    assert attributes.shared(same) == same
    convert(tmp_path / "a", tmp_path / "voc", format="voc", progress=Silent())
    assert converters.splits(tmp_path / "voc")[1]["train"].attributes == ()
