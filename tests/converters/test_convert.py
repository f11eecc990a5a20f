"""Converting as a whole: where it may write, what it tells, which ids come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.transfer.convert import Converted, convert
from converters.transfer.selection import Selection
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent


@pytest.fixture
def data(maker: Any) -> Path:
    train = maker.split(maker.page(maker.item(9), maker.item(1)), maker.page(maker.item(8)))
    maker.split(maker.page(maker.item(9)), name="validation")
    return Path(train.parent)


def run(source: Path, target: Path, format: str, **options: Any) -> Converted:
    return convert(source, target, format=format, progress=Silent(), **options)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["", "..", "train/image", "train/annos/inside"])
def test_never_writes_over_or_into_what_it_reads(data: Path, place: str) -> None:
    before = tree(data)
    with pytest.raises(UsageError, match="that it is made of"):
        run(data, data / place, "coco", replace=True)
    assert tree(data) == before


def test_a_folder_with_something_in_it_is_left_alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("there") / "out"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        run(data, target, "kitti", splits=["train"])
    run(data, target, "kitti", replace=True)
    assert (target / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("before", ["coco", "csv", "kitti", "open_images", "tfrecord", "voc", "yolo"])
@pytest.mark.parametrize("after", ["kitti", "tfrecord", "voc", "yolo"])
def test_nothing_is_left_of_what_is_replaced(
    before: str, after: str, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Old splits beside new ones would be read with them, by another class map."""
    out = tmp_path_factory.mktemp("out")
    chosen: dict[str, Any] = {"splits": ["train"], "selection": Selection(classes=("skirt",))}
    run(data, out / "one", before)
    (out / "one/left-out.txt").write_text("old")
    (out / "one/mine.txt").write_text("mine")
    run(data, out / "one", after, replace=True, **chosen)
    run(data, out / "new", after, **chosen)
    assert tree(out / "one") == tree(out / "new") | {"mine.txt": b"mine"}


def test_pictures_stay_where_none_are_written_or_they_are_read(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    run(data, out / "one", "yolo")
    run(data, out / "one", "kitti", replace=True, pictures="none")
    assert len(list((out / "one/images").rglob("*.jpg"))) == len(list(data.rglob("*.jpg")))
    assert not (out / "one/labels").exists()


def test_ids_come_from_the_class_map_in_every_format(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("out")
    chosen = Selection(classes=("trousers", "skirt"), rename={"short_sleeved_shirt": "skirt"})
    run(data, out / "coco", "coco", selection=chosen, splits=["train"])
    run(out / "coco", out / "yolo", "yolo")
    run(out / "yolo", out / "kitti", "kitti")
    run(out / "kitti", out / "again", "coco")
    for folder in ("coco", "yolo", "kitti", "again"):
        assert (out / folder / "classes.txt").read_text() == "trousers\nskirt\n"
    assert [line.split()[0] for line in (out / "yolo/labels/train/000002.txt").read_text().splitlines()] == ["0"]
    pages = [json.loads((out / name / "annotations/instances_train.json").read_text()) for name in ("coco", "again")]
    ids = [[(each["image_id"], each["category_id"], each["bbox"]) for each in page["annotations"]] for page in pages]
    assert ids[0] == ids[1]
    assert [each[1] for each in ids[0]] == [2, 2, 1]


def test_another_numbering_is_an_error_in_its_line(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("out")
    run(data, out / "yolo", "yolo")
    listed = (out / "yolo/classes.txt").read_text().splitlines()
    (out / "yolo/classes.txt").write_text("\n".join([listed[1], listed[0], *listed[2:]]))
    error = error_of(DataError, run, out / "yolo", out / "kitti", "kitti", match=r"classes.txt:1: class 1 is")
    assert error.code == "C604"


def test_what_is_lost_is_counted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run(data, tmp_path_factory.mktemp("out") / "kitti", "kitti")
    train = done.splits["train"]
    assert done.source_format == "deepfashion2"
    assert train.dropped == {"polygons": 3, "keypoints": 3, "pair_id": 3, "style": 3, "extra": 3, "source": 2}
    with pytest.raises(DataError, match="all of validation is lost"):
        run(data, tmp_path_factory.mktemp("none") / "kitti", "kitti", selection=Selection(classes=("trousers",)))


def test_a_richer_format_is_believed_where_two_lie_together(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path.parent / "labels", "kitti")
    for split in ("train", "validation"):
        (tmp_path.parent / "labels" / split / "label_2").rename(data / split / "label")
    assert converters.splits(data)[0] == "deepfashion2"
    assert converters.splits(data, "kitti")[0] == "kitti"


def test_a_picture_that_has_no_other_name_is_never_taken_away(data: Path, tmp_path_factory: Any) -> None:
    out = tmp_path_factory.mktemp("out") / "there"
    run(data, out, "yolo")
    own = out / "images" / "validation" / "mine.jpg"
    own.write_bytes(b"\xff\xd8\xff an only copy")
    linked = out / "images" / "validation" / "000001.jpg"
    assert linked.exists()
    run(data, out, "yolo", replace=True, splits=["train"])
    assert own.read_bytes().endswith(b"copy")
    assert not linked.exists()
