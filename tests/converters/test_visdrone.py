"""VisDrone's text files: classes, regions to ignore, splits by the names of folders, and errors with their line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.model import Box, Object, rules
from converters.transfer.convert import convert
from tltpipe.errors import DataError, Location
from tltpipe.progress import Silent

Handmade = Mapping[str, Callable[[Path], None]]


def test_rows(tmp_path: Path, handmade: Handmade) -> None:
    handmade["visdrone"](tmp_path)
    format, splits = converters.splits(tmp_path)
    first, second = splits["train"]
    assert (format, list(splits), len(splits["train"].categories)) == ("visdrone", ["train"], 11)
    assert first.objects == (
        Object("car", Box(1, 2, 31, 42), occlusion=1),
        Object("others", Box(5, 6, 12, 14), occlusion=2, truncation=0.5),
    )
    assert first.ignored == (Box(5, 5, 15, 15), Box(9, 9, 14, 14))  # category 0, and score 0
    assert (second.objects, second.ignored) == ((), ())


def test_regions_to_ignore_are_counted_where_the_format_cannot_hold_them(tmp_path: Path, handmade: Handmade) -> None:
    handmade["visdrone"](tmp_path / "in")
    done = convert(tmp_path / "in", tmp_path / "out", format="coco", progress=Silent()).splits["train"]
    page = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert [each["bbox"] for each in page["annotations"]] == [[1, 2, 30, 40], [5, 6, 7, 8]]
    assert "ignored" not in " ".join(entry["name"] for entry in page["categories"])
    assert {found.rule: found.count for found in done.findings}[rules.IGNORE_REGION] == 2


def test_splits_by_the_names_of_their_folders(files: Any) -> None:
    for name in ("train", "val", "test-dev"):
        files.picture(f"VisDrone2019-DET-{name}/images/1.jpg")
        files.text(f"VisDrone2019-DET-{name}/annotations/1.txt", "1,2,30,40,1,4,0,0\r\n")
    assert list(converters.splits(files.root)[1]) == ["train", "validation", "test"]
    assert list(converters.splits(files.root / "VisDrone2019-DET-val")[1]) == ["validation"]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("1,2,30,40,1,12,0,0", "category"),
        ("1,2,30,40,1,4,0,5", "occlusion"),
        ("1,2,30,40,1,4,x,0", "truncation"),
        ("1,2,30,40,1,4,0", "8 columns"),
        ("1,2,1e9,40,1,4,0,0", "width"),
    ],
)
def test_a_row_that_cannot_be(files: Any, row: str, word: str) -> None:
    files.picture("images/1.jpg")
    path = files.text("annotations/1.txt", f"1,2,30,40,1,4,0,0\n{row}\n")
    error = error_of(DataError, lambda: list(converters.read("visdrone", files.root)))
    assert error.where == Location(path, 2)
    assert word in error.what


def test_images_and_labels_without_each_other(files: Any) -> None:
    files.picture("one/images/1.jpg", "one/images/2.jpg", "other/images/1.jpg")
    files.text("one/annotations/1.txt", "1,2,30,40,1,4,0,0\n")
    files.text("other/annotations/1.txt", "1,2,30,40,1,4,0,0\n")
    files.text("other/annotations/2.txt", "1,2,30,40,1,4,0,0\n")
    codes = []
    for name in ("one", "other"):
        with pytest.raises(DataError) as caught:
            list(converters.read("visdrone", files.root / name))
        codes.append(caught.value.code)
    assert codes == [rules.NO_ANNOTATIONS.code, rules.NO_PICTURE.code]
