"""The health check over other formats than COCO, in other layouts, and of data that cannot be opened."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters.health import Report, examine
from converters.health.mending import Mended, mend
from converters.model import rules
from converters.model.findings import Findings
from converters.transfer.convert import convert
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent


def look(path: Path, **options: Any) -> Report:
    return examine(path, progress=Silent(), **options)


def codes(report: Report) -> dict[str, int]:
    return {found.rule.code: found.count for found in report.findings}


def example(report: Report, code: str) -> str:
    return next(found.examples[0] for found in report.findings if found.rule.code == code)


@pytest.fixture
def folder(maker: Any) -> Path:
    """Two DeepFashion2 splits, of which train has nothing wrong with it but what tests put there."""
    for name in ("train", "validation"):
        pages = [maker.page(maker.item(category), maker.item(category + 1)) for category in (7, 9)]
        maker.split(*pages, name=name)
        for number, path in enumerate(sorted((maker.root / name / "image").iterdir())):
            Image.effect_noise((80, 60), 90 + number).convert("RGB").save(path)
    root: Path = maker.root
    return root


def items(path: Path, **changes: Any) -> None:
    """Change the first item of an annotation file."""
    page = json.loads(path.read_text())
    page["item1"] |= changes
    path.write_text(json.dumps(page))


def test_pictures_without_annotations_and_the_other_way_round(folder: Path) -> None:
    (folder / "train/annos/000001.json").unlink()
    (folder / "train/image/000002.jpg").unlink()
    report = look(folder)
    assert {"F101": 1, "F102": 1}.items() <= codes(report).items()
    assert example(report, "F101") == "train/image/000002.jpg: the picture of these annotations is missing"
    assert report.splits["train"].pictures == report.splits["train"].unusable == 2
    assert report.where("F101") == {"train": 1}


def test_the_name_of_a_category_does_not_count(folder: Path, tmp_path: Path) -> None:
    items(folder / "train/annos/000001.json", category_name="sofa")
    before = look(folder)
    assert example(before, "C603") == "train/000001 item1"
    mend(folder, tmp_path / "mended", report=before, progress=Silent())
    assert "C603" not in codes(look(tmp_path / "mended"))


def test_deepfashion2_is_mended_as_coco(folder: Path, tmp_path: Path) -> None:
    items(folder / "train/annos/000001.json", bounding_box=[60, 12, 95, 41])
    items(folder / "validation/annos/000002.json", landmarks=[1, 2])
    (folder / "train/annos/000002.json").write_text("{")
    with pytest.raises(DataError, match="skirt"):  # the only one lies on a picture that is left out
        mend(folder, tmp_path / "mended", progress=Silent())
    done = mend(folder, tmp_path / "mended", allow_loss=True, progress=Silent())
    assert done.losses.read == (4, 6)
    assert done.losses.lost == {
        "left out: annotations that cannot be read": (1, 0),
        "left out: items with a wrong number of landmarks": (1, 2),
    }
    assert (done.source_format, done.format) == ("deepfashion2", "coco")
    assert {name: (split.images, split.skipped) for name, split in done.splits.items()} == {
        "train": (1, 1),
        "validation": (1, 1),
    }
    assert {found.rule.code for found in done.findings} == {"B302"}
    listed = (tmp_path / "mended/left-out.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["000002", "000002"]
    assert "the file is cut off" in listed[0]
    page = json.loads((tmp_path / "mended/annotations/instances_train.json").read_text())
    assert page["annotations"][0]["bbox"] == [60, 12, 20, 29]
    assert not {code for code in codes(look(tmp_path / "mended")) if rules.by_code(code).mended}


def test_a_picture_of_deepfashion2_that_is_no_jpeg_is_stored_anew(folder: Path, tmp_path: Path) -> None:
    picture = folder / "train/image/000001.jpg"
    with Image.open(picture) as image:
        image.save(picture, "PNG")
    before = look(folder)
    assert codes(before)["I206"] == before.splits["train"].unusable == 1
    done = mend(folder, tmp_path / "mended", report=before, progress=Silent())
    assert (done.splits["train"].images, done.splits["train"].skipped) == (2, 0)
    assert {found.rule.code for found in done.findings} == {"I206"}
    assert not {code for code in codes(look(tmp_path / "mended")) if rules.by_code(code).mended}


def test_garments_of_deepfashion2_are_numbered_anew_in_each_split(folder: Path) -> None:
    assert "D705" not in codes(look(folder))


@pytest.mark.parametrize("format", ["coco", "csv", "kitti", "open_images", "tfrecord", "voc", "yolo"])
def test_every_format_is_examined_and_mended_in_itself(format: str, folder: Path, tmp_path: Path) -> None:
    root = tmp_path / format
    convert(folder, root, format=format, progress=Silent())
    report = look(root)
    assert report.format == format
    assert report.items == 8
    assert codes(report).keys() <= {"C602", "K502"}, report.findings
    train = sorted(path for path in root.rglob("*.jpg") if "train" in str(path) or format == "voc")
    assert len(train) >= 2
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(train[0]) as image:
        image.load()
    shutil.copy2(train[1], train[1].with_name("orphan.jpg"))
    train[0].unlink()  # it is a link to the picture that all are made from
    image.save(train[0], exif=exif)
    before = look(root)
    assert codes(before)["I203"] == 1
    assert codes(before).keys() - {"B306", "C602", "K502"} <= {"I203", "F102", "F104", "F115", "D701", "D702"}, (
        before.findings
    )
    done = mend(root, tmp_path / "mended", progress=Silent())
    assert done.format == format
    after = look(tmp_path / "mended")
    assert codes(after).keys() <= {"K502", "B306", "C602", "C605"}, after.findings
    assert after.format == format


def test_boxes_turn_with_their_picture(folder: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder / "train/image/000001.jpg"
    with Image.open(path) as image:
        image.load()
    image.save(path, exif=exif)
    mend(folder, tmp_path / "mended", progress=Silent())
    page = json.loads((tmp_path / "mended/annotations/instances_train.json").read_text())
    assert [page["images"][0][side] for side in ("width", "height")] == [60, 80]
    assert page["annotations"][0]["bbox"] == [60 - 41, 10, 29, 51]
    with Image.open(tmp_path / "mended/images/train/000001.jpg") as upright:
        assert upright.size == (60, 80)
        assert upright.getexif().get(0x0112, 1) == 1
    kept = folder / "train/image/000002.jpg"
    assert (tmp_path / "mended/images/train/000002.jpg").samefile(kept), "what is well is linked"


def test_many_pictures_by_several_processes_are_told_as_by_one(folder: Path) -> None:
    for number in range(3, 260):
        shutil.copy2(folder / "train/annos/000001.json", folder / f"train/annos/{number:06d}.json")
        Image.effect_noise((80, 60), number).convert("RGB").save(folder / f"train/image/{number:06d}.jpg")
        if number % 50 == 0:
            items(folder / f"train/annos/{number:06d}.json", bounding_box=[1, 2, 1, 2])
            (folder / f"train/image/{number - 1:06d}.jpg").unlink()
    (folder / "train/image/000203.jpg").write_bytes((folder / "train/image/000010.jpg").read_bytes())
    one, two = (look(folder, workers=workers) for workers in (1, 2))
    told = [report.as_json()["findings"] for report in (one, two)]
    assert told[0] == told[1]
    assert codes(one) == codes(one) | {"B301": 5, "F101": 5, "D701": 1}
    assert example(one, "D701") == "train/000010 and train/000203"


def test_one_split_that_cannot_be_opened_is_told_with_the_others(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "coco"
    convert(folder, root, format="coco", progress=Silent())
    path = root / "annotations/instances_validation.json"
    path.write_text(path.read_text()[:-200])
    report = look(root, format="coco")
    assert report.closed == ("validation",)
    assert report.splits["train"].pictures == 2
    assert example(report, "F103").startswith("annotations/instances_validation.json")
    assert report.as_json()["splits"]["validation"]["opened"] is False
    with pytest.raises(DataError, match="all of validation is lost"):
        mend(root, tmp_path / "mended", report=report, progress=Silent())
    assert not (tmp_path / "mended").exists()
    done = mend(root, tmp_path / "mended", report=report, allow_loss=True, progress=Silent())
    assert list(done.splits) == ["train"]


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing here"):
        look(tmp_path / "not-there")
    with pytest.raises(UsageError, match="none of the formats"):
        look(tmp_path)


def test_mending_does_not_write_where_something_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/note.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        mend(folder, tmp_path / "full", progress=Silent())
    with pytest.raises(UsageError, match="would replace"):
        mend(folder, folder, progress=Silent())


def test_copies_do_not_travel_to_every_worker(folder: Path) -> None:
    from converters.transfer import opening

    dataset = opening.splits(folder, None)[1]["train"]
    mended = Mended(dataset.pictures, {}, folder, "choice", spare={1: "000001"})
    assert mended.keys() == [(("000001", "jpg"), None), (("000002", "jpg"), "000001")]
    there = pickle.loads(pickle.dumps(mended))
    assert there.spare == {}
    with pytest.raises(DataError, match="same as 000001"):
        there.load(mended.keys()[1], Findings())


Spoil = Callable[[Path], None]


def _grey16(path: Path) -> None:
    import numpy as np

    Image.fromarray(np.linspace(0, 65535, 80 * 60).astype(np.uint16).reshape(60, 80)).save(path)


def _transparent(path: Path) -> None:
    Image.new("RGBA", (80, 60), (10, 200, 30, 0)).save(path)


@pytest.mark.parametrize(
    ("name", "spoil", "pixel"),
    [("000001.png", _grey16, (255, 255, 255)), ("000001.png", _transparent, (10, 200, 30))],
)
def test_pictures_become_rgb_of_8_bits(
    name: str, spoil: Spoil, pixel: tuple[int, int, int], folder: Path, tmp_path: Path
) -> None:
    convert(folder, tmp_path / "kitti", format="kitti", progress=Silent())
    pictures = tmp_path / "kitti/train/image_2"
    (pictures / "000001.jpg").unlink()
    spoil(pictures / name)
    assert codes(look(tmp_path / "kitti"))["I207"] == 1
    mend(tmp_path / "kitti", tmp_path / "mended", progress=Silent())
    with Image.open(tmp_path / "mended/train/image_2" / name) as image:
        assert image.mode == "RGB"
        assert image.getpixel((79, 59)) == pixel


def test_pictures_that_nobody_annotated_are_looked_at_all_the_same(folder: Path, tmp_path: Path) -> None:
    (folder / "test/image").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 5
    Image.effect_noise((80, 60), 50).convert("RGB").save(folder / "test/image/000001.jpg", exif=exif)
    (folder / "test/image/000002.jpg").write_bytes(b"")
    before = look(folder)
    assert codes(before).keys() == {"C602", "I201", "I203"}, "no items to miss in it"
    assert before.where("I203") == before.where("I201") == {"test": 1}
    done = mend(folder, tmp_path / "mended", progress=Silent())
    assert (done.splits["test"].images, done.splits["test"].skipped) == (1, 1)
    page = json.loads((tmp_path / "mended/annotations/instances_test.json").read_text())
    assert [page["images"][0][side] for side in ("width", "height")] == [60, 80]


def test_names_cannot_command_a_terminal(folder: Path) -> None:
    shutil.copy2(folder / "train/image/000001.jpg", folder / "train/image/a\x1b[31mb\nc.jpg")
    assert (
        example(look(folder), "F102") == "train/annos/a\\x1b[31mb\\nc.json: the annotations of this picture are missing"
    )


def test_a_gif_becomes_a_png(folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path / "kitti", format="kitti", progress=Silent())
    pictures = tmp_path / "kitti/train/image_2"
    with Image.open(pictures / "000001.jpg") as image:
        image.save(pictures / "000001.gif")
    (pictures / "000001.jpg").unlink()
    mend(tmp_path / "kitti", tmp_path / "mended", progress=Silent())
    assert {path.name for path in (tmp_path / "mended/train/image_2").iterdir()} == {"000001.png", "000002.jpg"}
    assert "I206" not in codes(look(tmp_path / "mended"))


@pytest.mark.parametrize("given", ["data", "./data", "../here/data", "data/data.yaml", "ABSOLUTE"])
def test_paths_are_told_whole_where_the_name_of_the_data_set_comes_twice(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "here/data"
    for inner in ("metadata", "data", "my data"):
        for folder, suffix in (("images", "jpg"), ("labels", "txt")):
            (root / folder / "train" / inner).mkdir(parents=True)
            path = root / folder / "train" / inner / f"1.{suffix}"
            path.write_text("0 0.5 0.5 0.5 0.5 0.9") if suffix == "txt" else Image.new("RGB", (80, 60)).save(path)
    (root / "labels/train/data/1.txt").write_text("")
    (root / "images/train/2.jpg").write_bytes(b"")
    (root / "data.yaml").write_text("train: images/train\nnames: [fire]\n")
    monkeypatch.chdir(tmp_path / "here")
    report = look(root if given == "ABSOLUTE" else Path(given))
    told = {found.rule.code: [example.partition(": ")[0] for example in found.examples] for found in report.findings}
    assert told["F103"] == ["labels/train/metadata/1.txt:1:1", "labels/train/my data/1.txt:1:1"]
    assert told["B306"] == ["data/1"], "the name of an image, not a path"
    assert told["I201"] == ["images/train/2.jpg"]
    assert report.as_json()["findings"][0]["examples"][0].startswith("labels/train/metadata/1.txt:1:1: ")
