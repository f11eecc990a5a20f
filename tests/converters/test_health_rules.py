"""Every rule is found where it is broken, and is whole again in the mended copy where the rule says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converters.health import Report, examine
from converters.health.mending import mend
from converters.model import rules
from tltpipe.progress import Silent

Json = dict[str, Any]
NAMES = ("skirt", "vest")


def noise(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture like no other: blurred noise, as a perceptual hash tells apart."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


@dataclass
class Coco:
    """A healthy data set of two splits, to be made sick; ``write`` writes it."""

    root: Path
    images: dict[str, list[Json]] = field(default_factory=dict)
    annotations: dict[str, list[Json]] = field(default_factory=dict)
    categories: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
        for split, numbers in (("train", (1, 2, 3)), ("validation", (11, 12))):
            self.images[split], self.annotations[split] = [], []
            for number in numbers:
                self.add(split, number)

    def add(self, split: str, number: int, **changes: Any) -> None:
        """A picture with a skirt and a vest; ``changes`` are those of its record."""
        record = {"id": number, "file_name": f"{number:03d}.jpg", "width": 160, "height": 120} | changes
        self.save(noise(number), split, record["file_name"])
        self.images[split].append(record)
        for category, box in ((1, [10, 10, 60, 50]), (2, [80, 40, 40, 60])):
            self.item(split, number, category_id=category, bbox=box)

    def item(self, split: str, image: int, **fields: Any) -> Json:
        every = self.annotations[split]
        number = sum(map(len, self.annotations.values())) + 1
        every.append({"id": number, "image_id": image, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": 0})
        every[-1].update(fields)
        return every[-1]

    def save(self, image: Image.Image, split: str, name: str, **options: Any) -> None:
        path = self.picture(split, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **({"quality": 95} | options))

    def picture(self, split: str, name: str) -> Path:
        return self.root / "images" / split / name

    def landmarks(self, *triplets: tuple[float, float, int]) -> list[float]:
        """Announces two landmarks of a skirt, and gives every skirt these."""
        self.categories[0] |= {"keypoints": ["left", "right"], "skeleton": []}
        points = [number for triplet in ((20, 20, 2), (30, 30, 2)) for number in triplet]
        for every in self.annotations.values():
            for record in every:
                if record["category_id"] == 1:
                    record |= {"keypoints": list(points), "num_keypoints": 2}
        self.annotations["train"][0]["keypoints"] = [number for triplet in triplets for number in triplet]
        return points

    def write(self) -> Path:
        for split, records in self.images.items():
            page = {"images": records, "annotations": self.annotations[split], "categories": self.categories}
            path = self.root / "annotations" / f"instances_{split}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(page))
        return self.root


@pytest.fixture
def coco(tmp_path: Path) -> Coco:
    return Coco(tmp_path / "data")


Case = Callable[[Coco], object]
CASES: dict[str, Case] = {
    rules.NO_PICTURE.code: lambda coco: coco.picture("train", "001.jpg").unlink(),
    rules.UNREADABLE.code: lambda coco: coco.item("train", 1, bbox=["wide"]),
    rules.ORPHAN.code: lambda coco: coco.save(noise(99), "train", "099.jpg"),
    rules.SAME_NAME.code: lambda coco: coco.images["train"].append(coco.images["train"][0] | {"id": 77}),
    rules.BROKEN_PICTURE.code: lambda coco: coco.picture("train", "001.jpg").write_bytes(b"no picture"),
    rules.ROTATED.code: lambda coco: turned(coco, 6),
    rules.OTHER_KIND.code: lambda coco: coco.save(noise(1), "train", "001.jpg", format="PNG"),
    rules.ROUNDED.code: lambda coco: coco.item("train", 1, bbox=[100, 60, 60.5, 30]),
    rules.TINY.code: lambda coco: coco.item("train", 1, bbox=[100, 60, 7, 30]),
    rules.SAME_BOX.code: lambda coco: coco.item("train", 1, bbox=[10, 10, 60, 50]),
    rules.HUGE.code: lambda coco: coco.item("train", 1, bbox=[0, 0, 160, 120]),
    rules.OUTSIDE_BOX.code: lambda coco: coco.item("train", 1, segmentation=[[12, 22, 38, 22, 38, 90]]),
    rules.FEW_POINTS.code: lambda coco: coco.item("train", 1, segmentation=[[12, 22, 38, 22, 12, 22]]),
    rules.ODD_MASK.code: lambda coco: coco.item("train", 1, segmentation={"size": [12, 16], "counts": [10, 20, 162]}),
    rules.LANDMARK_COUNT.code: lambda coco: coco.landmarks((20, 20, 2)),
    rules.NO_LANDMARKS.code: lambda coco: coco.landmarks((0, 0, 0), (0, 0, 0)),
    rules.LANDMARK_OUTSIDE.code: lambda coco: coco.landmarks((20, 20, 2), (163, 30, 2)),
    rules.NO_ITEMS.code: lambda coco: coco.categories.append({"id": 3, "name": "sling"}),
    rules.UNKNOWN_CLASS.code: lambda coco: coco.item("train", 1, category_id=9),
    rules.NEAR_ACROSS.code: lambda coco: coco.save(noise(1), "validation", "011.jpg", quality=60),
}


def case(rule: rules.Rule) -> Callable[[Case], Case]:
    def remember(function: Case) -> Case:
        CASES[rule.code] = function
        return function

    return remember


@case(rules.CUT_PICTURE)
def cut(coco: Coco) -> None:
    path = coco.picture("train", "001.jpg")
    path.write_bytes(path.read_bytes()[:-900])


def turned(coco: Coco, number: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    coco.save(noise(1), "train", "001.jpg", exif=exif)


@case(rules.SIZE_AS_SHOWN)
def as_shown(coco: Coco) -> None:
    turned(coco, 8)
    coco.images["train"][0] |= {"width": 120, "height": 160}


@case(rules.OTHER_SIZE)
def other_size(coco: Coco) -> None:
    coco.images["train"][0] |= {"width": 320, "height": 240}
    coco.images["train"][1] |= {"width": 500, "height": 100}


@case(rules.MIXED_SIZES)
def mixed_sizes(coco: Coco) -> None:
    coco.add("train", 4, width=200)
    coco.save(noise(4, (200, 120)), "train", "004.jpg")


@case(rules.FRAMES)
def frames(coco: Coco) -> None:
    coco.images["train"][0]["file_name"] = "001.tif"
    coco.save(noise(1), "train", "001.tif", save_all=True, append_images=[noise(2)])
    coco.picture("train", "001.jpg").unlink()


@case(rules.NOT_RGB)
def not_rgb(coco: Coco) -> None:
    coco.save(noise(1).convert("L"), "train", "001.jpg")
    coco.save(noise(2).convert("CMYK"), "train", "002.jpg")


@case(rules.NO_AREA)
def no_area(coco: Coco) -> None:
    coco.item("train", 1, bbox=[50, 60, -20, -30])
    coco.item("train", 1, bbox=[50, 60, 0, 10])


@case(rules.OUTSIDE)
def outside(coco: Coco) -> None:
    coco.item("train", 1, bbox=[100, 60, 90, 30])
    coco.item("train", 1, bbox=[300, 60, 90, 30])


@case(rules.NO_OBJECTS)
def no_objects(coco: Coco) -> None:
    coco.annotations["train"] = [record for record in coco.annotations["train"] if record["image_id"] != 1]


@case(rules.RARE)
def rare(coco: Coco) -> None:
    coco.categories.append({"id": 3, "name": "sling"})
    coco.item("train", 1, category_id=3)
    for split, place in (("train", 1), ("validation", 11)):
        for number in range(60):
            coco.item(split, place, bbox=[number, 20, 30, 40])


@case(rules.ONE_SIDED)
def one_sided(coco: Coco) -> None:
    coco.categories.append({"id": 3, "name": "sling"})
    coco.item("train", 1, category_id=3)


@case(rules.SAME_PICTURE)
def same_picture(coco: Coco) -> None:
    coco.add("train", 4)
    coco.picture("train", "004.jpg").write_bytes(coco.picture("train", "001.jpg").read_bytes())


@case(rules.SAME_ACROSS)
def same_across(coco: Coco) -> None:
    coco.picture("validation", "011.jpg").write_bytes(coco.picture("train", "001.jpg").read_bytes())


@case(rules.NEAR)
def near(coco: Coco) -> None:
    coco.add("train", 4)
    coco.save(noise(1), "train", "004.jpg", quality=60)


@case(rules.GARMENT_ACROSS)
def garment_across(coco: Coco) -> None:
    coco.item("train", 1, pair_id=5, style=2)
    coco.item("validation", 11, pair_id=5, style=2)
    coco.item("validation", 12, pair_id=5, style=0)


ELSEWHERE = {
    "told by what leaves pictures out, by fetch, by what is mended": "F106 F107 B308",
    "test_health_formats.py": "F102 C603",
    "test_yolo_layouts.py": "F115 F116 F117 F118",
    "test_listing.py, test_limits.py, test_filenames.py, test_image_sizes.py": "F108 I209 F111 F112",
    "test_voc_lists.py, test_coco_exports.py, test_crowd.py": "F113 F114 C611 C612",
    "test_ignore_regions.py, test_coordinates.py, test_labelme.py, test_csv.py": "B321 B322 B323 C621",
    "test_deepfashion.py": "C606 C607 F119 F120",
}


def look(path: Path, *, deep: bool = True) -> Report:
    return examine(path, progress=Silent(), deep=deep)


def codes(report: Report) -> dict[str, int]:
    return {found.rule.code: found.count for found in report.findings}


def test_every_rule_is_told_by_something() -> None:
    assert {rule.code for rule in rules.catalogue()} == CASES.keys() | {*" ".join(ELSEWHERE.values()).split()}


def test_nothing_is_found_where_nothing_is(coco: Coco) -> None:
    report = look(coco.write())
    assert report.findings == ()
    assert report.healthy
    assert (report.format, report.pictures, report.items) == ("coco", 5, 10)
    assert report.classes == {"skirt": 5, "vest": 5}


@pytest.mark.parametrize("code", CASES)
def test_is_found_and_mended(code: str, coco: Coco, tmp_path: Path) -> None:
    CASES[code](coco)
    root = coco.write()
    before = look(root)
    found = next(found for found in before.findings if found.rule.code == code)
    assert found.count >= 1
    assert found.examples
    assert str(tmp_path) not in "".join(found.examples)
    done = mend(root, tmp_path / "mended", report=before, progress=Silent())
    assert done.format == "coco"
    after = look(tmp_path / "mended")
    assert (code in codes(after)) is not found.rule.mended, after.findings
    assert not {code for code in codes(after) if rules.by_code(code).mended}
    assert not list(tmp_path.glob(".*")), "nothing hidden is left behind"


@pytest.mark.parametrize(
    ("code", "count", "example"),
    [
        ("F101", 1, "images/train/001.jpg: this picture is missing"),
        ("F104", 1, "images/train/099.jpg"),
        ("I203", 1, "train/001 (orientation 6)"),
        ("I204", 2, "train/001 is 160 x 120, annotated as 320 x 240"),
        ("I205", 2, "160 x 120 (5)"),
        ("I206", 1, "train/001.jpg is a PNG"),
        ("I207", 2, "train/001 (L)"),
        ("B301", 2, "train/001 annotation 11"),
        ("B302", 2, "train/001 annotation 11 (30 pixels)"),
        ("B304", 1, "train/001 annotation 11 (7 x 30)"),
        ("P401", 1, "train/001 annotation 11 (30 pixels)"),
        ("P403", 1, "train/001 annotation 11 (16 x 12, the picture 160 x 120)"),
        ("K502", 1, "train/001 annotation 1"),
        ("K503", 1, "train/001 annotation 1 (1 of 2)"),
        ("C601", 1, "sling (1 of 131)"),
        ("C605", 1, "sling (not in validation)"),
        ("D701", 1, "train/001 and train/004"),
        ("D702", 1, "train/001 and validation/011"),
        ("D703", 1, "train/001 and train/004"),
        ("D704", 1, "train/001 and validation/011"),
        ("D705", 1, "pair 5 style 2 in train and validation"),
    ],
)
def test_counts_and_examples(code: str, count: int, example: str, coco: Coco) -> None:
    CASES[code](coco)
    found = next(found for found in look(coco.write()).findings if found.rule.code == code)
    assert (found.count, found.examples[0]) == (count, example)


def test_looks_and_broken_pixels_take_the_deep_look(coco: Coco) -> None:
    near(coco)
    coco.add("train", 5, file_name="005.png")
    path = coco.picture("train", "005.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert codes(look(coco.write(), deep=False)) == {}
    assert codes(look(coco.root)) == {"D703": 1, "I201": 1}


def mended(coco: Coco, out: Path, **options: Any) -> dict[int, Json]:
    """Annotations of the mended train split by id."""
    mend(coco.write(), out, progress=Silent(), **options)
    page = json.loads((out / "annotations/instances_train.json").read_text())
    return {record["id"]: record for record in page["annotations"]}


def test_boxes_are_turned_back_clipped_or_drawn_around_their_polygons(coco: Coco, tmp_path: Path) -> None:
    coco.annotations["train"] = []
    coco.images["train"] = coco.images["train"][:1]
    ring = [20, 30, 60, 30, 60, 70]
    for box in ([50, 60, -20, -30], [140, 60, 90, 30], [300, 60, 90, 30], [50, 60, 0, 10]):
        coco.item("train", 1, bbox=box)
    coco.item("train", 1, bbox=[5, 5, 0, 0], segmentation=[ring])
    records = mended(coco, tmp_path / "out")
    assert [record["bbox"] for record in records.values()] == [[30, 30, 20, 30], [140, 60, 20, 30], [20, 30, 40, 40]]
    assert records[3]["segmentation"] == [ring]


def test_boxes_are_scaled_with_a_picture_that_was(coco: Coco, tmp_path: Path) -> None:
    other_size(coco)
    coco.annotations["train"][0] |= {"segmentation": [[10, 10, 70, 10, 70, 60]]}
    records = mended(coco, tmp_path / "out")
    assert records[1]["bbox"] == [5, 5, 30, 25]
    assert records[1]["segmentation"] == [[5, 5, 35, 5, 35, 30]]
    listed = (tmp_path / "out/left-out.txt").read_text()
    assert listed.startswith("002\t")
    assert "is 160 x 120, but annotated as 500 x 100" in listed


@pytest.mark.parametrize("evidence", [True, False])
def test_a_half_turn_is_annotated_as_the_quarter_turns_beside_it(coco: Coco, tmp_path: Path, evidence: bool) -> None:
    turned(coco, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    coco.save(noise(2), "train", "002.jpg", exif=exif)
    if evidence:
        coco.images["train"][1] |= {"width": 120, "height": 160}
    records = mended(coco, tmp_path / "out")
    assert records[1]["bbox"] == ([10, 10, 60, 50] if evidence else [90, 60, 60, 50])
    assert records[3]["bbox"] == ([10, 10, 60, 50] if evidence else [60, 10, 50, 60])


def test_of_copies_the_one_with_the_most_items_stays(coco: Coco, tmp_path: Path) -> None:
    same_picture(coco)
    coco.item("train", 4, bbox=[30, 30, 40, 40])
    records = mended(coco, tmp_path / "out")
    assert len(records) == 7
    listed = (tmp_path / "out/left-out.txt").read_text()
    assert listed.startswith("001\t")
    assert "this picture is the same as train/004" in listed


def test_training_gives_way_to_judging(coco: Coco, tmp_path: Path) -> None:
    same_across(coco)
    mended(coco, tmp_path / "out")
    assert not (tmp_path / "out/images/train/001.jpg").exists()
    assert (tmp_path / "out/images/validation/011.jpg").exists()


def test_a_picture_that_loses_every_item_is_left_out(coco: Coco, tmp_path: Path) -> None:
    coco.annotations["train"] = coco.annotations["train"][2:]
    coco.item("train", 1, bbox=[50, 60, 0, 10])
    mended(coco, tmp_path / "out")
    assert "not one of its items has a box on the picture" in (tmp_path / "out/left-out.txt").read_text()
    assert not (tmp_path / "out/images/train/001.jpg").exists()


def test_mending_twice_is_the_same(coco: Coco, tmp_path: Path) -> None:
    for code in ("B302", "I203", "D702", "P402"):
        CASES[code](coco)
    coco.write()
    for out in ("one", "two"):
        mend(coco.root, tmp_path / out, progress=Silent())
    contents = [
        {path.relative_to(tmp_path / out): path.read_bytes() for path in (tmp_path / out).rglob("*") if path.is_file()}
        for out in ("one", "two")
    ]
    assert contents[0] == contents[1]
