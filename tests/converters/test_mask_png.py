"""Masks: layouts and tables of names are recognised, every value counts, and maps are painted in a stated order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from PIL import Image
from refusals import error_of

import converters
from converters.formats import mask_png
from converters.model import Box, Mask, Sample, rules, run_lengths
from converters.transfer.convert import Converted, convert
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent

MAPPING = {0: "background", 1: "skin", 2: "hair", 5: "dress"}
SIZE = (12, 8)


@dataclass(frozen=True)
class Maps:
    """Makes images and masks below ``root``."""

    root: Path

    def mapping(self, path: str = "label_mapping.json", names: Mapping[int, str] = MAPPING) -> None:
        lines = (json.dumps({"id": value, "name": name, "ch_name": "-"}) for value, name in names.items())
        self.text(path, *lines)

    def text(self, path: str, *lines: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text("".join(f"{line}\n" for line in lines))

    def image(self, path: str, size: tuple[int, int] = SIZE) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (200, 180, 20)).save(self.root / path)

    def mask(self, path: str, pixels: NDArray[np.uint8] | None = None, *, palette: bool = True) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(values() if pixels is None else pixels)
        if palette:
            image.putpalette(list(range(256)) * 3)
        image.save(self.root / path)

    def pair(self, images: str, masks: str, stem: str = "a", pixels: NDArray[np.uint8] | None = None) -> None:
        self.image(f"{images}/{stem}.jpg")
        self.mask(f"{masks}/{stem}.png", pixels)

    def convert(self, target: str, format: str, source: str = "", **options: Any) -> Converted:
        target_path = self.root.parent / target
        return convert(self.root / source, target_path, format=format, progress=Silent(), options=options)


@pytest.fixture
def maps(tmp_path: Path) -> Maps:
    return Maps(tmp_path / "data")


def values() -> NDArray[np.uint8]:
    """Two parts of skin, hair in a corner, a dress at the border, a row that nobody knows."""
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[1:3, 2:5] = pixels[5, 8:10] = 1
    pixels[0, 0] = 2
    pixels[4:8, 10:12] = 5
    pixels[7, :6] = 255
    return pixels


def read(root: Path, split: str = "train") -> list[Sample]:
    found, datasets = converters.splits(root)
    assert found == "mask_png"
    return list(datasets[split])


def test_a_class_is_an_object_with_its_extent_and_255_is_void(maps: Maps) -> None:
    maps.mapping()
    maps.pair("images", "masks")
    (sample,) = read(maps.root)
    pixels = values()
    assert {thing.category: thing.box for thing in sample.objects} == {
        "skin": Box(2, 1, 10, 6),
        "hair": Box(0, 0, 1, 1),
        "dress": Box(10, 4, 12, 8),
    }
    for thing, value in zip(sample.objects, (1, 2, 5), strict=True):
        assert thing.mask is not None
        assert np.array_equal(run_lengths.decode(thing.mask), pixels == value)
    assert sample.void is not None
    assert np.array_equal(run_lengths.decode(sample.void), pixels == 255)
    dataset = converters.read("mask_png", maps.root, "train")
    assert dataset.categories == ("skin", "hair", "dress")
    assert dataset.ids == {"skin": 1, "hair": 2, "dress": 5}


@pytest.mark.parametrize(
    ("images", "masks", "split"),
    [
        ("train/images", "train/masks", "train"),
        ("images/val", "masks/val", "validation"),
        ("photos", "annotations/pixel-level", "train"),
        ("photos", "trainval/minival", "validation"),
        ("JPEGImages", "SegmentationClassAug", "train"),
        ("TrainVal_images/val_images", "TrainVal_parsing_annotations/val_segmentations", "validation"),
        ("images/sub", "masks/sub", "train"),
    ],
)
def test_layouts(maps: Maps, images: str, masks: str, split: str) -> None:
    maps.mapping()
    maps.pair(images, masks)
    (sample,) = read(maps.root, split)
    assert [thing.category for thing in sample.objects] == ["skin", "hair", "dress"]
    assert sample.id == ("sub/a" if "sub" in images else "a")


def test_images_in_a_folder_apart(maps: Maps) -> None:
    """Masks alone are enough then, whatever the folders are called; what values mean stands above both."""
    maps.mapping("all/label_mapping.json")
    maps.pair("all/photographs/day", "all/index/first")
    masks, images = maps.root / "all/index/first", maps.root / "all/photographs/day"
    format, found = converters.splits(masks, images=images)
    (sample,) = next(iter(found.values()))
    assert (format, Path(sample.image), len(found)) == ("mask_png", images / "a.jpg", 1)
    assert [thing.category for thing in sample.objects] == ["skin", "hair", "dress"]
    error_of(DataError, converters.splits, masks, "mask_png", images=maps.root / "nowhere", match="no such folder")


def test_lists_and_shared_folders_make_splits(maps: Maps) -> None:
    maps.text("labels.txt", "background", "skin", "hair", "c3", "c4", "dress")
    for stem in ("a", "b", "c"):
        maps.pair("JPEGImages", "SegmentationClass", stem)
    maps.text("train_id.txt", "a", "c")
    maps.text("val_id.txt", "b")
    datasets = converters.splits(maps.root)[1]
    assert {name: [sample.id for sample in each] for name, each in datasets.items()} == {
        "train": ["a", "c"], "validation": ["b"],
    }  # fmt: skip
    assert datasets["train"].categories == ("skin", "hair", "c3", "c4", "dress")


def test_a_split_by_itself_and_names_without_background(maps: Maps) -> None:
    maps.text("labels.txt", "skin", "hair", "c3", "c4", "dress")
    maps.pair("val/images", "val/masks")
    (sample,) = read(maps.root / "val", "validation")
    assert [thing.category for thing in sample.objects] == ["skin", "hair", "dress"]


@pytest.mark.parametrize(
    ("break_it", "where", "words", "code"),
    [
        (lambda maps: maps.mask("masks/a.png", values() + np.uint8(2)), "masks/a.png", "value 3", "C604"),
        (lambda maps: maps.image("masks/a.png"), "masks/a.png", "RGB", None),
        (lambda maps: maps.image("images/a.jpg", (12, 9)), "masks/a.png", "12 x 8", "P403"),
        (lambda maps: maps.image("images/b.jpg"), "masks/b.png", "missing", "F102"),
        (lambda maps: maps.mask("masks/b.png"), "masks/b.png", "no picture", "F101"),
        (lambda maps: maps.mapping(names={0: "skin", 1: "hair"}), "label_mapping.json", "background", None),
        (lambda maps: maps.mapping(names={1: "Background"}), "label_mapping.json:1", "value 1", None),
        (lambda maps: maps.text("label_mapping.json", '{"id": 1}'), "label_mapping.json:1", "name", None),
        (lambda maps: (maps.root / "label_mapping.json").unlink(), "masks", "values", None),
    ],
)
def test_what_is_wrong_is_named(maps: Maps, break_it: Any, where: str, words: str, code: str | None) -> None:
    maps.mapping()
    maps.pair("images", "masks")
    break_it(maps)
    error = error_of(DataError, lambda: [list(each) for each in converters.splits(maps.root)[1].values()], match=words)
    assert (error.exit_code, error.code) == (3, code)
    assert str(error.where) == str(maps.root / where)


def test_there_and_back_through_coco_nothing_is_lost(maps: Maps) -> None:
    maps.mapping()
    maps.pair("images", "masks")
    before = read(maps.root)
    done = maps.convert("coco", "coco")
    assert done.splits["train"].dropped == {}
    again = maps.convert("back", "mask_png", "../coco")
    assert again.splits["train"].dropped == {}
    assert (again.losses.written.images, again.losses.written.items) == (1, 3)
    (back,) = read(maps.root.parent / "back")
    assert (back.objects, back.void) == (before[0].objects, before[0].void)
    with Image.open(maps.root.parent / "back/train/masks/a.png") as image:
        assert image.mode == "P"
        expected = values()
        expected[expected == 5] = 3  # the third class of the table
        assert np.array_equal(np.asarray(image), expected)


def test_statistics_have_the_share_of_pixels_and_the_picture_shows_what_is_ignored(maps: Maps) -> None:
    from converters.pictures import drawing
    from converters.pictures.overlays import drawn
    from converters.statistics import columns
    from converters.statistics.summary import summary

    maps.mapping()
    maps.pair("images", "masks")
    dataset = converters.read("mask_png", maps.root, "train")
    with Silent().bar("look", total=1) as bar:
        told = columns.gather(dataset, dataset.pictures.keys(), bar=bar)
    numbers = summary({"train": dataset}, {"train": told}, (64, 64))["splits"]["train"]
    shares = {name: own["mask_pixels"] for name, own in numbers["classes"].items()}
    assert shares == {"skin": round(8 / 96, 4), "hair": round(1 / 96, 4), "dress": round(8 / 96, 4)}
    picture = drawn(next(iter(dataset)), {name: at for at, name in enumerate(dataset.categories, start=1)})
    below = picture.getpixel((picture.width // 4, picture.height - 2))
    assert below == drawing.IGNORED


SQUARES = [[0, 0, 8, 0, 8, 8, 0, 8], [2, 2, 10, 2, 10, 6, 2, 6], [4, 3, 6, 3, 6, 5, 4, 5]]
"""Of 64, 32 and 4 pixels."""


def coco(root: Path, *notes: dict[str, Any]) -> None:
    (root / "images/train").mkdir(parents=True)
    (root / "annotations").mkdir()
    Image.new("RGB", SIZE).save(root / "images/train/a.png")
    rings = {1: SQUARES[2], 2: SQUARES[0], 3: SQUARES[1]}
    given = notes or tuple({"category_id": number, "segmentation": [ring]} for number, ring in rings.items())
    common = {"image_id": 1, "bbox": [0, 0, 8, 8], "iscrowd": 0}
    page = {
        "images": [{"id": 1, "file_name": "a.png", "width": 12, "height": 8}],
        "annotations": [common | {"id": number} | note for number, note in enumerate(given, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(("small", "large", "middle"), 1)],
    }
    (root / "annotations/instances_train.json").write_text(json.dumps(page))


@pytest.mark.parametrize(
    ("order", "counts"),
    [
        ("", {1: 4, 2: 40, 3: 28}),
        ("smaller_first", {2: 64, 3: 8}),
        ("annotation", {2: 40, 3: 32}),
        ("reverse", {1: 4, 2: 60, 3: 8}),
    ],
)
def test_the_order_of_painting(maps: Maps, order: str, counts: dict[int, int]) -> None:
    coco(maps.root)
    maps.convert("out", "mask_png", **({"painting": order} if order else {}))
    out = maps.root.parent / "out"
    with Image.open(out / "train/masks/a.png") as image:
        values, sums = np.unique(np.asarray(image), return_counts=True)
    assert dict(zip(values.tolist(), sums.tolist(), strict=True)) == {0: 96 - sum(counts.values())} | counts
    first = json.loads((out / "label_mapping.json").read_text().splitlines()[0])
    assert first == {"id": 0, "name": "background", "painting": order or "larger_first"}
    assert error_of(UsageError, maps.convert, "other", "mask_png", painting="largest").exit_code == 2
    error_of(UsageError, mask_png.Writer, out, ["skin", "Background"], match="value 0 of every map")


def test_objects_that_become_one_are_counted_and_crowds_are_void(maps: Maps) -> None:
    crowd = {"category_id": 2, "bbox": [8, 0, 4, 2], "segmentation": [], "iscrowd": 1}
    left, right = ([x, 4, x + 2, 4, x + 2, 6, x, 6] for x in (0, 6))
    coco(maps.root, crowd, {"category_id": 1, "segmentation": [left]}, {"category_id": 1, "segmentation": [right]})
    done = maps.convert("out", "mask_png")
    dropped = done.splits["train"].dropped
    assert (dropped["instances"], dropped["crowd"]) == (1, 1)
    (sample,) = read(maps.root.parent / "out")
    assert [(thing.category, thing.box) for thing in sample.objects] == [("small", Box(0, 4, 8, 6))]
    assert sample.void is not None
    assert run_lengths.box(sample.void) == Box(8, 0, 12, 2)


def test_an_object_without_an_outline_stops_the_work(maps: Maps) -> None:
    coco(maps.root, {"category_id": 1, "segmentation": []})
    error = error_of(DataError, maps.convert, "out", "mask_png", match="small of a")
    assert error.exit_code == 3
    assert not (maps.root.parent / "out").exists()


def test_polygons_cover_the_pixels_whose_middle_they_hold(maps: Maps) -> None:
    """A triangle and a ring with a hole in it that another ring of the same object fills."""
    maps.root.mkdir()
    coco(maps.root / "set", {"category_id": 1, "segmentation": [[0, 0, 4, 0, 0, 4], [3, 1, 6, 1, 6, 3, 3, 3]]})
    maps.convert("out", "mask_png", "set")
    with Image.open(maps.root.parent / "out/train/masks/a.png") as image:
        rows = np.asarray(image)[:4, :7].tolist()
    assert rows == [[1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 0], [1, 0, 0, 1, 1, 1, 0], [0] * 7]


def test_a_void_of_another_size_is_named(maps: Maps) -> None:
    from converters.model import painting

    sample = Sample("a", "a.png", 12, 8, void=Mask(4, 4, run_lengths.encode(np.ones((4, 4))).counts))
    assert error_of(DataError, painting.painted, sample, ()).code == rules.ODD_MASK.code
    assert painting.painted(structs.replace(sample, void=None, ignored=(Box(1, 1, 2.5, 3),)), ()).sum() == 255 * 4


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 2)])
def test_masks_of_all_values_are_those_of_each(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(shape)
    for _ in range(20):
        pixels = random.integers(0, 3, shape).astype(np.uint8)
        found = run_lengths.by_value(pixels)
        assert list(found) == np.unique(pixels).tolist()
        assert all(mask == run_lengths.encode(pixels == value) for value, mask in found.items())


def test_what_lies_on_top_of_its_equal_is_annotated_later() -> None:
    from converters.model import Object, painting

    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[2:5, 2:6] = 1
    mask = run_lengths.encode(pixels)
    twice = tuple(Object(name, Box(2, 2, 6, 5), mask=mask) for name in ("under", "over"))
    sample = Sample("a", "a.png", *SIZE, twice)
    for order, top in (("larger_first", 2), ("smaller_first", 2), ("annotation", 2), ("reverse", 1)):
        assert np.array_equal(painting.painted(sample, (1, 2), order), pixels * top), order  # type: ignore[arg-type]
    assert painting.painted(sample, (1, 0)).max() == 1, "an object of no class paints nothing"
    assert not painting.painted(sample, (0, 0)).any()


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ('{"id": 2, "name": "skin"}', "twice"),
        ('{"id": 1, "name": "hair"}', "twice"),
        ('{"id": 256, "name": "x"}', "255"),
    ],
)
def test_a_mapping_names_each_value_once(maps: Maps, second: str, words: str) -> None:
    maps.text("label_mapping.json", '{"id": 1, "name": "skin"}', second)
    maps.pair("images", "masks")
    error = error_of(DataError, converters.splits, maps.root, match=words)
    assert str(error.where) == f"{maps.root}/label_mapping.json:2"


def test_a_map_without_background_has_all_of_its_classes(maps: Maps) -> None:
    """Those that are found by reading the values alone, too; and the extension may be in capitals."""
    maps.mapping()
    maps.image("images/a.jpg")
    maps.mask("masks/a.PNG", np.where(values() == 0, np.uint8(1), values()))
    dataset = converters.read("mask_png", maps.root, "train")
    pictures: Any = dataset.pictures
    (key,) = pictures.keys()
    assert pictures.items(key) == ["skin", "hair", "dress"]
    assert [thing.category for thing in next(iter(dataset)).objects] == ["skin", "hair", "dress"]


def test_there_are_254_classes_at_most(maps: Maps) -> None:
    from converters.formats import mask_png

    names = [f"c{number}" for number in range(255)]
    mask_png.Writer(maps.root, names[:254])
    assert error_of(UsageError, mask_png.Writer, maps.root, names, match="254").exit_code == 2


def test_a_mask_of_one_bit_has_the_values_0_and_1(maps: Maps) -> None:
    maps.mapping()
    maps.image("images/a.jpg")
    maps.mask("masks/a.png")
    Image.fromarray(values() == 1).save(maps.root / "masks/a.png")
    (sample,) = read(maps.root)
    assert [(thing.category, thing.origin) for thing in sample.objects] == [("skin", "value 1")]
    assert sample.void is None
