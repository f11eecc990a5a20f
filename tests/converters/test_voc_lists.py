"""Which pictures of a VOC data set are in which split: lists, years, folders of other programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.partition import work
from tltpipe.errors import DataError
from tltpipe.progress import Silent


def ids(sets: Any, source: str = "") -> dict[str, list[str]]:
    """The names of the samples in each split."""
    return {name: [each.id for each in data] for name, data in converters.splits(sets.root / source, "voc")[1].items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"trainval": "a b", "test": "c"}, {"train": ["a", "b"], "test": ["c"]}),
        ({"trainval": "a b c"}, {"train": ["a", "b", "c"]}),
        (
            {"trainval": "a b", "train": "a", "val": "b", "test": "c"},
            {"train": ["a"], "validation": ["b"], "test": ["c"]},
        ),
        ({"trainval": "a b", "val": "b", "test": "c"}, {"train": ["a"], "validation": ["b"], "test": ["c"]}),
        ({"trainval": "a b", "train": "a", "test": "c"}, {"train": ["a"], "validation": ["b"], "test": ["c"]}),
        ({"trainval": "a b", "train": "a b", "test": "c"}, {"train": ["a", "b"], "test": ["c"]}),
        ({"Train": "a b", "Valid": "c"}, {"train": ["a", "b"], "validation": ["c"]}),
        ({"training": "a", "validation": "b", "testing": "c"}, {"train": ["a"], "validation": ["b"], "test": ["c"]}),
        ({"train": "a b c", "cat_train": "a", "cat_trainval": "a b", "cat_val": "b"}, {"train": ["a", "b", "c"]}),
        ({"train": "a b c", "val": ""}, {"train": ["a", "b", "c"]}),
        ({"cat_train": "a"}, {"train": ["a", "b", "c"]}),
        ({"train": "a.jpg JPEGImages/b.jpg c"}, {"train": ["a", "b", "c"]}),
    ],
)
def test_lists_and_their_splits(names: dict[str, str], expected: dict[str, list[str]], sets: Any) -> None:
    sets.voc("", "a b c")
    sets.lists("", **names)
    assert ids(sets) == expected
    made = sets.convert()
    assert made.counts == {name: (len(each), len(each)) for name, each in expected.items()}
    assert made.codes == {}


def test_lists_of_one_split_are_an_error(sets: Any) -> None:
    sets.voc("", "a b")
    sets.lists("", val="a", validation="b")
    with pytest.raises(DataError, match="validation"):
        ids(sets)


@pytest.mark.parametrize("names", [{"train": "a"}, {"train": "a", "minitrain": "b c"}, {"test": "a"}])
def test_files_that_no_list_names_are_counted_once(names: dict[str, str], sets: Any) -> None:
    sets.voc("", "a b c")
    sets.lists("", **names)
    made = sets.convert()
    (told,) = (found for split in made.done.splits.values() for found in split.findings)
    assert (told.rule.code, told.count) == ("F113", 2)
    assert made.done.losses.missing == (2, 2)
    assert told.examples[0].endswith("b.xml")


def test_unlisted_files_are_told_by_a_split_too(sets: Any, tmp_path: Any) -> None:
    sets.voc("", "a b c d")
    sets.lists("", train="a b", val="c")
    done = work.split(sets.root, tmp_path / "sides", pool=True, progress=Silent())
    assert [found.count for side in done.splits.values() for found in side.findings if found.rule.code == "F113"] == [1]


def devkit(sets: Any) -> None:
    """Two years of the devkit."""
    sets.voc("VOC2007", "000001 000002 000003")
    sets.lists("VOC2007", trainval="000001 000002", test="000003")
    sets.voc("VOC2012", "2008_000001 2008_000002")
    sets.lists("VOC2012", train="2008_000001", val="2008_000002", trainval="2008_000001 2008_000002")


def test_years_are_put_together_by_their_lists(sets: Any) -> None:
    devkit(sets)
    assert ids(sets) == {
        "train": [f"VOC2007/JPEGImages/{name}" for name in ("000001", "000002")] + ["VOC2012/JPEGImages/2008_000001"],
        "validation": ["VOC2012/JPEGImages/2008_000002"],
        "test": ["VOC2007/JPEGImages/000003"],
    }
    made = sets.convert()
    assert made.counts == {"train": (3, 3), "validation": (1, 1), "test": (1, 1)}
    assert made.codes == {}
    box = [("cat", [10, 10, 30, 20])]
    assert list(made.boxes().values()) == [box, box, box]
    assert len(list((made.target / "images/train").rglob("*.jpg"))) == 3


def test_one_year_alone_has_the_names_of_its_pictures(sets: Any) -> None:
    sets.voc("VOC2007", "a b")
    sets.lists("VOC2007", trainval="a", test="b")
    assert ids(sets) == ids(sets, "VOC2007") == {"train": ["a"], "test": ["b"]}


def test_years_of_the_same_names_stay_apart(sets: Any) -> None:
    for year in ("VOC2007", "VOC2012"):
        sets.voc(year, "a")
        sets.lists(year, train="a")
    made = sets.convert(format="kitti")
    assert made.counts == {"train": (2, 2)}
    assert len(list(made.target.rglob("a.txt"))) == 2


def test_years_tell_what_no_list_names(sets: Any) -> None:
    devkit(sets)
    sets.voc("VOC2012", "extra")
    assert sets.convert().codes == {"F113": 1}


def test_a_list_and_a_folder_of_one_split_are_an_error(sets: Any) -> None:
    devkit(sets)
    sets.voc("test", "other")
    with pytest.raises(DataError, match="test"):
        ids(sets)


@pytest.mark.parametrize(
    ("labels", "images"),
    [("labels", "data"), ("annotations", "images"), ("Annotations", "Images"), ("xmls", "images"), ("Annotations", "")],
)
def test_folders_of_other_programs(labels: str, images: str, sets: Any) -> None:
    sets.voc("", "a b", labels=labels, images=images)
    assert ids(sets) == {"train": ["a", "b"]}
    assert converters.splits(sets.root)[0] == "voc"


def test_fiftyone_with_splits(sets: Any) -> None:
    sets.voc("train", "a", labels="labels", images="data")
    sets.voc("val", "b", labels="labels", images="data")
    assert ids(sets) == {"train": ["a"], "validation": ["b"]}


def test_files_in_folders_and_pictures_in_one(sets: Any) -> None:
    for name in ("x/a", "y/b"):
        sets.page(f"Annotations/{name}.xml", f"{name[2:]}.jpg")
        sets.picture(f"JPEGImages/{name[2:]}.jpg")
    made = sets.convert()
    assert made.counts == {"train": (2, 2)}
    assert set(made.boxes()) == {"a.jpg", "b.jpg"}
    assert made.codes == {"F111": 2}


def test_a_page_of_another_folder_finds_its_own_picture(sets: Any) -> None:
    """<folder> and <filename> of the machine where it was drawn."""
    sets.picture("JPEGImages/a.jpg")
    sets.page("Annotations/a.xml", "C:\\elsewhere\\b.jpg")
    assert list(sets.convert().boxes()) == ["a.jpg"]


def test_pictures_that_are_missing_altogether(sets: Any) -> None:
    sets.page("Annotations/a.xml", "a.jpg")
    assert error_of(DataError, sets.convert).code == "F101"


def test_what_is_written_is_read_again(sets: Any) -> None:
    devkit(sets)
    made = sets.convert(format="voc")
    again = sets.convert(made.target)
    assert again.counts == made.counts
    page = json.loads((again.target / "annotations/instances_train.json").read_text())
    assert [each["bbox"] for each in page["annotations"]] == [[10, 10, 30, 20]] * 3


def test_extensions_in_upper_case(sets: Any) -> None:
    sets.voc("", "a b")
    sets.lists("", trainval="a", test="b")
    for path in (sets.root / "Annotations/a.xml", sets.root / "ImageSets/Main/test.txt"):
        path.rename(path.with_suffix(path.suffix.upper()))
    assert sets.convert().counts == {"train": (1, 1), "test": (1, 1)}
