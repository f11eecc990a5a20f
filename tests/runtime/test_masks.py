"""Masks of COCO files reach training and evaluation as they are annotated, follow the view; bad ones are named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_sources import CLASSES, annotation, coco, shown, split_of
from PIL import Image
from refusals import error_of

import specs
from converters.model import Mask, run_lengths
from runtime import networks
from runtime.data import frames
from runtime.data.fields import BOXES, Fields
from runtime.data.masks import EMPTY
from runtime.data.recipe import Data, Recipe, Source
from runtime.imaging.views.framing import KeepAspect, Letterbox
from runtime.tasks import instance_segmentation
from tltpipe.errors import DataError

MASKS: Fields = instance_segmentation.FIELDS
RINGS = [[10, 10, 50, 10, 50, 50, 10, 50], [20, 20, 40, 20, 40, 40, 20, 40]]


@pytest.fixture
def base(shapes: Any) -> Recipe:
    return networks.recipe(specs.parse(shapes.spec(), "ssd"))


def failure(base: Recipe, source: Source) -> DataError:
    error: DataError = error_of(DataError, split_of, base, source, MASKS)
    assert error.exit_code == 3
    return error


def test_rings_that_overlap_are_united_for_training_and_for_evaluation(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(3, segmentation=RINGS, bbox=[10, 10, 40, 40]))
    target = shown(split_of(base, source, MASKS, validates=True), KeepAspect(min_sizes=(128,))).targets[2]
    assert run_lengths.area(Mask(64, 64, target["segmentations"][0])) == 1600
    assert target["masks"].sum() == 4 * 1600
    trained = shown(split_of(base, source, MASKS), KeepAspect(min_sizes=()), seed=1).targets[2]
    assert "segmentations" not in trained
    assert trained["masks"].sum() == 1600


@pytest.mark.parametrize("shift", [0, 0.25, 1 / 3])
def test_points_are_kept_exactly(base: Recipe, tmp_path: Path, shift: float) -> None:
    """10.7 * 5 + 0.5 is 54 in double precision and less than that in single: COCO's rule makes another pixel of it."""
    from pycocotools import mask

    ring = [value + shift for value in (10.7, 10.3, 40.9, 10.7, 40.3, 40.1, 10.1, 40.9)]
    source = coco(tmp_path, annotation(3, segmentation=[ring], bbox=[10, 10, 31, 31]))
    target = shown(split_of(base, source, MASKS, validates=True), KeepAspect(min_sizes=())).targets[2]
    assert target["segmentations"][0] == mask.frPyObjects([ring], 64, 64)[0]["counts"]


def test_both_fields_of_masks_are_of_one_column(base: Recipe, tmp_path: Path) -> None:
    split = split_of(base, coco(tmp_path, annotation(1)), MASKS)
    alone = split_of(
        base, split_source(tmp_path), {name: each for name, each in MASKS.items() if name != "segmentations"}
    )
    assert split.nbytes == alone.nbytes


def split_source(root: Path) -> Source:
    return Source(root / "images", root / "train.json", "coco")


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (..., "no mask"),
        ([[10, 20, 40, 20]], "three points"),
        ({"size": [30, 40], "counts": [400, 100, 700]}, "40x30"),
    ],
    ids=["no polygon", "two points", "run lengths of another size"],
)
def test_a_mask_that_cannot_be_used_is_named_by_line_and_column(
    base: Recipe, tmp_path: Path, shape: Any, word: str
) -> None:
    source = coco(tmp_path, annotation(1, id=1), annotation(3, id=2, segmentation=shape))
    path = tmp_path / "train.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    line = path.read_text().partition('"image_id": 3')[0].count("\n") - 1  # above it, the id and the brace
    error = failure(base, source)
    assert word in error.what
    assert (str(error.where), bool(error.hint)) == (f"{path}:{line}:3", True)
    assert len(split_of(base, source, BOXES).labels) == 2, "boxes alone need none"


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ([[90, 5, 99, 5, 99, 30]], [10, 20, 30, 30]),
        ([[5, 5, 20, 20, 40, 40]], [5, 5, 35, 35]),
        ({"size": [60, 80], "counts": [4800]}, [10, 20, 30, 30]),
    ],
    ids=["outside the image", "all points on a line", "run lengths of nothing"],
)
def test_objects_whose_mask_has_no_pixel_are_left_out_and_counted(
    base: Recipe, tmp_path: Path, shape: Any, box: list[int]
) -> None:
    split = split_of(base, coco(tmp_path, annotation(1), annotation(1, segmentation=shape, bbox=box)), MASKS)
    assert split.boxes.tolist() == [[10, 20, 40, 50]]
    assert split.losses.lost == {EMPTY: (0, 1)}
    assert any(note.startswith("1 objects") and "1.png" in note for note in split.notes)
    error = failure(base, coco(tmp_path / "all", annotation(1, segmentation=shape, bbox=box)))
    assert "beside" in (error.hint or "")


