"""CSV tables: rows in any order, columns under any name in use, and errors with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.formats import csv
from converters.formats._tables import rows as csv_rows
from converters.model import Box, Object, Sample, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError, Location

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"
ROW = "1.jpg,80,60,vest,1,2,30.5,40"
THING = Object("vest", Box(1, 2, 30.5, 40))


def table(folder: Path, *rows: str, header: str = HEADER, name: str = "train.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join((header, *rows)), "utf-8", newline="")
    return path


def samples(path: Path) -> list[Sample]:
    return list(converters.read("csv", path))


def told(path: Path) -> DataError:
    return error_of(DataError, samples, path)


def test_rows_byte_for_byte(tmp_path: Path) -> None:
    things = (THING, Object('a "b", c', Box(0.1, -2, 3, 4.25), occlusion=3, truncation=0.1))
    with converters.open_writer("csv", tmp_path / "train.csv", ["vest"]) as writer:
        writer.add(Sample("deep/a b,c-ü", "x.png", 80, 60, things))
        writer.add(Sample("2", "2.jpg", 8, 6))
    assert (tmp_path / "train.csv").read_text("utf-8").splitlines() == [
        f"{HEADER},occlusion,truncation",
        '"deep/a b,c-ü.png",80,60,vest,1,2,30.5,40,0,0',
        '"deep/a b,c-ü.png",80,60,"a ""b"", c",0.1,-2,3,4.25,3,0.1',
        "2.jpg,8,6,,,,,,,",
    ]
    first, second = samples(tmp_path / "train.csv")
    assert (first.id, Path(first.image).name, first.objects, first.width, first.height) == (
        "deep/a b,c-ü",
        "a b,c-ü.png",
        things,
        80,
        60,
    )
    assert (second.id, second.objects) == ("2", ())


def test_a_line_break_in_quotes_is_a_part_of_its_field(tmp_path: Path) -> None:
    path = table(tmp_path, '1.jpg,80,60,"ve\nst",1,2,30.5,40', "", ROW.replace("40", "x"))
    assert converters.read("csv", path).categories == ("ve\nst", "vest")
    assert told(path).where == Location(path, 5, 27)


def test_rows_in_any_order(tmp_path: Path) -> None:
    path = table(tmp_path, ROW, "b/2.png,80,60,,,,,", "3.jpg,80,60,hat,1,2,3,4", ROW.replace("vest", "hat"))
    dataset = converters.read("csv", path)
    assert dataset.categories == ("hat", "vest")
    keys = dataset.pictures.keys()
    assert len(keys) == 3
    assert keys[1:] == [keys[1], keys[2]]
    assert [dataset.pictures.name(key) for key in keys] == ["1", "b/2", "3"]
    first, second, _ = dataset
    assert [(thing.category, thing.origin) for thing in first.objects] == [("vest", 2), ("hat", 5)]
    assert second.objects == ()


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("\ufeffImage,Label,X1,Y1,X2,Y2", "1.jpg,vest,1,2,30.5,40"),
        ("image_path;category;left;top;right;bottom", "1.jpg;vest;1;2;30,5;40"),
        ("ymax\txmax\tymin\txmin\tname\tfile", "40\t30.5\t2\t1\tvest\t1.jpg"),
        ("ImageID,class_name,x,y,w,h", "1,vest,1,2,29.5,38"),
        ("path,label,x,y,width,height", "1.jpg,vest,1,2,29.5,38"),
        ("path,label,x,y,width,height,image_width,image_height", "1.jpg,vest,1,2,29.5,38,80,60"),
        ('"file name","class","bbox x","bbox y","bbox width","bbox height"', '"1.jpg","vest","1","2","29.5","38"'),
        ("image_id,filename,label,xmin,ymin,xmax,ymax,note", "77,1.jpg,vest,1,2,30.5,40,nice"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_under_other_names(tmp_path: Path, header: str, row: str, end: str) -> None:
    Image.new("RGB", (80, 60)).save(tmp_path / "1.jpg")
    (tmp_path / "train.csv").write_bytes(f"{header}{end}{row}{end}".encode())
    (sample,) = samples(tmp_path)
    assert (sample.id, sample.width, sample.height, sample.objects) == ("1", 80, 60, (THING,))
    assert Path(sample.image) == tmp_path / "1.jpg"


def test_tables_that_are_others_are_left_alone(tmp_path: Path) -> None:
    for number, header in enumerate(
        ["a,b,c", "filename,class,x,y", "class_id,x_center,y_center,width,height", "filename,xmin,ymin,xmax,ymax", ""]
    ):
        assert csv.find(table(tmp_path / str(number), header=header).parent) == {}
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\0\0")
    assert csv.find(tmp_path / "bytes.csv") == {}


def test_finds_splits_and_their_pictures(tmp_path: Path) -> None:
    for folder in ("images/train", "images/val"):
        (tmp_path / folder).mkdir(parents=True)
    table(tmp_path, ROW, name="val_labels.csv")
    table(tmp_path, ROW)
    found = csv.find(tmp_path)
    assert {name: place.images for name, place in found.items()} == {
        "train": tmp_path / "images" / "train",
        "validation": tmp_path / "images" / "val",
    }
    table(tmp_path / "roboflow" / "valid", ROW, name="_annotations.csv")
    found = csv.find(tmp_path / "roboflow")
    assert [(name, place.images.name) for name, place in found.items()] == [("validation", "valid")]


def test_a_column_tells_splits_apart(tmp_path: Path) -> None:
    rows = [f"{ROW},TRAIN", f"2{ROW[1:]},val", f"3{ROW[1:]},train", f"4{ROW[1:]},"]
    path = table(tmp_path, *rows, header=f"{HEADER},split", name="all.csv")
    _, found = converters.splits(path)
    assert {name: [each.id for each in dataset] for name, dataset in found.items()} == {
        "train": ["1", "3"],
        "validation": ["2"],
        "unassigned": ["4"],
    }


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("images/train/1.jpg", "1"),
        ("./1.jpg", "1"),
        ("sub/1.jpg", "sub/1"),
        ("/home/someone/1.jpg", "1"),
        ("C:\\data\\1.jpg", "1"),
        ("sub\\1.jpg", "sub/1"),
        ("a.b c.JPG", "a.b c"),
        ("a.b", "a.b"),
    ],
)
def test_names_of_pictures(tmp_path: Path, name: str, id: str) -> None:
    (tmp_path / "images" / "train").mkdir(parents=True)
    (sample,) = samples(table(tmp_path, ROW.replace("1.jpg", name)).parent)
    assert sample.id == id
    assert Path(sample.image).parent == (tmp_path / "images" / "train" / id).parent


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        *(
            (ROW.replace("30.5", bad), 22, "right must be a number")
            for bad in ("abc", "nan", "inf", "1e400", "٣٠", "1_0", "")
        ),
        (ROW.replace("30.5", "1e9"), 22, "which cannot be meant"),
        (ROW.replace("vest", ""), 13, "class is missing"),
        (ROW.replace(",40", ""), None, "bottom must be a number"),
        (ROW.replace("80", "0"), 7, "cannot be 0 and 60"),
        (ROW.replace("80", "8.5"), 7, "cannot be 8.5 and 60"),
        (ROW.replace("1.jpg", "../1.jpg"), 1, 'cannot be "../1.jpg"'),
        (ROW.replace("1.jpg", ""), 1, "names none"),
        ('"1.jpg",80,60,vest,1,2,x,40', None, "right must be a number"),
        ('1.jpg,80,60,"ve"st,1,2,3,40', None, "cannot be read"),
        (ROW.replace("1.jpg", "9.jpg").replace("80", "90"), 7, "another than in an earlier row"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, row: str, column: int | None, message: str) -> None:
    path = table(tmp_path, ROW.replace("1.jpg", "9.jpg"), "", row)
    problem = told(path)
    assert message in str(problem)
    assert problem.where == Location(path, 4, column)


def test_optional_columns(tmp_path: Path) -> None:
    header = f"{HEADER},Occluded,truncated"
    (sample,) = samples(table(tmp_path, f"{ROW},2,0.5", header=header))
    assert (sample.objects[0].occlusion, sample.objects[0].truncation) == (2, 0.5)
    assert "occlusion is 7" in str(told(table(tmp_path, f"{ROW},7,0", header=header)))
    assert "truncation is 1.5" in str(told(table(tmp_path, f"{ROW},0,1.5", header=header)))


def test_text_in_other_encodings_and_open_quotes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(f"{HEADER}\n{ROW}\n".encode() + b"\xff.jpg,80,60,vest,1,2,3,4\n")
    pictures = converters.read("csv", path).pictures
    first, second = pictures.keys()
    assert pictures.load(first, Findings()).objects == (THING,)
    assert pictures.name(second) == "train.csv:3"
    with pytest.raises(DataError, match="not UTF-8"):
        pictures.load(second, Findings())
    path = table(tmp_path, ROW, ROW.replace("vest", '"vest'), *[ROW] * 100)
    problem = told(path)
    assert (problem.where, "nothing closes" in str(problem)) == (Location(path, 3), True)
    path = table(tmp_path, ROW.replace("1.jpg", '5".jpg'), ROW)
    assert [each.id for each in samples(path)] == ['5"', "1"]


def test_class_map_orders_and_refuses(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("vest\nhat\n")
    path = table(tmp_path, ROW)
    assert converters.read("csv", path).categories == ("vest", "hat")
    table(tmp_path, ROW.replace("vest", "Vest"))
    assert (told(path).code, told(path).where) == ("C604", Location(path, 2, 13))


def test_sizes_come_from_pictures_where_the_table_has_none(tmp_path: Path) -> None:
    path = table(tmp_path, "1.jpg,vest,1,2,3,4", header="filename,class,xmin,ymin,xmax,ymax")
    assert told(path).code == "F101"
    Image.new("RGB", (80, 60)).save(tmp_path / "1.jpg")
    assert samples(path)[0].width == 80


def test_changed_files_are_read_anew_and_empty_ones_have_nothing(tmp_path: Path) -> None:
    path = table(tmp_path, ROW)
    assert len(samples(path)) == 1
    path.write_text(f"{HEADER}\n{ROW}\n2{ROW[1:]}\n")
    assert len(samples(path)) == 2
    path.write_text(HEADER)
    assert samples(path) == []


def test_too_many_rows_for_one_picture_are_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(csv_rows, "_ROWS", 5)
    path = table(tmp_path, *[ROW] * 9)
    assert "more than 5 rows" in str(told(path))


def pictures(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 60)).save(folder / name)


def boxes(path: Path, split: str = "train") -> dict[str, list[tuple[str, Box]]]:
    dataset = converters.read("csv", path, split)
    return {sample.id: [(thing.category, thing.box) for thing in sample.objects] for sample in dataset}


RETINANET = (
    "images/a.jpg,1,2,30.5,40,vest\n\nimages/a.jpg,5,5,50,50,skirt\nimages/b.jpg,,,,,\n"
    '"images/c, d.jpg",1,1,9,9,"vest"\n'
)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_without_a_header(tmp_path: Path, mark: str) -> None:
    pictures(tmp_path, "images/a.jpg", "images/b.jpg", "images/c, d.jpg")
    (tmp_path / "annotations.csv").write_text(mark + RETINANET, "utf-8", newline="")
    assert boxes(tmp_path) == {
        "a": [("vest", Box(1, 2, 30.5, 40)), ("skirt", Box(5, 5, 50, 50))],
        "b": [],
        "c, d": [("vest", Box(1, 1, 9, 9))],
    }
    assert [thing.origin for sample in converters.read("csv", tmp_path) for thing in sample.objects] == [1, 3, 5]


def test_without_a_header_images_on_which_nothing_is_come_first(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "val.csv").write_text("a.jpg,,,,,\nb.jpg,1,2,3,4,7\n")
    assert boxes(tmp_path, "validation") == {"a": [], "b": [("7", Box(1, 2, 3, 4))]}


@pytest.mark.parametrize("row", ["a.jpg,1,2,3,x,vest", "1,2,3,4,5,vest", "a.jpg,1,2,3,4", "a.jpg,1,2,3,4,vest,1"])
def test_other_tables_without_a_header_are_none(tmp_path: Path, row: str) -> None:
    (tmp_path / "train.csv").write_text(f"{row}\n")
    assert csv.find(tmp_path) == {}


def test_a_file_of_classes_beside_a_table_without_a_header(tmp_path: Path) -> None:
    pictures(tmp_path, "images/a.jpg", "images/b.jpg", "images/c, d.jpg")
    (tmp_path / "train.csv").write_text(RETINANET)
    (tmp_path / "classes.csv").write_text("vest,1\nshorts,2\nskirt,0\n")
    assert converters.read("csv", tmp_path).categories == ("skirt", "vest", "shorts")
    (tmp_path / "classes.csv").write_text("vest,0\nskirt,0\n")
    assert told(tmp_path).where == tmp_path / "classes.csv"
    (tmp_path / "classes.csv").write_text("vest,0\n")
    problem = told(tmp_path)
    assert (problem.code, problem.where) == (rules.UNKNOWN_CLASS.code, Location(tmp_path / "train.csv", 3, 24))


KAGGLE = "image_id,width,height,bbox,source"


@pytest.mark.parametrize(
    "text", ['"[1.0, 2.0, 29.5, 38.0]"', "[1.0, 2.0, 29.5, 38.0]", "[1,2,29.5,38]", "1 2 29.5 38", '"(1, 2, 29.5, 38)"']
)
def test_a_whole_box_in_one_column(tmp_path: Path, text: str) -> None:
    pictures(tmp_path, "train/a.jpg", "train/b.jpg")
    table(tmp_path, f"a,80,60,{text},x", "b,80,60,[],y", header=KAGGLE)
    dataset, findings = converters.read("csv", tmp_path), Findings()
    a, b = (dataset.pictures.load(key, findings) for key in dataset.pictures.keys())  # noqa: SIM118 - no mapping
    assert dataset.categories == ("object",)
    assert [(thing.category, thing.box) for thing in a.objects] == [("object", Box(1, 2, 30.5, 40))]
    assert (a.width, a.height, b.objects) == (80, 60, ())
    assert [(found.rule, found.count) for found in findings] == [(rules.UNNAMED, 1)]


def test_a_whole_box_beside_a_class_and_with_semicolons(tmp_path: Path) -> None:
    pictures(tmp_path, "images/a.jpg", "images/b.jpg")
    table(tmp_path, "a.jpg;vest;[1,5; 2; 3; 4]", 'b.jpg;skirt;"[1; 2; 3,25; 4]"', header="filename;label;bbox")
    assert boxes(tmp_path) == {"a": [("vest", Box(1.5, 2, 4.5, 6))], "b": [("skirt", Box(1, 2, 4.25, 6))]}


@pytest.mark.parametrize("text", ["[1, 2, 3]", "[1, 2, 3, x]", "[1, 2, 3, 1e9]", ""])
def test_a_whole_box_that_cannot_be(tmp_path: Path, text: str) -> None:
    pictures(tmp_path, "images/a.jpg")
    path = table(tmp_path, f'a.jpg,vest,"{text}"', header="filename,label,bbox")
    problem = told(tmp_path)
    assert str(problem.where).startswith(f"{path}:2")
    assert "four numbers" in problem.what


def test_one_class_in_the_class_map_names_what_no_column_does(tmp_path: Path) -> None:
    pictures(tmp_path, "images/a.jpg")
    table(tmp_path, "a.jpg,80,60,[1;2],x".replace("[1;2]", "[1, 2, 3, 4]"), header=KAGGLE)
    (tmp_path / "classes.txt").write_text("wheat\n")
    assert boxes(tmp_path) == {"a": [("wheat", Box(1, 2, 4, 6))]}
