"""Penn-Fudan's text files and masks: boxes counted from 1, masks pixel for pixel, errors where the two differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.model import Box, rules, run_lengths
from converters.model.findings import Findings
from converters.transfer.convert import convert
from converters.transfer.selection import Selection
from tltpipe.errors import DataError, Location
from tltpipe.losses import Count
from tltpipe.progress import Silent

Handmade = Mapping[str, Callable[[Path], None]]
WALKING, STANDING = "PASpersonWalking", "PASpersonStanding"


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def test_boxes_and_masks(tmp_path: Path, handmade: Handmade) -> None:
    handmade["penn_fudan"](tmp_path)
    format, splits = converters.splits(tmp_path)
    assert (format, list(splits), splits["train"].categories) == ("penn_fudan", ["train"], (WALKING, STANDING))
    assert list(converters.splits(tmp_path / "PennFudanPed")[1]) == ["train"]
    first, second = splits["train"]
    assert (first.id, first.width, first.height, second.objects) == ("1", 100, 80, ())
    assert [(thing.category, thing.box) for thing in first.objects] == [
        (WALKING, Box(10, 5, 30, 60)),
        (STANDING, Box(40, 0, 100, 80)),
    ]
    drawn = pixels(tmp_path / "PennFudanPed/PedMasks/1_mask.png")
    for number, thing in enumerate(first.objects, start=1):
        assert thing.mask is not None
        assert run_lengths.box(thing.mask) == thing.box
        assert (run_lengths.decode(thing.mask) == (drawn == number)).all()


def test_coco_has_both_and_nothing_is_lost(tmp_path: Path, handmade: Handmade) -> None:
    handmade["penn_fudan"](tmp_path / "in")
    one_class = Selection(rename={WALKING: "person", STANDING: "person"}, keep_empty=True)
    done = convert(tmp_path / "in", tmp_path / "out", format="coco", selection=one_class, progress=Silent())
    assert (done.losses.written, done.losses.missing) == (Count(2, 2), Count())
    page = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert [entry["name"] for entry in page["categories"]] == ["person"]
    assert [each["bbox"] for each in page["annotations"]] == [[10, 5, 20, 55], [40, 0, 60, 80]]
    drawn = pixels(tmp_path / "in/PennFudanPed/PedMasks/1_mask.png")
    assert [each["area"] for each in page["annotations"]] == [int((drawn == number).sum()) for number in (1, 2)]
    back = next(iter(converters.read("coco", tmp_path / "out", "train")))
    masks = [thing.mask for thing in back.objects]
    assert masks == [run_lengths.encode(drawn == number) for number in (1, 2)]


def test_masks_of_a_palette_are_their_indices(files: Any) -> None:
    files.penn_fudan("1", (WALKING, (11, 6, 30, 60)))
    path = files.root / "PedMasks/1_mask.png"
    drawn = pixels(path)
    image = Image.fromarray(drawn, "P")
    image.putpalette([0, 0, 0, 90, 200, 30])
    image.save(path)
    (sample,) = converters.read("penn_fudan", files.root)
    assert run_lengths.area(sample.objects[0].mask) == int((drawn == 1).sum())


def _change(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = root / "Annotation/1.txt"
        assert re.search(old, text.read_text())
        text.write_text(re.sub(old, new, text.read_text()))

    return change


def _mask(make: Callable[[Image.Image], Image.Image]) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / "PedMasks/1_mask.png"
        with Image.open(path) as image:
            made = make(image)
        made.save(path)

    return change


TEXT, MASK = "Annotation/1.txt", "PedMasks/1_mask.png"


@pytest.mark.parametrize(
    ("change", "file", "line", "word", "code"),
    [
        (_change("Bounding box for object 2 .*\n", ""), TEXT, 5, "object 2 has no", None),
        (_change("object 2 (.*Xmin)", r"object 1 \1"), TEXT, 15, "object 1", None),
        (_change("object 2 (.*Xmin)", r"object 3 \1"), TEXT, 5, "object 2", None),
        (_change(r'truth : 2 (.*) "\w+" \}', r"truth : 1 \1 }"), TEXT, 15, "object 2", None),
        (_change("truth : 2", "truth : 3"), TEXT, 5, "3 objects", None),
        (_change("Objects with ground", "Objects of ground"), TEXT, None, "Objects with ground truth", None),
        (_change(r"\(11, 6\)", "(11; 6)"), TEXT, 10, "Bounding box", None),
        (_change(r"\(11, 6\)", "(-1, 6)"), TEXT, 10, "Bounding box", None),
        (_change(r'object 2 "\w+" \(', f'object 2 "{WALKING}" ('), TEXT, 15, STANDING, None),
        (_change("Walking", "Flying"), TEXT, 10, "PASpersonFlying", "C604"),
        (_change(r"\(11, 6\) - \(30, 60\)", "(31, 6) - (40, 60)"), TEXT, 10, "outside its box", None),
        (_mask(lambda image: image.point(lambda value: value % 2)), TEXT, 15, "no pixels", None),
        (_mask(lambda image: image.point(lambda value: value * 3)), MASK, None, "value 3", None),
        (_mask(lambda image: image.convert("RGB")), MASK, None, "RGB", None),
        (_mask(lambda image: image.resize((50, 40))), MASK, None, "50 x 40", "P403"),
        (lambda root: (root / MASK).unlink(), MASK, None, "missing", "F102"),
        (lambda root: (root / MASK).write_bytes(b"no image"), MASK, None, "not a picture", "I201"),
        (lambda root: (root / TEXT).unlink(), "PNGImages/1.png", None, "no label file", "F102"),
        (lambda root: (root / "PNGImages/1.png").unlink(), TEXT, None, "no picture", "F101"),
    ],
)
def test_what_differs_is_an_error_with_its_place(
    change: Callable[[Path], None], file: str, line: int | None, word: str, code: str | None, files: Any
) -> None:
    files.penn_fudan("1", (WALKING, (11, 6, 30, 60)), (STANDING, (41, 1, 100, 80)))
    change(files.root)
    error = error_of(DataError, lambda: list(converters.read("penn_fudan", files.root)), match=re.escape(word))
    where = error.where
    place = where if isinstance(where, Location) else Location(Path(str(where)))
    assert (Path(place.path), place.line, error.code) == (files.root / file, line, code)


@pytest.mark.parametrize(("right", "cases"), [(36, 0), (50, 1)])
def test_a_mask_may_differ_by_some_pixels_from_its_box(right: int, cases: int, files: Any) -> None:
    files.penn_fudan("1", (WALKING, (11, 6, right, 60)))
    _change(rf"\({right}, 60\)", "(30, 60)")(files.root)
    pictures, findings = converters.read("penn_fudan", files.root).pictures, Findings()
    sample = pictures.load(*pictures.keys(), findings)
    assert sample.objects[0].box == Box(10, 5, 30, 60)
    assert {found.rule: found.count for found in findings} == ({rules.OUTSIDE_BOX: 1} if cases else {})


def test_the_size_of_the_image_is_held_against_the_text(files: Any) -> None:
    files.penn_fudan("1", (WALKING, (11, 6, 30, 60)))
    files.picture("PNGImages/1.png", size=(60, 80))
    with pytest.raises(DataError) as caught:
        convert(files.root, files.root.parent / "out", format="coco", progress=Silent())
    assert caught.value.code == rules.OTHER_SIZE.code
