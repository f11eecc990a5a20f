"""COCO files of 81 shared points and of one category: the same items, numbers and points as in the data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.model import Sample, landmarks
from converters.sample import draw
from converters.transfer import landmark_files
from converters.transfer.front_door import convert
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    draw(root, train=10, validation=4, seed=5, size=96, progress=Silent())
    return root


def samples(path: Path, images: Path) -> list[Sample]:
    _, found = converters.splits(path, "coco", images=images)
    return [sample for dataset in found.values() for sample in dataset]


def told(sample: Sample) -> Any:
    return sample.number, sample.file_name, [(thing.category, tuple(thing.keypoints)) for thing in sample.objects]


def test_aggregated_files_hold_what_the_data_set_has(drawn: Path, tmp_path: Path) -> None:
    done = landmark_files.aggregate(drawn, tmp_path, progress=Silent())
    assert [path.relative_to(tmp_path) for each in done.values() for path in each.files] == [
        Path("annotations_agg81kps/train_coco.json"), Path("annotations_agg81kps/validation_coco.json"),
    ]  # fmt: skip
    _, source = converters.splits(drawn, None)
    for name, dataset in source.items():
        (path,) = done[name].files
        whole = list(dataset)
        read = samples(path, Path(whole[0].image).parent)
        assert [told(sample)[1:] for sample in read] == [told(sample)[1:] for sample in whole]
        assert done[name].losses.written == done[name].losses.read == (len(whole), sum(len(s.objects) for s in whole))
        page = json.loads(path.read_text())
        assert {len(category["keypoints"]) for category in page["categories"]} == {81}
        names = {category["id"]: category["name"] for category in page["categories"]}
        for record in page["annotations"]:
            layout = landmarks.layout(names[record["category_id"]])
            assert layout is not None
            labelled = {place + 1 for place, seen in enumerate(record["keypoints"][2::3]) if seen}
            assert labelled <= set(layout.aggregated)
            assert len(labelled) == record["num_keypoints"]


def test_every_item_is_in_the_files_of_its_category_under_one_number(drawn: Path, tmp_path: Path) -> None:
    done = landmark_files.split(drawn, tmp_path, progress=Silent())
    whole = landmark_files.aggregate(drawn, tmp_path, progress=Silent())
    for name, written in done.items():
        (path,) = whole[name].files
        expected = {each["id"]: each for each in json.loads(path.read_text())["annotations"]}
        found: dict[int, dict[str, Any]] = {}
        for own in sorted((tmp_path / "annotations_per_category").glob(f"{name}_*.json")):
            shared = tmp_path / "annotations_per_category_agg81kps" / own.name
            page, other = json.loads(own.read_text()), json.loads(shared.read_text())
            (category,) = page["categories"]
            assert own.stem == f"{name}_coco_category_{category['id']}"
            assert page["images"] == other["images"]
            assert {image["id"] for image in page["images"]} == {each["image_id"] for each in page["annotations"]}
            assert {each["category_id"] for each in page["annotations"]} == {category["id"]}
            assert {len(each["keypoints"]) for each in page["annotations"]} == {882}
            assert [each["id"] for each in page["annotations"]] == [each["id"] for each in other["annotations"]]
            found |= {each["id"]: each for each in other["annotations"]}
        assert found == expected
        assert len(written.files) == 2 * (13 - len(written.empty))
        assert written.losses.lost == {}


def test_a_file_of_other_categories_and_one_that_is_there_are_refused(drawn: Path, tmp_path: Path) -> None:
    landmark_files.aggregate(drawn, tmp_path / "out", progress=Silent())
    landmark_files.aggregate(drawn, tmp_path / "out", progress=Silent(), replace=True)
    error = error_of(UsageError, landmark_files.aggregate, drawn, tmp_path / "out", progress=Silent())
    assert error.where == tmp_path / "out/annotations_agg81kps/train_coco.json"
    (tmp_path / "images").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "images/1.png")
    page = {
        "images": [{"id": 1, "file_name": "1.png", "width": 9, "height": 9}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
        "categories": [{"id": 1, "name": "coat"}],
    }
    (tmp_path / "train.json").write_text(json.dumps(page))
    error = error_of(
        DataError, landmark_files.split, tmp_path / "train.json", tmp_path / "none", progress=Silent(), match="coat"
    )
    assert (error.exit_code, list(tmp_path.glob("none/*"))) == (3, [])


def test_files_appear_together_or_not_at_all(drawn: Path, tmp_path: Path) -> None:
    """The last annotations of validation are damaged: those of training were through."""
    convert(drawn, tmp_path / "coco", "coco")
    broken = next(tmp_path.glob("coco/**/*validation*.json"))
    page = json.loads(broken.read_text())
    page["annotations"][-1]["keypoints"] = [1, 2, 3]
    broken.write_text(json.dumps(page))
    error_of(DataError, landmark_files.split, tmp_path / "coco", tmp_path / "out", progress=Silent(), match="882")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
