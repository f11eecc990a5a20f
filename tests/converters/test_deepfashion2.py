"""DeepFashion2 as it is published, and as it arrives broken: one clear message each."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from PIL import Image
from refusals import error_of

from converters.formats import deepfashion2
from converters.model import Box, Dataset, Keypoint, Sample, garments
from converters.model.findings import Findings
from converters.model.validity import settled
from tltpipe.errors import DataError, Location


def dataset(root: Path, **options: Any) -> Dataset:
    (place,) = deepfashion2.find(root).values()
    return deepfashion2.read(place, **options)


def samples(root: Path, findings: Findings | None = None) -> Iterator[Sample]:
    """Read and settled, as everything is that is written out."""
    noted = findings if findings is not None else Findings()
    pictures = dataset(root).pictures
    return (settled(pictures.load(key, noted), noted) for key in pictures.keys())  # noqa: SIM118


def only(root: Path, findings: Findings | None = None) -> Sample:
    (sample,) = samples(root, findings)
    return sample


def told(findings: Findings) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(finding.rule.code, finding.count, finding.examples) for finding in findings]


def first(root: Path) -> Path:
    return root / "annos" / "000001.json"


def test_everything_is_carried(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(9), source="shop", pair_id=12))
    sample = only(root)
    assert (sample.id, Path(sample.image), sample.width, sample.height, sample.source) == (
        *("000001", root / "image" / "000001.jpg", 80, 60, "shop"),
    )
    (skirt,) = sample.objects
    assert (skirt.category, skirt.box) == ("skirt", Box(10, 12, 61, 41))
    assert skirt.polygons == ((10, 12, 60, 12, 60.25, 40.5, 10, 40, 10, 12),)
    assert tuple(skirt.keypoints[:2]) == (Keypoint(12, 14, 2), Keypoint(14, 15, 1))
    assert skirt.keypoints[-1] == Keypoint(0, 0, 0)
    assert (skirt.occlusion, skirt.truncation, skirt.pair_id, skirt.style) == (1, 0.0, 12, 1)
    assert skirt.extra == {"scale": 2, "zoom_in": 1, "viewpoint": 2}


@pytest.mark.parametrize("odd", [{"score": 1.5}, {"segmentation": 0}, {"category_name": 9}])
def test_items_with_odd_fields_are_read_as_the_others(maker: Any, odd: dict[str, Any]) -> None:
    usual, other = samples(maker.split(maker.page(maker.item(9)), maker.page(maker.item(9, **odd))))
    (plain,), (thing,) = usual.objects, other.objects
    polygons = () if "segmentation" in odd else plain.polygons
    assert (thing, thing.keypoints) == (structs.replace(plain, polygons=polygons), plain.keypoints)


def test_all_categories_go_by_number(maker: Any) -> None:
    root = maker.split(*(maker.page(maker.item(garment.id)) for garment in garments.CATEGORIES))
    found = list(samples(root))
    assert [sample.objects[0].category for sample in found] == [garment.name for garment in garments.CATEGORIES]
    assert [len(sample.objects[0].keypoints) for sample in found] == [g.landmarks for g in garments.CATEGORIES]


def test_name_that_contradicts_the_number_is_noted_not_believed(maker: Any) -> None:
    findings = Findings()
    sample = only(maker.split(maker.page(maker.item(9, category_name="vest"))), findings)
    assert sample.objects[0].category == "skirt"
    assert told(findings) == [("C603", 1, ("000001 item1",))]


def test_items_are_in_natural_order_whatever_the_file_says(maker: Any) -> None:
    page = {f"item{n}": maker.item(9, style=n) for n in (10, 2, 1)} | {"source": "user", "pair_id": 1}
    assert [thing.style for thing in only(maker.split(page)).objects] == [1, 2, 10]


def test_pictures_are_sorted_and_reading_starts_again(maker: Any) -> None:
    read = dataset(maker.split(*(maker.page(maker.item()) for _ in range(12))))
    for _ in range(2):
        assert [sample.id for sample in read] == [f"{n:06d}" for n in range(1, 13)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"landmarks": [0] * 24}, "K502"),
        ({"landmarks": []}, "K502"),
        ({"landmarks": ...}, "K502"),
        ({"segmentation": [[1, 2, 1, 2, 3, 4]]}, "P402"),
        ({"bounding_box": [-1, 0, 81, 60]}, "B303"),
    ],
)
def test_odd_but_valid_is_noted(maker: Any, changes: dict[str, Any], code: str) -> None:
    findings = Findings()
    (thing,) = only(maker.split(maker.page(maker.item(9, **changes))), findings).objects
    assert told(findings) == [(code, 1, ("000001 item1",))]
    if "landmarks" in changes:
        assert thing.keypoints == ()
    if "segmentation" in changes:
        assert thing.polygons == ()
    if "bounding_box" in changes:
        assert thing.box == Box(0, 0, 80, 60)


def test_optional_fields_may_be_absent(maker: Any) -> None:
    item = {"category_id": 9, "bounding_box": [0, 0, 80, 60]}
    (thing,) = only(maker.split({"item1": item})).objects
    assert (thing.pair_id, thing.style, thing.extra, thing.polygons) == (None, None, {}, ())


def test_picture_without_items_and_box_listed_twice(maker: Any) -> None:
    findings = Findings()
    root = maker.split(maker.page(), maker.page(maker.item(), maker.item()))
    assert [len(sample.objects) for sample in samples(root, findings)] == [0, 2]
    assert told(findings) == [("B306", 1, ("000001",)), ("B305", 1, ("000002",))]


BAD_ITEMS: list[tuple[dict[str, Any], str]] = [
    ({"category_id": 14}, "item1.category_id is 14, but must be 1 to 13"),
    ({"category_id": 0}, "item1.category_id is 0, but must be 1 to 13"),
    ({"category_id": "9"}, 'item1.category_id must be a whole number, not the string "9"'),
    ({"category_id": 9.0}, "item1.category_id must be a whole number, not the number 9.0"),
    ({"category_id": True}, "item1.category_id must be a whole number, not true"),
    ({"category_id": ...}, "item1.category_id is missing"),
    ({"bounding_box": ...}, "item1.bounding_box is missing"),
    ({"bounding_box": [1, 2, 3]}, "item1.bounding_box must hold 4 numbers (left, top, right, bottom), but holds 3"),
    ({"bounding_box": [1, 2, 3, "4"]}, 'item1.bounding_box must hold numbers, but holds the string "4"'),
    ({"bounding_box": [1, 2, 3, None]}, "item1.bounding_box must hold numbers, but holds null"),
    ({"bounding_box": {}}, "item1.bounding_box must be a list of numbers, not an object"),
    ({"bounding_box": [10, 10, 10, 40]}, "item1, skirt: the box 10, 10, 10, 40 has no area"),
    ({"bounding_box": [30, 10, 20, 40]}, "item1, skirt: the box 30, 10, 20, 40 has no area"),
    ({"bounding_box": [10, 10, 95, 40]}, "reaches 15 pixels beyond the picture, which is 80 x 60"),
    ({"bounding_box": [-2.5, 10, 70, 40]}, "reaches 2.5 pixels beyond the picture, which is 80 x 60"),
    ({"bounding_box": [200, 200, 300, 300]}, "reaches 240 pixels beyond the picture"),
    ({"bounding_box": [80, 10, 81, 40]}, "lies outside the picture"),
    ({"bounding_box": [0, 0, 1e300, 40]}, "item1.bounding_box holds 1e+300, which cannot be a pixel"),
    ({"bounding_box": [0, 0, 1.5e6, 40]}, "item1.bounding_box holds 1.5e+06, which cannot be a pixel"),
    ({"bounding_box": [0, 0, 2**70, 40]}, "which cannot be a pixel"),
    ({"landmarks": [1, 2, 2] * 7}, "item1.landmarks holds 21 numbers, not 24: skirt has 8 landmarks of 3 numbers"),
    ({"landmarks": [1, 2, 3] * 8}, "item1.landmarks holds the visibility 3, but must be 0, 1 or 2"),
    ({"landmarks": ["1"] * 24}, 'item1.landmarks must hold numbers, but holds the string "1"'),
    ({"landmarks": 5}, "item1.landmarks must be a list of numbers, not the number 5"),
    ({"segmentation": [[1, 2, 3, 4, 5]]}, "holds a polygon of 5 numbers; x and y must come in pairs"),
    ({"segmentation": [1, 2, 3, 4, 5, 6]}, "item1.segmentation must be a list of numbers, not the number 1"),
    ({"segmentation": "x"}, 'item1.segmentation must be a list of polygons, not the string "x"'),
    ({"occlusion": 4}, "item1.occlusion is 4, but must be 1 to 3"),
    ({"style": -1}, "item1.style is -1, but must be 0 or more"),
    ({"zoom_in": [1]}, "item1.zoom_in must be a whole number, not a list"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_ITEMS)
def test_bad_item(maker: Any, changes: dict[str, Any], message: str) -> None:
    good = maker.page(maker.item())
    item = maker.item()
    item = {key: value for key, value in (item | changes).items() if value is not ...}
    root = maker.split(good, maker.page(item))
    read = samples(root)
    assert next(read).id == "000001"
    error = error_of(DataError, next, read)
    assert message in error.what
    assert str(error.where) == str(root / "annos" / "000002.json")
    assert "--skip-bad" in (error.hint or "")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"item1": {"category_id": 9,\n  "style": }}', 2, 12, "not valid JSON"),
        ('{"source": "user",\n "pair_id": 7', 2, 14, "cut off"),
        ('{"pair_id": NaN}', 1, 13, "not valid JSON"),
        ('{"pair_id": 1e999}', 1, 13, "not valid JSON"),
        ('{"item1": ' + "[" * 100_000, 1, 1035, "not valid JSON: depth limit"),
    ],
)
def test_broken_json_has_line_and_column(maker: Any, text: str, line: int, column: int, message: str) -> None:
    root = maker.split(text)
    assert error_of(DataError, only, root, match=message).where == Location(first(root), line, column)


def test_json_cut_anywhere_is_called_cut_off(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    content = first(root).read_bytes()
    for length in range(1, len(content) - 1, 7):
        first(root).write_bytes(content[:length])
        assert isinstance(error_of(DataError, only, root, match=r"cut off|not valid JSON").where, Location)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this file is empty"),
        ("[1]", "a JSON object is needed here, not a list"),
        ('{"item1": 3}', "item1 must be an object, not the number 3"),
        ('{"source": 1}', "source must be a string, not the number 1"),
        ('{"pair_id": "x"}', 'pair_id must be a whole number, not the string "x"'),
    ],
)
def test_json_of_another_shape(maker: Any, text: str, message: str) -> None:
    root = maker.split(text)
    assert message in error_of(DataError, only, root).what


def test_bytes_that_are_no_text(maker: Any) -> None:
    root = maker.split("{}")
    first(root).write_bytes(b'{"source": "\xff\xfe"}')
    with pytest.raises(DataError, match="not UTF-8 text"):
        only(root)


def test_missing_annotations_missing_picture_and_no_jpeg(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    picture, path = root / "image" / "000001.jpg", first(root)
    kept = path.rename(root / "kept.json")
    error = error_of(DataError, only, root, match="annotations of this picture are missing")
    assert error.where == path
    assert str(picture) in (error.hint or "")
    kept.rename(path)
    Image.new("RGB", (80, 60)).save(root / "other.png")
    (root / "other.png").rename(picture)
    with pytest.raises(DataError, match="not a JPEG but a PNG"):
        only(root)
    picture.write_text("hello")
    with pytest.raises(DataError, match="not a JPEG"):
        only(root)
    picture.rename(root / "image" / "000002.jpg")
    assert error_of(DataError, only, root, match="picture of these annotations is missing").where == picture


def test_splits_are_found_one_by_one_and_together(maker: Any) -> None:
    train = maker.split(maker.page(maker.item()), name="data/train")
    assert list(deepfashion2.find(train)) == ["train"]
    assert list(deepfashion2.find(train.parent)) == ["train"]
    nested = maker.split(maker.page(), name="data/validation/validation")
    found = deepfashion2.find(train.parent)
    assert list(found) == ["train", "validation"]
    assert found["validation"].images == nested / "image"
    other = maker.split(maker.page(), name="data/zalando")
    assert list(deepfashion2.find(train.parent)) == ["train", "validation", "zalando"]
    assert list(deepfashion2.find(other)) == ["train"], "a folder of another name alone is to be trained on"


def test_pictures_alone_count_beside_an_annotated_split(maker: Any) -> None:
    test = maker.split(maker.page(maker.item()), name="data/test")
    for path in (test / "annos").iterdir():
        path.unlink()
    (test / "annos").rmdir()
    assert deepfashion2.find(test.parent) == {}, "pictures alone are no DeepFashion2"
    maker.split(maker.page(), name="data/train")
    found = deepfashion2.find(test.parent)
    assert list(found) == ["train", "test"]
    read = deepfashion2.read(found["test"])
    assert not read.annotated
    assert [(sample.id, sample.width, sample.objects) for sample in read] == [("000001", 80, ())]


def test_a_cut_or_turned_picture_is_told(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()), size=(300, 200))
    picture = root / "image" / "000001.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(picture) as image:
        image.effect_spread(9).save(picture, exif=exif)
    findings = Findings()
    assert (only(root, findings).width, only(root).height) == (300, 200), "as stored, which is what trainers see"
    assert told(findings) == [("I203", 1, ("000001.jpg",))]
    picture.write_bytes(picture.read_bytes()[:-900])
    assert error_of(DataError, only, root, match="cut off").code == "I202"


def test_any_extension_is_read_unless_one_is_set(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    (root / "image" / "000001.jpg").rename(root / "image" / "000001.JPG")
    (sample,) = samples(root)
    assert (sample.id, sample.file_name) == ("000001", "000001.JPG")
    error = error_of(DataError, lambda: list(dataset(root, image_extension=".jpg")), match=r"no \*\.jpg picture")
    assert error.hint == "there are .JPG"


def test_two_pictures_of_one_name_are_both_named(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    shutil.copy(root / "image" / "000001.jpg", root / "image" / "000001.png")
    assert error_of(DataError, lambda: list(samples(root)), match=r"000001\.jpg: .*000001\.png").code == "F105"


def test_a_picture_that_cannot_be_read_is_named(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()), maker.page(maker.item()))
    (root / "image" / "000001.jpg").rename(root / "image" / "000001.HEIC")
    error = error_of(DataError, lambda: list(samples(root)))
    assert error.code == "F101"
    assert "000001.HEIC" in (error.hint or "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def mutate(value: Any, replacement: Any, chance: random.Random) -> Any:
    """``value`` with one part of it, picked by ``chance``, replaced, removed or doubled."""
    if isinstance(value, dict | list) and value and chance.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        copy = value.copy()
        action = chance.random()
        if action < 0.15:
            del copy[key]
        elif action < 0.25 and isinstance(copy, list):
            copy.append(copy[key])
        else:
            copy[key] = mutate(value[key], replacement, chance)
        return copy
    return replacement


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(replacement=JSON, seed=st.integers(0, 2**32), cut=st.none() | st.integers(0, 600))
def test_any_mutation_ends_in_a_sample_or_a_data_error(
    maker: Any, replacement: Any, seed: int, cut: int | None
) -> None:
    root = maker.root / "train"
    if not root.exists():
        maker.split(maker.page(maker.item()))
    page = mutate(maker.page(maker.item(9), maker.item(1)), replacement, random.Random(seed))
    content = json.dumps(page).encode("utf-8", "surrogatepass")
    first(root).write_bytes(content if cut is None else content[:cut])
    try:
        sample = only(root)
    except DataError as problem:
        assert problem.what  # noqa: PT017 (either outcome is right)
        assert problem.where is not None  # noqa: PT017
    else:
        assert all(0 <= t.box.left < t.box.right <= 80 and 0 <= t.box.top < t.box.bottom <= 60 for t in sample.objects)