def test_what_lies_outside_the_image_is_cut_off_and_rings_of_two_points_are_ignored(
    base: Recipe, tmp_path: Path
) -> None:
    rings = [[60, 40, 120, 40, 120, 90, 60, 90], [1, 1, 5, 5]]
    split = split_of(base, coco(tmp_path, annotation(1, segmentation=rings, bbox=[60, 40, 20, 20])), MASKS)
    target = shown(split, KeepAspect(min_sizes=())).targets[0]
    assert target["masks"][0, 40:, 60:].all()
    assert target["masks"].sum() == 20 * 20
    assert run_lengths.area(Mask(80, 60, target["segmentations"][0])) == 400
    assert any(note.startswith("1 parts") and "three points" in note for note in split.notes)
    assert not split.losses.lost


def test_classes_that_are_not_trained_need_no_mask(base: Recipe, tmp_path: Path) -> None:
    objects = [annotation(1), annotation(1, category_id=3, segmentation=...)]
    split = split_of(base, coco(tmp_path, *objects, classes=(*CLASSES, "triangle")), MASKS)
    assert len(shown(split, KeepAspect(min_sizes=())).targets[0]["masks"]) == 1


VIEWS = {
    "letterbox": Letterbox(width=120, height=100),
    "letterbox, mirrored": Letterbox(width=60, height=140, random_flip=1.0),
    "aspect kept": KeepAspect(min_sizes=(131,)),
    "aspect kept, mirrored": KeepAspect(min_sizes=(45,), random_flip=1.0),
}


@pytest.mark.parametrize("kind", ["polygon", "run lengths"])
@pytest.mark.parametrize("name", VIEWS)
def test_masks_follow_the_view_pixel_by_pixel(base: Recipe, tmp_path: Path, name: str, kind: str) -> None:
    """The white square of the image is where its mask is, but for the half pixels on its border."""
    runs = {"size": [64, 64], "counts": [64 * 10 + 20, *[30, 34] * 29, 30, 64 * 24 + 14]}
    shape = {} if kind == "polygon" else {"segmentation": runs}
    view, split = VIEWS[name], split_of(base, coco(tmp_path, annotation(3, **shape)), MASKS)
    size = (view.height, view.width) if isinstance(view, Letterbox) else None
    batch = shown(split, view, size, seed=1)
    mask, white = batch.targets[2]["masks"][0] > 0, batch.images[2][..., 0].astype(int)
    left, top, right, bottom = batch.targets[2]["boxes"][0].tolist()
    rows, columns = np.arange(len(mask))[:, None], np.arange(mask.shape[1])
    across = np.minimum(columns + 0.5 - left, right - columns - 0.5)
    down = np.minimum(rows + 0.5 - top, bottom - rows - 0.5)
    depth = np.minimum(across, down)  # of each pixel inside the box, negative outside
    assert mask[depth > 1].all()
    assert not mask[depth < -1].any()
    assert (white[depth > 1.5] > 230).all()
    assert (mask == (depth > 0)).mean() > 0.99


def penn_fudan(root: Path, mask: Any) -> Source:
    for folder in ("PNGImages", "PedMasks", "Annotation"):
        (root / folder).mkdir(parents=True)
    Image.new("RGB", (80, 60)).save(root / "PNGImages/P1.png")
    Image.fromarray(mask).save(root / "PedMasks/P1_mask.png")
    name = '"PASpersonWalking"'
    (root / "Annotation/P1.txt").write_text(
        f'Image filename : "PennFudanPed/PNGImages/P1.png"\nImage size (X x Y x C) : 80 x 60 x 3\n'
        f"Objects with ground truth : 2 {{ {name} {name} }}\n"
        f"Bounding box for object 1 {name} (Xmin, Ymin) - (Xmax, Ymax) : (11, 21) - (40, 50)\n"
        f"Bounding box for object 2 {name} (Xmin, Ymin) - (Xmax, Ymax) : (51, 6) - (70, 25)\n"
    )
    return Source(None, root, "penn_fudan")


def test_masks_of_image_files_are_read_and_those_of_another_size_named(base: Recipe, tmp_path: Path) -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[20:50, 10:40], mask[5:25, 50:70] = 1, 2
    walking = ("paspersonwalking",)

    def read(source: Source) -> Any:
        data = Data(training=(), validation=(source,), mapping={})
        return frames.validation(replace(base, data=data), walking, MASKS)

    target = shown(read(penn_fudan(tmp_path / "good", mask)), KeepAspect(min_sizes=())).targets[0]
    assert [run_lengths.area(Mask(80, 60, counts)) for counts in target["segmentations"]] == [900, 400]
    assert np.array_equal(target["masks"], np.stack([mask == 1, mask == 2]))
    assert target["area"].tolist() == [900, 400], "of the masks"
    error = error_of(DataError, read, penn_fudan(tmp_path / "bad", mask[:, :79]))
    assert str(error.where).endswith("PedMasks/P1_mask.png")
    assert "79" in error.what
