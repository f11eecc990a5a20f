"""YOLO's layouts: where labels and class names are found, and that no split loses all its labels in silence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image
from refusals import error_of

import converters
from converters.formats import yolo
from converters.health import examine
from converters.model import Box, rules
from converters.model.findings import Findings
from converters.transfer.convert import Converted, convert
from tltpipe.errors import DataError, TltpipeError, UsageError
from tltpipe.progress import Silent

PAGE = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
LINE = "1 0.5 0.5 0.5 0.5\n"
SPLITS = {"train": 3, "val": 2}
BOTH = {"train": (3, 3), "validation": (2, 2)}
"""Images and items of each split of ``plain``."""


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 60)).save(path)


def text(path: Path, content: str = LINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def plain(root: Path, images: str = "images/{}", labels: str = "labels/{}", page: str | None = PAGE) -> Path:
    """Two splits with a dog on each image; ``images`` and ``labels`` are where those of a split are."""
    for split, count in SPLITS.items():
        for number in range(count):
            picture(root / images.format(split) / f"{split}{number}.jpg")
            text(root / labels.format(split) / f"{split}{number}.txt")
    if page is not None:
        text(root / "data.yaml", page)
    return root


def one_folder(folder: Path, count: int = 3) -> Path:
    for number in range(count):
        picture(folder / f"{number}.jpg")
        text(folder / f"{number}.txt")
    return folder


def classes(folder: Path, name: str = "classes.txt") -> None:
    text(folder / name, "cat\ndog\n")


def counts(root: Path) -> dict[str, tuple[int, int]]:
    """Images and items of each split; every item is the dog of ``LINE``."""
    format, splits = converters.splits(root)
    assert format == "yolo"
    samples = {name: list(dataset) for name, dataset in splits.items()}
    things = [thing for some in samples.values() for sample in some for thing in sample.objects]
    assert {(thing.category, thing.box) for thing in things} <= {("dog", Box(20, 15, 60, 45))}
    return {name: (len(some), sum(len(each.objects) for each in some)) for name, some in samples.items()}


def converted(root: Path, format: str = "coco", **options: str) -> Converted:
    out = root.parent / f"{root.name}-{format}"
    return convert(root, out, format=format, options=options, progress=Silent(), workers=1)


def found(root: Path) -> dict[str, int]:
    """The rules that converting counts."""
    total = Findings()
    for summary in converted(root).splits.values():
        total.take(summary.findings)
    return {finding.rule.code: finding.count for finding in total}


# Where labels are

RULE = {"images/{}": ("labels/{}",), "{}/images": ("{}/labels",), "images/{}/images": ("images/{}/labels",)}
"""Where YOLO's own rule looks for the labels of the images in a folder."""


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images/{}", "labels/{}"),
        ("images/{}", "images/{}"),
        ("images/{}/deep/er", "images/{}/deep/er"),
        ("images/{}", "label/{}"),
        ("images/{}", "labels"),
        ("images/{}", "annotations/yolo/{}"),
        ("images/{}/deep", "txt/{}/deep"),
        ("{}/images", "{}/labels"),
        ("{}/images", "{}/images"),
        ("{}/images", "{}/txt"),
        ("{}/images", "labels/{}"),
        ("{}", "{}"),
        ("{}", "{}_labels"),
        ("{}", "labels/{}"),
        ("images/{}/images", "labels/{}/images"),
        ("images/{}/images", "images/{}/labels"),
    ],
)
@pytest.mark.parametrize("described", [True, False])
def test_labels_are_found(images: str, labels: str, *, described: bool, tmp_path: Path) -> None:
    """With data.yaml, and by the folders alone."""
    folders = {split: images.format(split) for split in SPLITS}
    page = yaml.safe_dump({**folders, "names": ["cat", "dog"]}) if described else None
    root = plain(tmp_path / "set", images, labels, page)
    if not described:
        classes(root)
    assert counts(root) == BOTH
    by_rule = labels == images or labels in RULE.get(images, ())
    assert found(root).keys() == (set() if by_rule else {rules.OTHER_FOLDER.code})


