"""VIA's CSV: regions of every shape, which attribute is the class, and errors with their row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.model import Box, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError

HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
RECT = '{"name":"rect","x":1,"y":2,"width":30,"height":40}'


def table(files: Any, *rows: tuple[str, str], name: str = "via_region_data.csv") -> Path:
    lines = [HEADER]
    for shape, attributes in rows:
        quoted = (text.replace('"', '""') for text in (shape, attributes))
        lines.append('1.jpg,9,"{}",1,0,' + ",".join(f'"{text}"' for text in quoted))
    path: Path = files.text(name, "\n".join(lines) + "\n")
    return path


def test_every_shape(tmp_path: Path, handmade: Mapping[str, Callable[[Path], None]]) -> None:
    handmade["via"](tmp_path)
    format, splits = converters.splits(tmp_path)
    dataset, findings = splits["train"], Findings()
    first, second = (dataset.pictures.load(key, findings) for key in dataset.pictures.keys())  # noqa: SIM118
    assert (format, dataset.categories, first.id, second.objects) == ("via", ("skirt", "vest"), "1", ())
    assert [(thing.category, thing.box) for thing in first.objects] == [
        ("vest", Box(1, 2, 31, 42)),
        ("skirt", Box(10, 10, 20, 30)),
        ("skirt", Box(0, 30, 15, 50)),  # a circle that the edge cuts
    ]
    assert (first.objects[0].extra, first.objects[1].polygons) == ({"age": 3}, ((10, 10, 20, 10, 20, 30),))
    assert [(found.rule, found.count) for found in findings] == [(rules.NO_BOX, 1)]


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ('{"kind of thing":"vest"}', "vest"),
        ('{"age":3,"Label":"vest"}', "vest"),
        ('{"type":{"vest":true}}', "vest"),
        ('{"class":7}', "7"),
    ],
)
def test_which_attribute_is_the_class(files: Any, attributes: str, name: str) -> None:
    files.picture("1.jpg")
    table(files, (RECT, attributes))
    assert converters.read("via", files.root).categories == (name,)
    assert [t.category for sample in converters.read("via", files.root) for t in sample.objects] == [name]


@pytest.mark.parametrize(
    ("shape", "attributes", "word"),
    [
        (RECT, "{}", "class"),
        (RECT, '{"age":3,"size":4}', "age, size"),
        (RECT, '{"class":{"a":true,"b":true}}', "one name"),
        ('{"name":"rect","x":1}', '{"class":"a"}', "pixels"),
        ('{"name":"star"}', '{"class":"a"}', "star"),
        ('{"name":"polygon","all_points_x":[1,2],"all_points_y":[1,2]}', '{"class":"a"}', "three"),
        ("{", '{"class":"a"}', "JSON"),
    ],
)
def test_a_row_that_cannot_be(files: Any, shape: str, attributes: str, word: str) -> None:
    files.picture("1.jpg")
    path = table(files, (RECT, '{"class":"a"}'), (shape, attributes))
    error = error_of(DataError, lambda: list(converters.read("via", files.root)))
    assert str(error.where).startswith(f"{path}:3")
    assert word in error.what


def test_a_missing_image(files: Any) -> None:
    path = table(files, (RECT, '{"class":"a"}'))
    error = error_of(DataError, lambda: list(converters.read("via", files.root)))
    assert (error.code, str(error.where)) == (rules.NO_PICTURE.code, f"{path}:2")


def test_splits_are_folders(files: Any) -> None:
    for split in ("train", "val"):
        files.picture(f"{split}/1.jpg")
        table(files, (RECT, '{"class":"a"}'), name=f"{split}/via_region_data.csv")
    assert list(converters.splits(files.root)[1]) == ["train", "validation"]


def test_two_names_of_one_image(files: Any) -> None:
    """Written under one name, the labels of one would replace those of the other."""
    files.picture("1.JPG")
    path = table(files, (RECT, '{"class":"vest"}'))
    assert [sample.id for sample in converters.read("via", files.root)] == ["1"]
    path.write_text(path.read_text() + path.read_text().splitlines()[1].replace("1.jpg", "1.Jpg") + "\n")
    assert error_of(DataError, lambda: list(converters.read("via", files.root))).code == rules.NO_PICTURE.code
