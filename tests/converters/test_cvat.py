"""CVAT XML for images: every shape, subsets as splits, where images lie, and XML that means harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.model import Box, Sample, rules
from converters.model.findings import Findings
from converters.model.run_lengths import decode
from tltpipe.errors import DataError

BOX = '<box label="vest" occluded="0" xtl="1" ytl="2" xbr="30" ybr="40"/>'


def page(*images: str, meta: str = "") -> str:
    return f"<annotations>\n<version>1.1</version>\n<meta>{meta}</meta>\n" + "\n".join(images) + "\n</annotations>\n"


def image(name: str, *shapes: str, more: str = 'width="100" height="80"') -> str:
    return f'<image id="0" name="{name}" {more}>\n' + "\n".join(shapes) + "\n</image>"


def samples(root: Path, split: str = "train") -> list[Sample]:
    return list(converters.read("cvat", root, split))


def failure(root: Path) -> DataError:
    return error_of(DataError, samples, root)


def test_every_shape(tmp_path: Path, handmade: Mapping[str, Callable[[Path], None]]) -> None:
    handmade["cvat"](tmp_path)
    format, splits = converters.splits(tmp_path)
    dataset = splits["train"]
    assert (format, list(splits), dataset.categories) == (
        "cvat",
        ["train"],
        ("vest", "skirt"),
    )  # as the file lists them
    findings = Findings()
    first, second = (dataset.pictures.load(key, findings) for key in dataset.pictures.keys())  # noqa: SIM118
    assert (first.id, Path(first.image), first.width, first.height) == ("1", tmp_path / "images/1.jpg", 100, 80)
    assert [(thing.category, thing.box, thing.origin) for thing in first.objects] == [
        ("skirt", Box(1.5, 2, 30, 40), 9),
        ("vest", Box(45, 15, 55, 35), 11),  # turned by a quarter
        ("vest", Box(10, 10, 20, 30), 12),
        ("skirt", Box(5, 6, 8, 8), 13),
        ("skirt", Box(40, 35, 60, 45), 14),
    ]
    box, turned, polygon, mask, _ = first.objects
    assert (box.occlusion, turned.occlusion, box.extra) == (1, 0, {"z_order": 2, "age": 12})
    assert turned.polygons == ((55, 15, 55, 35, 45, 35, 45, 15),)
    assert polygon.polygons == ((10, 10, 20, 10, 20, 30),)
    assert mask.mask is not None
    assert decode(mask.mask)[6:8, 5:8].tolist() == [[0, 1, 1], [1, 0, 0]]  # row by row
    assert (second.id, second.objects) == ("2", ())
    assert [(found.rule, found.count) for found in findings] == [(rules.NO_BOX, 2)]


def test_a_turned_box_and_an_ellipse_end_at_the_edge(files: Any) -> None:
    files.picture("images/1.jpg")
    turned = '<box label="vest" xtl="0" ytl="30" xbr="20" ybr="50" rotation="45"/>'
    round_one = '<ellipse label="vest" cx="95" cy="40" rx="10" ry="5"/>'
    files.text("annotations.xml", page(image("1.jpg", turned, round_one)))
    ((one, other),) = (sample.objects for sample in samples(files.root))
    assert (one.box.left, other.box) == (0, Box(85, 35, 100, 45))


def test_a_cuboid_is_the_box_around_its_corners(files: Any) -> None:
    files.picture("images/1.jpg")
    corners = {"tl1": (1, 1), "bl1": (1, 10), "tr1": (9, 2), "br1": (9, 11)} | {
        **{"tl2": (3, 0), "bl2": (3, 9), "tr2": (11, 1), "br2": (11, 10)}
    }
    words = " ".join(f'x{name}="{x}" y{name}="{y}"' for name, (x, y) in corners.items())
    files.text("annotations.xml", page(image("1.jpg", f'<cuboid label="vest" {words}/>')))
    ((thing,),) = (sample.objects for sample in samples(files.root))
    assert thing.box == Box(1, 0, 11, 11)


TASKS = (
    "<project><tasks><task><id>1</id><subset>Train</subset></task><task><id>2</id><subset>Validation</subset></task>"
    "</tasks><labels><label><name>vest</name></label><label><name>leg</name><parent>vest</parent></label></labels></project>"
)


@pytest.mark.parametrize("named", [True, False])
def test_subsets_are_splits(files: Any, named: bool) -> None:
    """By the subset of each image, or of its task; images of one name in two subsets are two."""
    files.picture("images/Train/1.jpg", "images/Validation/1.jpg", "images/Validation/2.jpg")
    size = 'width="100" height="80"'
    of = [f'{size} subset="{s}"' if named else f'{size} task_id="{n}"' for n, s in ((1, "Train"), (2, "Validation"))]
    images = [image("1.jpg", BOX, more=of[0]), image("1.jpg", more=of[1]), image("2.jpg", BOX, BOX, more=of[1])]
    files.text("annotations.xml", page(*images, meta=TASKS))
    splits = converters.splits(files.root)[1]
    found = {name: [(s.id, len(s.objects)) for s in dataset] for name, dataset in splits.items()}
    assert found == {"train": [("1", 1)], "validation": [("1", 0), ("2", 2)]}
    assert splits["validation"].categories == ("vest",)
    assert {Path(sample.image).parent.name for sample in splits["validation"]} == {"Validation"}


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        ("images/1.jpg", "1.jpg"),
        ("1.jpg", "1.jpg"),
        ("data/1.jpg", "1.jpg"),
        ("images/deep/er/1.jpg", "deep/er/1.jpg"),
        ("images/1.jpg", "C:\\somebody\\1.jpg"),
        ("images/1.jpg", "elsewhere/1.jpg"),
        ("images/1.jpg", "../../1.jpg"),
    ],
)
def test_where_the_image_lies(files: Any, picture: str, name: str) -> None:
    files.picture(picture)
    files.text("labels.xml" if "data" in picture else "annotations.xml", page(image(name, BOX)))
    assert [(Path(sample.image), len(sample.objects)) for sample in samples(files.root)] == [(files.root / picture, 1)]


def test_one_file_a_folder(files: Any) -> None:
    for split in ("train", "val"):
        files.picture(f"{split}/images/1.jpg")
        files.text(f"{split}/annotations.xml", page(image("1.jpg", BOX)))
    assert list(converters.splits(files.root)[1]) == ["train", "validation"]


def test_many_images_across_the_blocks_that_are_read(files: Any) -> None:
    names = [f"{number}.jpg" for number in range(300)]
    files.picture(*(f"images/{name}" for name in names))
    padding = f"<!-- {'-x' * 4000} -->"
    files.text("annotations.xml", page(*(image(name, BOX, padding) for name in names)))
    found = samples(files.root)
    assert [sample.id for sample in found] == [name[:-4] for name in names]
    assert {tuple(thing.box for thing in sample.objects) for sample in found} == {(Box(1, 2, 30, 40),)}
    assert [sample.objects[0].origin for sample in found[:2]] == [5, 9]


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        ('<box label="vest" xtl="1" ytl="2" xbr="x" ybr="40"/>', "xbr"),
        ('<box label="vest" xtl="1" ytl="2" xbr="3"/>', "ybr"),
        ('<box xtl="1" ytl="2" xbr="3" ybr="4"/>', "label"),
        ('<polygon label="vest" points="1,2;3,4"/>', "three points"),
        ('<mask label="vest" rle="1,2" left="0" top="0" width="2" height="2"/>', "fill"),
        ('<mask label="vest" rle="4" left="99" top="0" width="2" height="2"/>', "lie on the image"),
        ('<mask label="vest" rle="4" left="0" top="0" width="2" height="2"/>', "empty"),
    ],
)
def test_a_shape_that_cannot_be(files: Any, shape: str, word: str) -> None:
    files.picture("images/1.jpg")
    path = files.text("annotations.xml", page(image("1.jpg", BOX, shape)))
    problem = failure(files.root)
    assert str(problem.where).startswith(f"{path}:6:")
    assert word in problem.what


def test_the_recorded_size_is_passed_on(files: Any) -> None:
    """Whoever writes holds it against the image."""
    files.picture("images/1.jpg", "images/2.jpg")
    images = image("1.jpg", more='width="50" height="40"'), image("2.jpg", more="")
    files.text("annotations.xml", page(*images))
    assert [(sample.width, sample.height) for sample in samples(files.root)] == [(50, 40), (100, 80)]


def test_what_is_wrong_has_its_rule(files: Any) -> None:
    files.picture("twice/images/1.jpg", "missing/images/1.jpg", "names/images/1.jpg")
    files.text("twice/annotations.xml", page(image("1.jpg", BOX), image("1.jpg")))
    files.text("missing/annotations.xml", page(image("2.jpg", BOX)))
    files.text("names/annotations.xml", page(image("1.jpg", BOX)))
    files.text("names/classes.txt", "skirt\n")
    codes = {name: failure(files.root / name).code for name in ("twice", "missing", "names")}
    wanted = {"twice": rules.SAME_NAME, "missing": rules.NO_PICTURE}
    assert codes == {name: rule.code for name, rule in (wanted | {"names": rules.UNKNOWN_CLASS}).items()}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('<!DOCTYPE annotations [<!ENTITY a "b">]>\n' + page(image("1.jpg", BOX)), "document type"),
        (page(image("1.jpg", BOX))[:150], "not valid XML"),
        (page('<track id="0" label="vest"><box frame="0"/></track>'), "video"),
        ("<?xml version='1.0' encoding='utf-16'?>\n" + page(image("1.jpg", BOX)), "encoding"),
        (page("<x>" * 100 + "</x>" * 100), "nested too deep"),
    ],
)
def test_files_that_are_refused(files: Any, text: str, word: str) -> None:
    files.picture("images/1.jpg")
    path = files.text("annotations.xml", text)
    problem = failure(files.root)
    assert str(path) in str(problem.where)
    assert word in problem.what


def test_every_file_of_a_folder_is_read(files: Any) -> None:
    files.picture("images/a.jpg", "images/b.jpg", "images/c.jpg")
    for name, stem in (("task_1", "a"), ("task_2", "b"), ("job_val", "c")):
        files.text(f"{name}.xml", page(image(f"{stem}.jpg", BOX)))
    datasets = converters.splits(files.root, "cvat")[1]
    assert {name: [sample.id for sample in dataset] for name, dataset in datasets.items()} == {
        "validation": ["c"],
        "task_1": ["a"],
        "task_2": ["b"],
    }


def test_two_files_with_one_subset(files: Any) -> None:
    files.picture("images/a.jpg", "images/b.jpg")
    for stem in "ab":
        files.text(f"{stem}.xml", page(image(f"{stem}.jpg", BOX, more='subset="Train" width="100" height="80"')))
    with pytest.raises(DataError, match="train split"):
        converters.splits(files.root, "cvat")


def test_two_names_of_one_image(files: Any) -> None:
    """Written under one name, the labels of one would replace those of the other."""
    files.picture("images/A.jpg")
    files.text("annotations.xml", page(image("a.jpg", BOX)))
    assert [sample.id for sample in samples(files.root)] == ["A"]
    files.text("annotations.xml", page(image("a.jpg", BOX), image("A.JPG", BOX)))
    assert failure(files.root).code == rules.NO_PICTURE.code