def test_labels_of_another_split_are_not_taken(tmp_path: Path) -> None:
    """Files are called the same in both; those of one are gone."""
    for split in SPLITS:
        one_folder(tmp_path / split)
        for path in (tmp_path / split).glob("*.jpg"):
            picture(tmp_path / "images" / split / path.name)
    (tmp_path / "annos").mkdir()
    (tmp_path / "train").rename(tmp_path / "annos/train")
    for path in (tmp_path / "annos/train").glob("*.jpg"):
        path.unlink()
    shutil.rmtree(tmp_path / "val")
    text(tmp_path / "data.yaml", PAGE)
    error = error_of(DataError, counts, tmp_path)
    assert error.code == rules.NO_ANNOTATIONS.code
    assert error.where == tmp_path / "labels/val"


def test_a_label_beside_its_image_counts_where_the_folder_lacks_it(tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    (root / "labels/train/train1.txt").rename(root / "images/train/train1.txt")
    assert counts(root) == BOTH


@pytest.mark.parametrize(("image", "label"), [("cafe\u0301", "caf\u00e9"), ("IMG_1", "img_1")])
def test_names_that_are_only_nearly_the_same(image: str, label: str, tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    picture(root / f"images/train/{image}.jpg")
    text(root / f"labels/train/{label}.txt")
    assert counts(root)["train"] == (4, 4)
    assert found(root) == {rules.OTHER_FILE_NAME.code: 1}


def test_extension_in_upper_case(tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    for path in list((root / "labels").rglob("*.txt")):
        path.rename(path.with_suffix(".TXT"))
    assert counts(root) == BOTH


# Nothing lost in silence


@pytest.mark.parametrize("command", ["convert", "check"])
@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("how", ["renamed", "gone", "elsewhere"])
def test_a_split_without_any_of_its_labels_is_an_error(how: str, split: str, command: str, tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    labels = root / "labels" / split
    for path in list(labels.iterdir()):
        path.rename(path.with_name(f"x{path.name}"))
    if how == "gone":
        shutil.rmtree(labels)
    if how == "elsewhere":
        labels.rename(root / "elsewhere")
    if command == "check":
        report = examine(root, progress=Silent(), workers=1)
        assert report.closed == ({"train": "train", "val": "validation"}[split],)
        assert report.where(rules.NO_ANNOTATIONS.code) == {report.closed[0]: 1}
        return
    error = error_of(DataError, converted, root)
    assert error.exit_code == 3
    assert error.code == rules.NO_ANNOTATIONS.code
    assert error.where == labels
    assert ("exist" in str(error)) is (how == "renamed")
    assert not (tmp_path / "set-coco").exists()


def test_some_images_without_labels_are_background_and_counted(tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    (root / "labels/train/train0.txt").unlink()
    text(root / "labels/train/train1.txt", "")
    done = converted(root).splits["train"]
    assert (done.images, done.items) == (3, 1)
    codes = {finding.rule.code: finding.examples for finding in done.findings}
    assert codes[rules.NO_LABEL_FILE.code] == ("train0",)
    assert codes[rules.NO_OBJECTS.code] == ("train0", "train1")


def test_a_test_split_may_have_no_labels(tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page=f"{PAGE}test: images/test\n")
    picture(root / "images/test/1.jpg")
    dataset = converters.read("yolo", root, "test")
    assert not dataset.annotated
    assert counts(root) == BOTH | {"test": (1, 0)}
    assert found(root) == {rules.NO_LABEL_FILE.code: 1}
    converted(root, "yolo")
    assert list((tmp_path / "set-yolo/labels/test").iterdir()) == [], "an empty label file would say something"
    assert not converters.read("yolo", tmp_path / "set-yolo", "test").annotated
    text(root / "labels/test/2.txt")
    assert error_of(DataError, counts, root).code == rules.NO_ANNOTATIONS.code


def test_empty_label_files_are_not_taken_for_another_format(tmp_path: Path) -> None:
    """A whole split of background: KITTI's folders are called the same, and it would leave the other split out."""
    root = plain(tmp_path / "set")
    for path in (root / "labels/train").iterdir():
        path.write_text("")
    assert counts(root) == {"train": (3, 0), "validation": (2, 2)}
    for path in (root / "labels/val").iterdir():
        path.write_text("")
    assert counts(root) == {"train": (3, 0), "validation": (2, 0)}


def test_two_folders_of_one_split_are_an_error(tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page=None)
    classes(root)
    (root / "images/valid").mkdir()
    picture(root / "images/valid/1.jpg")
    text(root / "labels/valid/1.txt")
    with pytest.raises(DataError, match="validation"):
        counts(root)


def test_label_files_outside_all_splits_are_counted(tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page=None)
    classes(root)
    picture(root / "images/loose.jpg")
    text(root / "labels/loose.txt")
    text(root / "labels/notes.txt", "5 images are blurred\n")
    report = examine(root, progress=Silent(), workers=1)
    assert report.where(rules.OUTSIDE_SPLITS.code) == {"train": 1}
    assert convert(root, tmp_path / "out", format="voc", progress=Silent()).losses.missing.images == 1
    assert found(root) == {rules.OUTSIDE_SPLITS.code: 1}


def test_images_beside_folders_of_images_are_not_left_out(tmp_path: Path) -> None:
    for name in ("1", "batch/2", "batch/deep/3"):
        picture(tmp_path / f"images/{name}.jpg")
        text(tmp_path / f"labels/{name}.txt")
    classes(tmp_path)
    assert counts(tmp_path) == {"train": (3, 3)}


@pytest.mark.parametrize("with_folder", [True, False])
def test_labels_alone_are_an_error(tmp_path: Path, *, with_folder: bool) -> None:
    """Label Studio exports them so."""
    text(tmp_path / "labels/1.txt")
    classes(tmp_path)
    if with_folder:
        (tmp_path / "images").mkdir()
    error = error_of(DataError, counts, tmp_path)
    assert error.where == tmp_path / "images"
    assert error.code == rules.NO_PICTURE.code


def test_labels_of_images_that_are_apart(tmp_path: Path) -> None:
    """``--images``: the places are there, and whoever moves the images elsewhere finds them by their names."""
    for split in SPLITS:
        text(tmp_path / f"set/labels/{split}/1.txt")
    assert list(yolo.find(tmp_path / "set", images=tmp_path)) == ["train", "validation"]
    text(tmp_path / "flat/1.txt")
    place = yolo.find(tmp_path / "flat", images=tmp_path)["train"]
    picture(tmp_path / "elsewhere/1.jpg")
    dataset = yolo.read(replace(place, images=tmp_path / "elsewhere"), classes=("cat", "dog"))
    assert [(sample.id, len(sample.objects)) for sample in dataset] == [("1", 1)]


# One folder, class names


@pytest.mark.parametrize(
    "name", ["classes.txt", "obj.names", "fruit.names", "_darknet.labels", "predefined_classes.txt"]
)
def test_one_folder_with_its_class_names(name: str, tmp_path: Path) -> None:
    classes(one_folder(tmp_path / "set"), name)
    assert counts(tmp_path / "set") == {"train": (3, 3)}


def test_one_folder_without_class_names(tmp_path: Path) -> None:
    one_folder(tmp_path)
    assert "classes.txt" in (error_of(DataError, counts, tmp_path).hint or "")


def test_one_split_of_a_described_data_set(tmp_path: Path) -> None:
    root = plain(
        tmp_path / "set", "{}/images", "{}/labels", "train: train/images\nval: val/images\nnames: [cat, dog]\n"
    )
    assert str(root / "data.yaml") in (error_of(DataError, counts, root / "train").hint or "")


def test_inputs_are_all_folders_and_files_that_are_read(tmp_path: Path) -> None:
    root = darknet(tmp_path)
    inputs = converters.read("yolo", root).pictures.inputs
    assert {path.name for path in inputs} == {"train.txt", "obj_train_data", "obj.data", "obj.names"}
    assert {path.name for path in converters.read("yolo", plain(tmp_path / "set"), "train").pictures.inputs} == {
        *("train", "data.yaml")
    }


def test_one_folder_with_folders_in_it(tmp_path: Path) -> None:
    for name in ("a", "b/c"):
        one_folder(tmp_path / name)
    classes(tmp_path)
    assert counts(tmp_path) == {"train": (6, 6)}
    names = [sample.id for sample in converters.read("yolo", tmp_path)]
    assert names == ["a/0", "a/1", "a/2", "b/c/0", "b/c/1", "b/c/2"]


def test_one_folder_a_split_with_class_names_of_its_own(tmp_path: Path) -> None:
    """Roboflow's Darknet; names in another order mean the same classes."""
    for split in ("train", "valid"):
        one_folder(tmp_path / split)
    classes(tmp_path / "train", "_darknet.labels")
    text(tmp_path / "valid/_darknet.labels", "dog\ncat")
    for path in (tmp_path / "valid").glob("?.txt"):
        path.write_text(LINE.replace("1", "0", 1))
    assert counts(tmp_path) == {"train": (3, 3), "validation": (3, 3)}


@pytest.mark.parametrize("folder", ["", "labels"])
def test_class_names_near_the_labels(folder: str, tmp_path: Path) -> None:
    picture(tmp_path / "images/1.jpg")
    text(tmp_path / "labels/1.txt")
    classes(tmp_path / folder)
    assert counts(tmp_path) == {"train": (1, 1)}
    assert [each.rule.code for each in examine(tmp_path, progress=Silent()).findings] == [rules.NO_ITEMS.code]


def test_class_names_of_label_studio(tmp_path: Path) -> None:
    picture(tmp_path / "images/1.jpg")
    text(tmp_path / "labels/1.txt")
    text(tmp_path / "notes.json", json.dumps({"categories": [{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}]}))
    assert counts(tmp_path) == {"train": (1, 1)}


def test_one_folder_is_not_taken_for_voc_or_captions(tmp_path: Path) -> None:
    folder = one_folder(tmp_path / "set")
    classes(folder)
    text(folder / "0.xml", "<annotation><filename>0.jpg</filename></annotation>")
    with pytest.raises(UsageError, match=r"voc .* or yolo"):
        converters.splits(folder)
    for path in folder.glob("?.txt"):
        path.write_text("a photo of 1 dog\n")
    assert converters.splits(folder)[0] == "voc"


# Darknet, CVAT, lists


def darknet(root: Path, split: str = "train", key: str = "train") -> Path:
    """As CVAT exports YOLO 1.1."""
    one_folder(root / f"obj_{split}_data")
    classes(root, "obj.names")
    text(root / f"{split}.txt", "".join(f"data/obj_{split}_data/{number}.jpg\n" for number in range(3)))
    described = root / "obj.data"
    before = described.read_text() if described.exists() else "classes = 2\nnames = data/obj.names\nbackup = backup/\n"
    text(described, f"{before}{key} = data/{split}.txt\n")
    return root


def test_darknet_as_cvat_writes_it(tmp_path: Path) -> None:
    root = darknet(darknet(tmp_path / "set"), "Validation", "valid")
    assert counts(root) == {"train": (3, 3), "validation": (3, 3)}
    assert [sample.id for sample in converters.read("yolo", root, "train")] == ["0", "1", "2"]
    assert counts(root / "obj.data") == counts(root)
    assert found(root) == {}
    assert [each.rule.code for each in examine(root, progress=Silent()).findings if each.rule.code[0] != "D"] == [
        "C602"
    ]


def test_darknet_written_as_yolo_has_yolos_names_of_splits(tmp_path: Path) -> None:
    root = darknet(darknet(tmp_path / "set", "Train", "Train"), "Validation", "Validation")
    converted(root, "yolo")
    page = yaml.safe_load((tmp_path / "set-yolo/data.yaml").read_text())
    assert page["names"] == {0: "cat", 1: "dog"}
    assert page.keys() == {"train", "val", "nc", "names"}
    assert counts(tmp_path / "set-yolo") == {"train": (3, 3), "validation": (3, 3)}


@pytest.mark.parametrize(
    ("gone", "where"),
    [("train.txt", "obj.data:4"), ("obj.names", "obj.data:2"), ("obj_train_data/0.jpg", "obj_train_data/0.jpg")],
)
def test_what_darknet_names_and_is_not_there(gone: str, where: str, tmp_path: Path) -> None:
    root = darknet(tmp_path)
    (root / gone).unlink()
    assert str(error_of(DataError, counts, root).where) == f"{root}/{where}"


def test_darknet_that_loses_all_labels(tmp_path: Path) -> None:
    root = darknet(tmp_path)
    for path in (root / "obj_train_data").glob("*.txt"):
        path.unlink()
    assert error_of(DataError, counts, root).code == rules.NO_ANNOTATIONS.code


def test_darknet_with_another_number_of_classes(tmp_path: Path) -> None:
    root = darknet(tmp_path)
    text(root / "obj.data", (root / "obj.data").read_text().replace("classes = 2", "classes = 80"))
    with pytest.raises(DataError, match="80"):
        counts(root)


def test_yolov4_of_fiftyone(tmp_path: Path) -> None:
    one_folder(tmp_path / "data")
    classes(tmp_path, "obj.names")
    text(tmp_path / "images.txt", "".join(f"data/{number}.jpg\n" for number in range(3)))
    assert counts(tmp_path) == {"train": (3, 3)}


def test_yolov5_of_fiftyone(tmp_path: Path) -> None:
    page = "names:\n  0: cat\n  1: dog\npath: /home/me/fiftyone/x\ntrain: ./images/train/\nval: ./images/val/\n"
    root = plain(tmp_path / "set", page=None)
    text(root / "dataset.yaml", page)
    assert counts(root) == BOTH
    assert found(root) == {}


@pytest.mark.parametrize("start", ["D:\\work\\images\\{}\\", "/content/x/images/{}/", "/content/x/", "C:/other/"])
def test_lists_of_another_machine(start: str, tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page="train: train.txt\nval: val.txt\nnames: [cat, dog]\n")
    for split, count in SPLITS.items():
        lines = (f"{start.format(split)}{split}{number}.jpg\r\n" for number in range(count))
        text(root / f"{split}.txt", "".join(lines))
    assert counts(root) == BOTH
    assert found(root) == {rules.OTHER_FILE_NAME.code: 5}
    assert {sample.id for sample in converters.read("yolo", root, "validation")} == {"val/val0", "val/val1"}


def test_a_name_that_several_images_have_is_not_guessed(tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page="train: train.txt\nnames: [cat, dog]\n")
    shutil.copy(root / "images/train/train0.jpg", root / "images/val/train0.jpg")
    text(root / "train.txt", "/content/train0.jpg\n")
    assert error_of(DataError, counts, root).code in (rules.NO_PICTURE.code, rules.NO_ANNOTATIONS.code)


# data.yaml


@pytest.mark.parametrize(
    ("page", "odd"),
    [
        (f"path: /content/datasets/x\n{PAGE}", 0),
        (f"path: C:\\data\\x\n{PAGE}", 0),
        (PAGE.replace("images/", "/content/datasets/x/images/"), 2),
        (PAGE.replace("images/", "C:\\data\\x\\images\\"), 2),
        (PAGE.replace("images/", ".\\images\\"), 0),
        (PAGE.replace("train:", "Train:").replace("val:", "VALIDATION:"), 0),
        (PAGE.replace("images/", "Images/"), 2),
        (PAGE.replace("[cat, dog]", "{'1': dog, '0': cat}"), 0),
    ],
)
def test_data_yaml_of_other_machines_and_tools(page: str, odd: int, tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page=page)
    assert counts(root) == BOTH
    assert found(root).get(rules.OTHER_FOLDER.code, 0) == odd


@pytest.mark.parametrize("make", [plain, darknet])
def test_an_archive_unpacked_into_a_folder_of_its_own(make: Callable[[Path], Path], tmp_path: Path) -> None:
    make(tmp_path / "set/inner")
    text(tmp_path / "set/README.txt", "unpacked")
    assert counts(tmp_path / "set") == counts(tmp_path / "set/inner")


def test_the_end_of_a_path_must_say_more_than_images(tmp_path: Path) -> None:
    """Else validation would be all images."""
    root = plain(tmp_path / "set", page=PAGE.replace("images/val", "/content/elsewhere/images"))
    assert error_of(DataError, counts, root, match="val").where == root / "data.yaml"


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    root = plain(tmp_path / "set", page=f"{PAGE}test: ../test/images\n")
    assert found(root) == {rules.NO_SPLIT.code: 1}
    with pytest.raises(UsageError, match="test"):
        convert(root, tmp_path / "out", format="coco", splits=("test",), progress=Silent())
    (root / "images/val").rename(root / "images/other")
    assert "images" in (error_of(DataError, counts, root, match="val").hint or "")


# Several polygons


@pytest.mark.parametrize("format", ["yolo"])
def test_an_item_of_several_polygons_keeps_its_box(format: str, tmp_path: Path) -> None:
    parts = [[10, 10, 30, 10, 30, 30, 10, 30], [60, 40, 70, 40, 70, 55, 60, 55], [12, 12, 20, 12, 20, 20]]
    items = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 60, 45], "segmentation": parts},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [5, 5, 70, 50], "segmentation": parts[:1]},
    ]
    picture(tmp_path / "set/images/1.jpg")
    images = [{"id": 1, "file_name": "1.jpg", "width": 80, "height": 60}]
    page = {"images": images, "annotations": items, "categories": [{"id": 1, "name": "dog"}]}
    text(tmp_path / "set/train.json", json.dumps(page))
    done = converted(tmp_path / "set", format, task="segment")
    assert done.splits["train"].dropped == {"box": 1}, "the second box is not that of its polygon"
    joined, other = next(iter(converters.read(format, tmp_path / f"set-{format}"))).objects
    assert joined.box == Box(10, 10, 70, 55)
    assert other.box == Box(10, 10, 30, 30)


TAKEN: dict[str, tuple[Callable[[Path], object], int]] = {
    "labels": (lambda root: shutil.rmtree(root / "labels"), 3),
    "images": (lambda root: shutil.rmtree(root / "images"), 3),
    "labels of a split": (lambda root: shutil.rmtree(root / "labels/val"), 3),
    "images of a split": (lambda root: shutil.rmtree(root / "images/val"), 3),
    "names": (lambda root: (root / "data.yaml").unlink(), 3),
    "images called otherwise": (lambda root: (root / "images").rename(root / "pictures"), 3),
    "labels called otherwise": (lambda root: (root / "labels").rename(root / "Labels2"), 0),
    "split called otherwise": (lambda root: (root / "labels/train").rename(root / "labels/training"), 0),
    "one label file": (lambda root: (root / "labels/train/train0.txt").unlink(), 0),
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_taken_away_or_moved_is_no_quiet_loss(what: str, tmp_path: Path) -> None:
    root = plain(tmp_path / "set")
    take, code = TAKEN[what]
    take(root)
    if code:
        assert error_of(TltpipeError, counts, root).exit_code == code
    else:
        assert sum(items for _, items in counts(root).values()) == len(list(root.rglob("*.txt")))
