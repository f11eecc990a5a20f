"""tlt-augment on a COCO data set: boxes, outlines, masks and keypoints follow, all else stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO

from converters.model import Box, Object
from converters.model.garments import CATEGORIES
from runtime.augmenting import outlines as moving
from runtime.imaging import outlines, transforms
from runtime.imaging.placement import Placement
from runtime.imaging.transforms import Spatial
from runtime.programs import augment

SIZE = (120, 80)
TRIANGLE = [20.0, 10.0, 60.0, 10.0, 20.0, 50.0]
PEOPLE = ["nose", "left_eye", "right_eye"]


def page() -> dict[str, Any]:
    pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8, order="F")
    pixels[20:60, 30:70] = 1
    rle = masks.encode(pixels)
    rle["counts"] = rle["counts"].decode()
    return {
        "info": {"description": "three things"},
        "licenses": [{"id": 1, "name": "free"}],
        "images": [
            {"id": 700, "file_name": "a/1.jpg", "width": SIZE[0], "height": SIZE[1], "license": 1, "note": "kept"},
            {"id": 9, "file_name": "2.jpg", "width": SIZE[0], "height": SIZE[1]},
        ],
        "annotations": [
            {
                "id": 31,
                "image_id": 700,
                "category_id": 90,
                "bbox": [20, 10, 40, 40],
                "area": 800,
                "iscrowd": 0,
                "segmentation": [TRIANGLE],
                "score": 0.5,
            },
            {
                "id": 30,
                "image_id": 700,
                "category_id": 5,
                "bbox": [30, 20, 40, 40],
                "area": 1600,
                "iscrowd": 1,
                "segmentation": rle,
            },
            {
                "id": 32,
                "image_id": 9,
                "category_id": 5,
                "bbox": [10, 10, 20, 30],
                "area": 600,
                "iscrowd": 0,
                "segmentation": [],
                "keypoints": [20, 20, 2, 10, 10, 2, 30, 40, 1],
                "num_keypoints": 3,
            },
        ],
        "categories": [{"id": 90, "name": "skirt"}, {"id": 5, "name": "person", "keypoints": PEOPLE, "skeleton": []}],
    }


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images" / "a").mkdir(parents=True)
    noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    for name in ("a/1.jpg", "2.jpg"):
        Image.fromarray(noise).save(tmp_path / "images" / name)
    (tmp_path / "page.json").write_text(json.dumps(page()))
    (tmp_path / "spec.yaml").write_text(
        "results_dir: out\ndata: {dataset_type: coco, image_dir: images, ann_path: page.json,"
        " output_image_width: 240, output_image_height: 80}\n"
    )
    return tmp_path


def run(*options: str, output: str = "out") -> dict[str, Any]:
    assert augment.main(["-e", "spec.yaml", f"results_dir={output}", *options]) == 0
    found: dict[str, Any] = json.loads((Path(output) / "annotations.json").read_text())
    return found


def test_a_resize_scales_everything_and_keeps_the_rest(work: Path) -> None:
    told, before = run(), page()
    assert told["info"] == before["info"]
    assert told["licenses"] == before["licenses"]
    assert told["categories"] == before["categories"]
    assert told["images"][0] == before["images"][0] | {"width": 240, "height": 80}
    triangle, block, person = (note for image in (700, 9) for note in told["annotations"] if note["image_id"] == image)
    assert triangle["id"] == 31
    assert triangle["score"] == 0.5
    assert triangle["category_id"] == 90
    assert triangle["bbox"] == [40, 10, 80, 40]
    assert triangle["segmentation"] == [[40, 10, 120, 10, 40, 50]]
    assert triangle["area"] == 1600
    assert block["iscrowd"] == 1
    assert block["area"] == 3200
    assert masks.toBbox(block["segmentation"]).tolist() == [60, 20, 80, 40]
    assert person["keypoints"] == [40, 20, 2, 20, 10, 2, 60, 40, 1]
    assert person["segmentation"] == []
    with Image.open("out/images/a/1.jpg") as image:
        assert image.size == (240, 80)


def test_pycocotools_loads_it(work: Path) -> None:
    run("spatial_aug.rotation.angle=[-30,30]")
    loaded = COCO("out/annotations.json")
    assert sorted(loaded.imgs) == [9, 700]
    for note in loaded.anns.values():
        if note["segmentation"]:
            assert loaded.annToMask(note).shape == (80, 240)


def test_a_mirror_makes_left_ones_right_ones(work: Path) -> None:
    person = run("spatial_aug.flip.flip_horizontal=true")["annotations"][2]
    assert person["bbox"] == [180, 10, 40, 30]
    # The left eye is where the right one was, in the mirror.
    assert person["keypoints"] == [200, 20, 2, 180, 40, 1, 220, 10, 2]


def test_keypoints_that_leave_are_none_any_more(work: Path) -> None:
    person = run("spatial_aug.translation.translate_x=-15")["annotations"][2]
    assert person["keypoints"] == [10, 20, 2, 0, 0, 0, 30, 40, 1]
    assert person["num_keypoints"] == 2


def test_garments_are_mirrored_by_their_landmarks(work: Path) -> None:
    skirt = next(each for each in CATEGORIES if each.name == "skirt")
    content, points = page(), [0] * (294 * 3)
    for place in range(skirt.landmarks):
        points[3 * (skirt.offset + place) : 3 * (skirt.offset + place) + 3] = [10 + place, 30, 2]
    content["categories"][0] |= {"keypoints": [str(number) for number in range(1, 295)], "skeleton": []}
    content["annotations"][0] |= {"keypoints": points, "num_keypoints": skirt.landmarks}
    content["annotations"][2].pop("keypoints")
    content["categories"][1].pop("keypoints")
    (work / "page.json").write_text(json.dumps(content))
    found = run("spatial_aug.flip.flip_horizontal=true")["annotations"][0]["keypoints"]
    own = found[3 * skirt.offset : 3 * (skirt.offset + skirt.landmarks)]
    assert own[::3] == [240 - 2 * (10 + place) for place in skirt.flip]
    assert sum(found[2::3]) == 2 * skirt.landmarks


def test_boxes_may_be_refined_by_the_outline(work: Path) -> None:
    angle = "spatial_aug.rotation.angle=45"
    loose = run(angle)["annotations"][0]["bbox"]
    refine = "spatial_aug.rotation.refine_box"
    told = run(angle, f"{refine}.enabled=true", output="tight")
    tight = told["annotations"][0]["bbox"]
    assert tight[2] < loose[2] or tight[3] < loose[3]
    assert loose[0] <= tight[0] + 0.01
    assert loose[1] <= tight[1] + 0.01


def test_a_missing_picture_and_a_broken_mask(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "images/2.jpg").unlink()
    assert augment.main(["-e", "spec.yaml"]) == 3
    assert "images/2.jpg: there is no such picture" in capsys.readouterr().err
    assert not (work / "out/annotations.json").exists()
    content = page()
    content["annotations"][1]["segmentation"]["counts"] = "11"
    (work / "page.json").write_text(json.dumps(content))
    assert augment.main(["-e", "spec.yaml", "--skip-bad"]) == 3
    error = capsys.readouterr().err
    assert "page.json" in error
    assert "Traceback" not in error


def test_a_picture_of_another_size_than_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(work / "images/2.jpg") as image:
        image.resize((60, 40)).save(work / "images/2.jpg")
    assert augment.main(["-e", "spec.yaml"]) == 3
    assert "2.jpg: the picture has 60 x 40 pixels, its annotations are for 120 x 80" in capsys.readouterr().err
    assert [image["id"] for image in run("--skip-bad")["images"]] == [700]


def test_clipping_an_outline() -> None:
    square = np.array([[-5.0, -5], [5, -5], [5, 5], [-5, 5]])
    assert outlines.clip(square, (10, 10)).tolist() == [[0, 0], [5, 0], [5, 5], [0, 5]] or set(
        map(tuple, outlines.clip(square, (10, 10)).tolist())
    ) == {(0, 0), (5, 0), (5, 5), (0, 5)}
    assert len(outlines.clip(square - 100, (10, 10))) == 0
    inside = square / 10 + 5
    np.testing.assert_array_equal(outlines.clip(inside, (10, 10)), inside)


def test_the_area_of_a_turned_outline_is_that_of_its_mask() -> None:
    thing = Object("skirt", Box(20, 10, 60, 50), (tuple(TRIANGLE),))
    matrix = transforms.matrix(Spatial(angle=30, translate_x=40), size=SIZE, output=(240, 160))
    shape = moving.moved(thing, Placement(matrix, (240, 160), (240, 160)))
    counted = masks.area(masks.frPyObjects(shape.segmentation, 160, 240))[0]
    assert shape.area == pytest.approx(counted, rel=0.03)
