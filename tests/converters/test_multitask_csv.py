"""TAO's multi-task CSV: one value of each task a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from refusals import error_of

import converters
from converters.model import Box
from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.progress import Silent


@pytest.fixture
def root(tmp_path: Path, handmade: Mapping[str, Callable[[Path], None]]) -> Path:
    handmade["multitask_csv"](tmp_path / "set")
    return tmp_path / "set"


def test_an_image_is_one_object_with_the_values_of_all_tasks(root: Path) -> None:
    format, found = converters.splits(root)
    assert (format, list(found)) == ("multitask_csv", ["train", "validation"])
    assert found["train"].categories == ("Navy Blue", "Red")
    samples = list(found["train"])
    assert [sample.id for sample in samples] == ["1", "sub/2"]
    things = [sample.objects[0] for sample in samples]
    assert [(each.category, each.box) for each in things] == [
        ("Navy Blue", Box(0, 0, 40, 30)),
        ("Red", Box(0, 0, 40, 30)),
    ]
    assert things[1].extra == {"base_color": "Red", "Usage of it": "Formal"}
    assert samples[1].where(things[1]).line == 3


def test_the_values_survive_in_coco(root: Path, tmp_path: Path) -> None:
    convert(root, tmp_path / "coco", format="coco", progress=Silent())
    after = converters.splits(tmp_path / "coco")[1]["train"]
    assert [sample.objects[0].extra for sample in after] == [
        sample.objects[0].extra for sample in converters.splits(root)[1]["train"]
    ]


BROKEN: dict[str, tuple[Callable[[str], str], int, str]] = {
    "a value missing": (lambda text: text.replace("Red,Formal", "Red,"), 3, "missing"),
    "a short row": (lambda text: text.replace("Red,Formal", "Red"), 3, "missing"),
    "a long row": (lambda text: text.replace("Red,Formal", "Red,Formal,x"), 3, "2 tasks"),
    "an image twice": (lambda text: text + "1.jpg,Red,Casual\n", 4, "line 2"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_told_with_its_line(case: str, root: Path) -> None:
    change, line, word = BROKEN[case]
    (root / "train.csv").write_text(change((root / "train.csv").read_text()))
    problem = error_of(DataError, lambda: list(converters.read("multitask_csv", root, "train")))
    assert (problem.where.path, problem.where.line) == (root / "train.csv", line)
    assert word in str(problem)


@pytest.mark.parametrize(
    "text",
    ["filename,class,xmin,ymin,xmax,ymax\n1.jpg,a,1,2,3,4\n", "name,number\na,1\n", "a.jpg\n", "f,a,a\n1.jpg,x,y\n"],
)
def test_other_tables_are_none(text: str, root: Path) -> None:
    from converters.formats import multitask_csv

    (root / "other.csv").write_text(text)
    assert multitask_csv.find(root / "other.csv") == {}
