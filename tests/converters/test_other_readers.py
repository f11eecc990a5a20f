"""What we write is read by others: pycocotools, supervision and datumaro find the same boxes and classes."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import converters
from converters.transfer.convert import convert
from tltpipe.progress import Silent

Found = dict[str, list[tuple[str, float, float, float, float]]]


@pytest.fixture(autouse=True)
def _their_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def source(maker: Any) -> Path:
    pages = [maker.page(maker.item(number), maker.item(1 + number % 13)) for number in range(1, 14)]
    return Path(maker.split(*pages, maker.page(), size=(90, 70)))


@pytest.fixture
def truth(source: Path) -> Found:
    samples = converters.read("deepfashion2", source)
    return {
        sample.id: sorted((t.category, t.box.left, t.box.top, t.box.right, t.box.bottom) for t in sample.objects)
        for sample in samples
        if sample.objects
    }


def written(source: Path, format: str, target: Path) -> Path:
    convert(source, target, format=format, source_format="deepfashion2", progress=Silent())
    return target


def check(found: Found, truth: Found, *, within: float = 0.01) -> None:
    assert found.keys() == truth.keys()
    for name, objects in truth.items():
        assert [each[0] for each in sorted(found[name])] == [each[0] for each in objects]
        for one, other in zip(sorted(found[name]), objects, strict=True):
            assert one[1:] == pytest.approx(other[1:], abs=within)


def test_pycocotools(source: Path, truth: Found, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="dev extra")
    root = written(source, "coco", tmp_path / "out")
    page = coco.COCO(str(root / "annotations/instances_train.json"))
    found: Found = defaultdict(list)
    for record in page.loadAnns(page.getAnnIds()):
        (left, top, width, height), image = record["bbox"], page.loadImgs(record["image_id"])[0]
        name = page.loadCats(record["category_id"])[0]["name"]
        found[Path(image["file_name"]).stem].append((name, left, top, left + width, top + height))
        assert page.annToMask(record).shape == (70, 90)
    check(dict(found), truth)


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_supervision(format: str, source: Path, truth: Found, tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision", reason="dev extra")
    root = written(source, format, tmp_path / "out")
    kind = supervision.DetectionDataset
    read = {
        "coco": lambda: kind.from_coco(str(root / "images/train"), str(root / "annotations/instances_train.json")),
        "yolo": lambda: kind.from_yolo(str(root / "images/train"), str(root / "labels/train"), str(root / "data.yaml")),
        "voc": lambda: kind.from_pascal_voc(str(root / "train/JPEGImages"), str(root / "train/Annotations")),
    }[format]()
    found: Found = {}
    for path, _, detections in read:
        boxes = zip(detections.class_id, detections.xyxy.tolist(), strict=True)
        found[Path(path).stem] = [(read.classes[number], *box) for number, box in boxes]
    check({name: objects for name, objects in found.items() if objects}, truth)


@pytest.mark.parametrize(
    ("format", "below", "theirs"),
    [("coco", "", "coco_instances"), ("yolo", "", "yolo"), ("kitti", "train", "kitti"), ("voc", "train", "voc")],
)
def test_datumaro(format: str, below: str, theirs: str, source: Path, truth: Found, tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro", reason="dev extra")
    root = written(source, format, tmp_path / "out") / below
    dataset = datumaro.Dataset.import_from(str(root), theirs)
    names = dataset.categories()[datumaro.AnnotationType.label]
    found: Found = defaultdict(list)
    # datumaro takes VOC's corners as they stand, which are numbers of pixels, counted from 1.
    shift = 1 if format == "voc" else 0
    for item in dataset:
        for thing in item.annotations:
            if thing.type == datumaro.AnnotationType.bbox:
                left, top = thing.x - shift, thing.y - shift
                corners = (left, top, thing.x + thing.w, thing.y + thing.h)
                found[Path(item.id).stem].append((names[thing.label].name, *corners))
    check(dict(found), truth)
