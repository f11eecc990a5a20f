"""COCO: what pycocotools sees, ids, streaming, and a reader that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from converters import garments
from converters.formats import coco, deepfashion2
from converters.model import Box, Keypoint, KeypointSlot, Object, Sample
from tltpipe.errors import DataError


def sample(stem: str, *objects: Object) -> Sample:
    return Sample(stem, Path(f"image/{stem}.jpg"), 80, 60, objects)


def write(path: Path, *samples: Sample, categories: tuple[str, ...] = ("cat", "dog"), **options: Any) -> Path:
    with coco.Writer(path, categories, **options) as writer:
        for each in samples:
            writer.add(each)
    return path


BOX = Object("dog", Box(1, 2, 31, 42), polygons=((1, 2, 31, 2, 31, 42),))


def test_pycocotools_loads_the_official_layout(tmp_path: Path) -> None:
    garment = garments.BY_NAME["skirt"]
    points = (*(Keypoint(10 + n, 20, 2 - n % 2) for n in range(7)), Keypoint(0, 0, 0))
    assert len(points) == garment.landmarks
    ring = (10, 20, 40.25, 20, 40, 50)
    extra = {"scale": 2, "zoom_in": 1, "viewpoint": 3}
    skirt = Object("skirt", Box(9, 19, 41, 51), (ring,), points, occlusion=1, pair_id=7, style=2, extra=extra)
    path = write(
        tmp_path / "train.json",
        Sample("000012", Path("x/000012.jpg"), 80, 60, (skirt, skirt), source="shop"),
        categories=deepfashion2.CATEGORIES,
        keypoints=deepfashion2.KEYPOINTS,
        supercategory=deepfashion2.SUPERCATEGORY,
    )
    data = COCO(str(path))
    assert data.imgs[12] == {
        **{"id": 12, "license": 0, "file_name": "000012.jpg", "width": 80, "height": 60, "source": "shop"},
        **{"coco_url": "", "flickr_url": "", "date_captured": ""},
    }
    keypoints: list[float] = [0] * 882
    keypoints[3 * 182 : 3 * 190] = [number for p in points for number in (p.x, p.y, p.visibility)]
    assert data.anns[2] == {
        **{"id": 2, "image_id": 12, "category_id": 9, "bbox": [9, 19, 32, 32], "area": 1024, "iscrowd": 0},
        **{"segmentation": [list(ring)], "keypoints": keypoints, "num_keypoints": 7, "pair_id": 7, "style": 2},
        **{"scale": 2, "zoom_in": 1, "viewpoint": 3, "occlusion": 2},
    }
    assert data.annToMask(data.anns[1]).sum() > 300
    assert data.cats[9] == {
        **{"id": 9, "name": "skirt", "supercategory": "clothes", "skeleton": []},
        "keypoints": [str(number) for number in range(1, 295)],
    }
    assert len(data.cats) == 13
    assert data.dataset["licenses"] == []


def test_ids_are_names_where_they_can_be(tmp_path: Path) -> None:
    stems = ["000002", "cat", "2", "000004", "dog", "000000"]
    page = json.loads(write(tmp_path / "a.json", *(sample(stem, BOX) for stem in stems)).read_text())
    assert [image["id"] for image in page["images"]] == [2, 1, 3, 4, 5, 6]
    assert [annotation["id"] for annotation in page["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert [a["image_id"] for a in page["annotations"]] == [image["id"] for image in page["images"]]


def test_empty_and_failed(tmp_path: Path) -> None:
    page = json.loads(write(tmp_path / "a.json").read_text())
    assert (page["images"], page["annotations"]) == ([], [])
    assert [category["name"] for category in page["categories"]] == ["cat", "dog"]
    with pytest.raises(RuntimeError), coco.Writer(tmp_path / "b.json", ["cat"]) as writer:
        writer.add(sample("1"))
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_categories_without_keypoints_have_no_keypoint_fields(tmp_path: Path) -> None:
    page = json.loads(write(tmp_path / "a.json", sample("1", BOX)).read_text())
    assert "keypoints" not in page["annotations"][0]
    assert page["categories"][1] == {"id": 2, "name": "dog", "supercategory": ""}
    assert page["info"] == {}


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    point = (Keypoint(1, 1, 2),)
    slots = {"dog": KeypointSlot(("nose", "tail"), 0, 2)}
    for thing, message in (
        (Object("cow", Box(0, 0, 1, 1)), "cow is none of"),
        (Object("cat", Box(0, 0, 1, 1), keypoints=point), "not announced"),
        (Object("dog", Box(0, 0, 1, 1), keypoints=point), "1 keypoints, not 2"),
    ):
        with pytest.raises(DataError, match=message):
            write(tmp_path / "a.json", sample("1", thing), keypoints=slots)


def coco_page(**changes: Any) -> dict[str, Any]:
    annotation = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0, "segmentation": []}
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "annotations": [annotation | changes],
        "categories": [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}],
    }


def test_reader_takes_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    mask = {"size": [60, 80], "counts": "abc"}
    path.write_text(json.dumps(coco_page(category_id=7, segmentation=mask)))
    dataset = coco.read(path, images=Path("pictures"))
    assert dataset.categories == ("cat", "dog")
    for _ in range(2):
        assert list(dataset) == [Sample("a", Path("pictures/a.jpg"), 80, 60, (Object("dog", Box(1, 2, 4, 6)),))]
    path.write_text(json.dumps(coco_page(iscrowd=1)))
    assert next(iter(coco.read(path))).objects == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category_id": 3}, "id 5 has the category 3"),
        ({"image_id": 9}, "image 9, which is not listed"),
        ({"image_id": "1"}, '"image_id" of the record with id 5 must be a whole number, but is the string "1"'),
        ({"bbox": [1, 2, 3]}, '"bbox" of .* list of 4 numbers'),
        ({"bbox": [1, 2, 3, None]}, '"bbox" of .* list of 4 numbers'),
        ({"segmentation": [[1, 2, 3]]}, '"segmentation" of'),
        ({"category_id": True}, "must be a whole number, but is true"),
        ({"pair_id": []}, '"pair_id" of .* a list'),
    ],
)
def test_reader_says_which_record_is_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco_page(**changes)))
    with pytest.raises(DataError, match=message) as caught:
        list(coco.read(path))
    assert caught.value.where == path


def test_reader_says_what_is_no_coco(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, message in (
        ("[]", "a JSON object is needed here, not a list"),
        ("{}", '"images" must be a list'),
        ('{"images": [1]}', '"images" must be a list of objects'),
        ('{"images": [', "cut off"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            coco.read(path)
    with pytest.raises(DataError, match="missing"):
        coco.read(tmp_path / "b.json")
