"""LabelMe's files: which shapes are boxes, where the image lies, where splits are, and errors with their file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.formats import labelme
from converters.model import Box, Sample, rules
from converters.model.findings import Findings
from converters.model.run_lengths import area
from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.progress import Silent

RECTANGLE = ("rectangle", (30, 40), (10, 20))


def samples(root: Path, split: str = "train") -> list[Sample]:
    return list(converters.read("labelme", root, split))


def failure(root: Path) -> DataError:
    return error_of(DataError, samples, root)


def test_every_shape(tmp_path: Path, handmade: Mapping[str, Callable[[Path], None]]) -> None:
    handmade["labelme"](tmp_path)
    format, splits = converters.splits(tmp_path)
    dataset = splits["train"]
    assert (format, list(splits), dataset.categories) == ("labelme", ["train"], ("skirt", "vest"))
    findings = Findings()
    first, second = (dataset.pictures.load(key, findings) for key in dataset.pictures.keys())  # noqa: SIM118
    assert (first.id, Path(first.image), first.width, first.height) == ("1", tmp_path / "train/1.jpg", 100, 80)
    boxes = [(thing.category, thing.box) for thing in first.objects]
    assert boxes == [
        ("vest", Box(10, 20, 30, 40)),  # corners in any order
        ("vest", Box(1, 1, 50, 20)),  # two polygons of one group
        ("skirt", Box(40, 30, 60, 50)),  # a circle: its middle and a point on it
        ("skirt", Box(5, 6, 9, 9)),  # a mask
    ]
    joined, circle, mask = first.objects[1:]
    assert joined.polygons == ((1, 1, 20, 1, 20, 20), (30, 1, 50, 1, 50, 20))
    assert joined.extra == {"group_id": 1, "hard": 1}
    assert len(circle.polygons[0]) == 128
    assert mask.mask is not None
    assert area(mask.mask) == 12
    assert second.objects == ()
    ((rule, count),) = ((found.rule, found.count) for found in findings)
    assert (rule, rule.loses, count) == (rules.NO_BOX, "items", 1)


def test_a_circle_is_cut_off_at_the_edge_of_the_image(files: Any) -> None:
    files.picture("1.jpg")
    files.labelme("1.json", files.shape("vest", "circle", (5, 40), (15, 40)))
    ((thing,),) = (sample.objects for sample in samples(files.root))
    assert thing.box == Box(0, 30, 15, 50)


@pytest.mark.parametrize("kind", [None, "polygon"])
def test_a_shape_without_a_kind_is_a_polygon_and_labels_may_be_numbers(files: Any, kind: str | None) -> None:
    files.picture("1.jpg")
    files.labelme("1.json", files.shape(7, kind, (1, 2), (30, 4), (5, 50)))
    ((thing,),) = (sample.objects for sample in samples(files.root))
    assert (thing.category, thing.box, thing.polygons) == ("7", Box(1, 2, 30, 50), ((1, 2, 30, 4, 5, 50),))


def test_regions_to_ignore(files: Any) -> None:
    files.picture("1.jpg")
    files.labelme("1.json", files.shape("vest", *RECTANGLE), files.shape("__ignore__", "rectangle", (50, 50), (60, 70)))
    dataset = converters.read("labelme", files.root)
    (sample,) = dataset
    assert (dataset.categories, len(sample.objects), sample.ignored) == (("vest",), 1, (Box(50, 50, 60, 70),))


def test_polygons_of_other_groups_or_labels_stay_apart(files: Any) -> None:
    ring = ((1, 2), (30, 4), (5, 50))
    files.picture("1.jpg")
    groups = [("a", 1), ("a", 2), ("b", 1), ("a", None), ("a", None), ("a", 1)]
    files.labelme("1.json", *(files.shape(name, "polygon", *ring, group_id=group) for name, group in groups))
    ((*things,),) = (sample.objects for sample in samples(files.root))
    assert [(thing.category, len(thing.polygons)) for thing in things] == [
        *(("a", 2), ("a", 1), ("b", 1), ("a", 1), ("a", 1))
    ]


@pytest.mark.parametrize(
    ("image", "page", "told"),
    [
        ("1.jpg", "1.json", "1.jpg"),
        ("1.jpg", "1.json", "renamed since.jpg"),
        ("images/x.jpg", "labels/one.json", "..\\images\\x.jpg"),
        ("images/x.jpg", "labels/one.json", "C:\\somebody\\x.jpg"),
        ("images/deep/x.jpg", "labels/one.json", "x.jpg"),
        ("deep/er/1.jpg", "deep/er/1.json", "1.jpg"),
        ("sub/x.PNG", "sub/y.json", "x.PNG"),
    ],
)
def test_where_the_image_lies(files: Any, image: str, page: str, told: str) -> None:
    files.picture(image)
    files.labelme(page, files.shape("vest", *RECTANGLE), image=told)
    (sample,) = samples(files.root)
    assert Path(sample.image) == files.root / image
    assert [thing.box for thing in sample.objects] == [Box(10, 20, 30, 40)]


@pytest.mark.parametrize("turned", [False, True])
def test_splits(files: Any, turned: bool) -> None:
    for split, count in (("train", 1), ("Valid", 2), ("test", 3)):
        image, page = (
            (f"images/{split}/1.jpg", f"labels/{split}/1.json") if turned else (f"{split}/1.jpg", f"{split}/1.json")
        )
        files.picture(image)
        files.labelme(page, *(files.shape("vest", "rectangle", (1, 1), (20 + n, 20)) for n in range(count)))
    found = {name: [len(s.objects) for s in dataset] for name, dataset in converters.splits(files.root)[1].items()}
    assert found == {"train": [1], "validation": [2], "test": [3]}


def test_files_beside_the_folders_of_splits_are_a_split_of_their_own(files: Any) -> None:
    for stem in ("train/1", "2"):
        files.picture(f"{stem}.jpg")
        files.labelme(f"{stem}.json", files.shape("vest", *RECTANGLE))
    found = {name: [sample.id for sample in dataset] for name, dataset in converters.splits(files.root)[1].items()}
    assert found == {"train": ["1"], "unassigned": ["2"]}


def test_an_image_inside_the_json_is_passed_over(files: Any) -> None:
    files.picture("1.jpg")
    page = {"imageData": "A" * 100_000, "imageHeight": 80, "imagePath": "1.jpg", "imageWidth": 100}
    files.text("1.json", json.dumps({**page, "shapes": [files.shape("vest", *RECTANGLE)]}))
    assert [len(sample.objects) for sample in samples(files.root)] == [1]


def test_an_image_annotated_as_exif_shows_it(files: Any) -> None:
    path = files.root / "1.jpg"
    files.root.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 100)).save(path, exif=exif)
    files.labelme("1.json", files.shape("vest", *RECTANGLE))
    (sample,) = samples(files.root)
    assert (sample.width, sample.height) == (100, 80)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(1, 2), (3, 4)], "polygon of 2 points"),
        ([(1, 2), (3, 4), (5, "x")], "pixels"),
        ([(1, 2), (3, 4), (5, 1e9)], "pixels"),
        ([(1, 2), (3, 4), (5,)], "list of"),
    ],
)
def test_a_shape_that_cannot_be(files: Any, points: list[Any], words: str) -> None:
    files.picture("1.jpg")
    path = files.labelme("1.json", files.shape("a", *RECTANGLE), files.shape("vest", "polygon", *points))
    problem = failure(files.root)
    assert problem.where == path
    assert problem.what.startswith("shape 2: ")
    assert words in problem.what


def test_what_is_wrong_has_its_rule(files: Any) -> None:
    files.picture("bare/1.jpg", "bare/2.jpg", "twice/1.jpg")
    files.labelme("bare/1.json")
    files.labelme("missing/1.json", files.shape("vest", *RECTANGLE), imageData="AAAA")
    files.labelme("twice/1.json")
    files.labelme("twice/copy.json", image="1.jpg")
    codes = {name: failure(files.root / name).code for name in ("bare", "missing", "twice")}
    wanted = {"bare": rules.NO_ANNOTATIONS, "missing": rules.NO_PICTURE}
    assert codes == {name: rule.code for name, rule in (wanted | {"twice": rules.SAME_NAME}).items()}
    assert "imageData" in str(failure(files.root / "missing").hint)


def test_the_recorded_size_is_passed_on(files: Any) -> None:
    """Whoever writes holds it against the image."""
    files.picture("1.jpg", "2.jpg")
    files.labelme("1.json", imageWidth=50, imageHeight=40)
    files.labelme("2.json", imageWidth=None)
    assert [(sample.width, sample.height) for sample in samples(files.root)] == [(50, 40), (100, 80)]


def test_broken_json_names_line_and_column(files: Any) -> None:
    files.picture("1.jpg")
    path = files.text("1.json", '{"shapes": [\n  }')
    assert str(failure(files.root)).startswith(f"{path}:2:3: ")


def test_a_class_that_the_class_map_lacks(files: Any) -> None:
    files.picture("1.jpg")
    files.labelme("1.json", files.shape("vest", *RECTANGLE))
    files.text("classes.txt", "skirt\n")
    assert failure(files.root).code == rules.UNKNOWN_CLASS.code


def test_other_json_files_are_passed_over(files: Any) -> None:
    files.picture("1.jpg")
    files.labelme("1.json")
    files.text("settings.json", '{"theme": "dark"}')
    assert [sample.id for sample in samples(files.root)] == ["1"]
    assert labelme.find(files.root).keys() == {"train"}


def test_to_coco(tmp_path: Path, handmade: Mapping[str, Callable[[Path], None]]) -> None:
    handmade["labelme"](tmp_path / "in")
    convert(tmp_path / "in", tmp_path / "out", format="coco", progress=Silent())
    page = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    names = {entry["id"]: entry["name"] for entry in page["categories"]}
    assert [(names[each["category_id"]], each["bbox"]) for each in page["annotations"]] == [
        ("vest", [10, 20, 20, 20]),
        ("vest", [1, 1, 49, 19]),
        ("skirt", [40, 30, 20, 20]),
        ("skirt", [5, 6, 4, 3]),
    ]
