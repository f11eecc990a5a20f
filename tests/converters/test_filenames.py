"""Image names that are spelled otherwise than the files: matched by every reader, said once, never a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from refusals import error_of

from converters.files.filenames import ImageNames, UnclearName
from converters.model.findings import Findings
from converters.transfer import opening
from converters.transfer.prepare import Target, prepare
from tltpipe.errors import DataError
from tltpipe.progress import Silent

CAT = ("cat", [10, 10, 30, 20])


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (normalize("NFD", "Süd.jpg"), normalize("NFC", "Süd.jpg")),
        (normalize("NFC", "Süd.jpg"), normalize("NFD", "Süd.jpg")),
        ("a%20b.jpg", "a b.jpg"),
        ("100%25.jpg", "100%.jpg"),
        ("deep\\er\\a.jpg", "deep/er/a.jpg"),
        ("a.JPG", "a.jpg"),
        ("a.jpg", "a.JPEG"),
        ("a.jpg", "a.png"),
        ("a", "a.png"),
        ("A.jpg", "a.jpg"),
        ("C:\\photos\\a%20b.PNG", "x/a b.png"),
        ("/home/me/data/a.jpg", "images/x/a.jpg"),
        ("..\\..\\upload\\4\\a b.png", "a b.png"),
        ("https://here/upload/a.jpg?token=5", "a.jpg"),
        ("/data/local-files/?d=shots/a.jpg", "shots/a.jpg"),
    ],
)
def test_a_name_spelled_otherwise_is_matched(name: str, file: str, tmp_path: Path) -> None:
    match = ImageNames(touch(tmp_path, file, "other/z.jpg")).match(name)
    assert match.path == file
    assert match.rule


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("a.jpg", ["b.jpg"]),
        ("a.jpg", ["a.txt"]),
        ("one/a.jpg", ["one/b.jpg", "two/a.jpg"]),  # folder one is here, and a is not in it
        ("a.jpg", ["b.jpg", "two/a.jpg"]),
        ("../secret/a.jpg", ["b.jpg"]),
    ],
)
def test_a_missing_image_is_not_replaced_by_another(name: str, files: list[str], tmp_path: Path) -> None:
    assert ImageNames(touch(tmp_path, *files)).match(name) is None


@pytest.mark.parametrize(
    ("name", "files"),
    [("C:\\a.jpg", ["x/a.jpg", "y/a.jpg"]), ("a.tif", ["a.jpg", "a.png"]), ("A.JPG", ["a.jpg", "a.Jpg"])],
)
def test_a_name_of_two_images_names_both(name: str, files: list[str], tmp_path: Path) -> None:
    error = error_of(UnclearName, lambda: ImageNames(touch(tmp_path, *files)).match(name))
    assert all(file in str(error) for file in files)


def test_two_names_of_one_image_are_told(tmp_path: Path) -> None:
    names = ["C:\\one\\a.jpg", "C:\\two\\a.jpg", "b.JPG", "b.jpg"]
    images = ImageNames(touch(tmp_path, "x/a.jpg", "b.jpg"), lambda: names)
    assert names[1] in str(error_of(UnclearName, images.match, names[0]))
    assert images.match("b.JPG") is None, "b.jpg is the image of the name that is the same"


def test_nothing_outside_the_folder_is_matched(tmp_path: Path) -> None:
    folder = touch(tmp_path / "images", "b.jpg")
    touch(tmp_path, "a.jpg")
    names = ImageNames(folder)
    for name in ("../a.jpg", "..%2Fa.jpg", "..\\a.jpg", str(tmp_path / "a.jpg"), "x/../../a.jpg"):
        assert names.match(name) is None


# In the readers


def test_the_folder_is_not_listed_while_names_are_right(sets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sets.picture("images/train/a.jpg")
    sets.coco("annotations/instances_train.json", "a.jpg")
    monkeypatch.setattr(ImageNames, "match", lambda *_: pytest.fail("was not needed"))
    assert sets.convert().counts == {"train": (1, 1)}


@pytest.mark.parametrize("format", ["coco", "kitti", "yolo", "voc", "csv"])
def test_coco_of_label_studio(format: str, sets: Any) -> None:
    for name in ("images/a b.png", "images/c.png"):
        sets.picture(name)
    sets.coco("result.json", "..\\..\\media\\upload\\4\\a%20b.png", "..\\..\\media\\upload\\4\\c.png")
    made = sets.convert(format=format)
    assert made.counts == {"train": (2, 2)}
    assert made.codes == {"F111": 2}
    assert {path.name for path in made.target.rglob("*.png")} == {"a b.png", "c.png"}
    if format == "coco":
        assert made.boxes() == {"a b.png": [CAT], "c.png": [CAT]}


def test_names_of_samples_are_those_of_the_files(sets: Any) -> None:
    sets.picture("images/deep/a b.png")
    sets.coco("result.json", "C:\\x\\a%20b.PNG")
    (dataset,) = opening.splits(sets.root, None)[1].values()
    (key,) = dataset.pictures.keys()
    sample = dataset.pictures.load(key, Findings())
    assert dataset.pictures.name(key) == sample.id == "deep/a b"
    assert Path(sample.image) == sets.root / "images/deep/a b.png"


@pytest.mark.parametrize("name", ["\\srv\\one\\a.png", "/srv/one/a.png"])
def test_an_unclear_name_is_an_error_with_its_place(name: str, sets: Any) -> None:
    for folder in "xy":
        sets.picture(f"images/{folder}/a.png")
    path = sets.coco("result.json", name)
    error = error_of(DataError, sets.convert, match=r"x/a.png.*y/a.png")
    assert (error.code, error.where.path) == ("F105", path)


def test_two_records_never_share_an_image(sets: Any) -> None:
    sets.picture("images/x/a.png")
    sets.coco("result.json", "D:\\one\\b\\a.png", "q\\..\\..\\two\\c\\a.png")
    assert error_of(DataError, sets.convert).code == "F105"


def csv(sets: Any, *names: str) -> None:
    rows = "".join(f"{name},100,80,cat,10,10,40,30\n" for name in names)
    (sets.root / "train.csv").write_text("filename,width,height,class,xmin,ymin,xmax,ymax\n" + rows)


def open_images(sets: Any, *names: str) -> None:
    rows = "".join(f"{name},cat,0.1,0.4,0.125,0.375,0\n" for name in names)
    (sets.root / "train-annotations-bbox.csv").write_text("ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n" + rows)


def voc(sets: Any, *names: str) -> None:
    for number, name in enumerate(names):
        sets.page(f"Annotations/{number}.xml", name)


@pytest.mark.parametrize("write", [csv, open_images, voc])
def test_other_readers_match_names_too(write: Any, sets: Any) -> None:
    folder = {csv: "images/train", open_images: "train", voc: "JPEGImages"}[write]
    for name in ("x/a b.png", "x/c.jpeg", "y/d.tif"):
        sets.picture(f"{folder}/{name}")
    names = {csv: ("C:/shots/a b.png", "x/c.jpg", "y/d"), open_images: ("a%20b", "x/c", "Y/d")}
    write(sets, *names.get(write, ("C:\\shots\\a%20b.png", "c.jpeg", "y/D.TIF")))
    made = sets.convert()
    assert made.counts == {"train": (3, 3)}
    assert {path.name for path in made.target.rglob("images/train/**/*.*")} == {"a b.png", "c.jpeg", "d.tif"}
    assert {name: items for name, items in made.boxes().items() if items != [CAT]} == {}
    assert 1 <= made.codes["F111"] <= 3


@pytest.mark.parametrize("write", [csv, open_images, voc])
def test_other_readers_name_both_images(write: Any, sets: Any) -> None:
    folder = {csv: "images/train", open_images: "train", voc: "JPEGImages"}[write]
    for name in ("x/a.png", "y/a.png"):
        sets.picture(f"{folder}/{name}")
    write(sets, "a.png")
    if write is voc:  # pictures that no file is about
        for name in "xy":
            sets.page(f"Annotations/{name}/a.xml", "a.png")
    assert error_of(DataError, sets.convert, match=r"x/a.png.*y/a.png").code == "F105"


def test_prepare_says_it_once_and_labels_the_files(sets: Any, tmp_path: Path) -> None:
    for number in range(300):
        sets.picture(f"images/{number:03d} x.jpg")
    sets.coco("result.json", *(f"{number:03d}%20x.jpg" for number in range(300)))
    dataset = opening.splits(sets.root, None)[1]["train"]
    target = Target(tmp_path / "train.json", tmp_path / "label")
    options = {"class_maps": (tmp_path,), "journal": tmp_path / "journal", "progress": Silent()}
    (summary,) = prepare({"train": (dataset, target)}, **options, workers=2).values()
    assert (summary.images, summary.items) == (300, 300)
    assert [(found.rule.code, found.count) for found in summary.findings] == [("F111", 300)]
    assert sorted(path.name for path in (tmp_path / "label").iterdir())[:2] == ["000 x.txt", "001 x.txt"]
