"""KITTI label files: exact lines, and errors that name line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from converters.formats import kitti
from converters.model import Box, Object, Sample
from tltpipe.errors import DataError, Location

GOOD = "skirt 0.25 1 0.00 1.00 2.00 30.50 40.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"


def sample(stem: str, *objects: Object) -> Sample:
    return Sample(stem, Path(f"{stem}.jpg"), 80, 60, objects)


def test_line_has_fifteen_columns_byte_for_byte(tmp_path: Path) -> None:
    thing = Object("skirt", Box(1, 2, 30.5, 40), occlusion=1, truncation=0.25)
    with kitti.Writer(tmp_path / "label", ["skirt"]) as writer:
        writer.add(sample("000001", thing, thing))
        writer.add(sample("000002"))
        assert not (tmp_path / "label").exists()
    assert (tmp_path / "label" / "000001.txt").read_bytes() == f"{GOOD}\n{GOOD}\n".encode()
    assert (tmp_path / "label" / "000002.txt").read_bytes() == b""


def test_nothing_appears_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), kitti.Writer(tmp_path / "label", ["skirt"]) as writer:
        writer.add(sample("000001"))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_rewriting_replaces_the_whole_folder(tmp_path: Path) -> None:
    for stem in ("old", "new"):
        with kitti.Writer(tmp_path / "label", ["skirt"]) as writer:
            writer.add(sample(stem))
    assert [path.name for path in tmp_path.rglob("*")] == ["label", "new.txt"]


def test_class_names_with_blanks_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='class name "long sleeve dress"') as caught:
        kitti.Writer(tmp_path / "label", ["skirt", "long sleeve dress"])
    assert caught.value.hint == 'call it "long_sleeve_dress"'


def test_unannounced_category_and_double_stem(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="vest is none of"), kitti.Writer(tmp_path / "label", ["skirt"]) as writer:
        writer.add(sample("1", Object("vest", Box(0, 0, 1, 1))))
    with pytest.raises(DataError, match='two pictures are called "1"'), kitti.Writer(tmp_path / "l", []) as writer:
        writer.add(sample("1"))
        writer.add(sample("1"))


def parse(tmp_path: Path, text: str) -> list[Object]:
    path = tmp_path / "a.txt"
    path.write_text(text)
    return kitti.parse(path)


@pytest.mark.parametrize("text", [GOOD, f"{GOOD} 0.9\n", f"\n{GOOD.replace(' ', '  ')} \r\n\n"])
def test_fifteen_or_sixteen_columns_blanks_do_not_matter(tmp_path: Path, text: str) -> None:
    assert parse(tmp_path, text) == [Object("skirt", Box(1, 2, 30.5, 40), occlusion=1, truncation=0.25)]


def test_dontcare_of_kitti_itself(tmp_path: Path) -> None:
    (thing,) = parse(tmp_path, "DontCare -1 -1 -10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10")
    assert (thing.category, thing.occlusion, thing.truncation) == ("DontCare", 3, 0.0)


@pytest.mark.parametrize(
    ("line", "column", "message", "hint"),
    [
        ("skirt 0 0 0 1 2 3 4", 1, "has 15 columns .* this one has 8", "class truncation"),
        (f"{GOOD} 1 1", 1, "this one has 17", ""),
        (f"long sleeve {GOOD}", 6, "must not hold blanks", 'write "long_sleeve_skirt"'),
        ("short sleeve 0 0 0 1 2 3 4 0 0 0 0 0 0 0", 7, "must not hold blanks", "short_sleeve"),
        ("skirt,0,0,0,1,2,3,4,0,0,0,0,0,0,0", 1, "not commas", ""),
        (GOOD.replace("30.50", "abc"), 29, "right must be a number, not abc", ""),
        (GOOD.replace("30.50", "nan"), 29, "right must be a number", ""),
        (GOOD.replace("0.25", "x"), 7, "truncation must be a number", ""),
        (GOOD.replace("0.25", "1.5"), 7, "truncation is 1.5", ""),
        (GOOD.replace(" 1 ", " 4 "), 12, "occlusion is 4", ""),
        (GOOD.replace("30.50", "0.50"), 19, "inside out", "left, top"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, line: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse(tmp_path, f"{GOOD}\n\n{line}\n")
    assert caught.value.where == Location(tmp_path / "a.txt", 3, column)
    assert hint in (caught.value.hint or "")


def test_read_needs_folder_text_and_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder of KITTI labels"):
        kitti.read(tmp_path)
    (tmp_path / "label").mkdir()
    (tmp_path / "label" / "1.txt").write_text(GOOD)
    dataset = kitti.read(tmp_path)
    with pytest.raises(DataError, match="picture is missing"):
        list(dataset)
    (tmp_path / "image").mkdir()
    Image.new("RGB", (80, 60)).save(tmp_path / "image" / "1.jpg")
    (read,) = dataset
    assert (read.id, read.width, read.height, dataset.categories) == ("1", 80, 60, ("skirt",))
    (tmp_path / "label" / "2.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        kitti.read(tmp_path)
