"""Training reads what converters reads: masks, keypoints, crowds and label maps reach the batch; bad data is named."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_sources import CLASSES, RICH, annotation, coco, shown, split_of
from PIL import Image
from refusals import error_of

import converters
import specs
from converters.model import landmarks
from converters.sample import draw
from runtime import networks
from runtime.data import batches, frames
from runtime.data.columns import Annotated, Fixed
from runtime.data.fields import BOXES, Fields, Value
from runtime.data.keypoints import Keypoints, own_points
from runtime.data.orders import Draw, Order
from runtime.data.recipe import Data, Recipe, Source
from runtime.data.split import FLAT
from runtime.imaging.placement import Placement, Seen
from runtime.imaging.views.framing import KeepAspect, Letterbox, ObjectCrop
from runtime.tasks.detection import coco_results
from tltpipe.errors import DataError, SpecError
from tltpipe.progress import Silent


@pytest.fixture
def base(shapes: Any) -> Recipe:
    return networks.recipe(specs.parse(shapes.spec(), "ssd"))


@pytest.mark.torch
def test_a_task_of_whole_images_needs_no_boxes(base: Recipe, tmp_path: Path) -> None:
    import torch

    source = coco(tmp_path, annotation(1), annotation(1, iscrowd=0), annotation(3))
    fields: Fields = {"count": Value(np.float32, lambda annotated: [len(annotated.labels)], per="image")}
    split = split_of(base, source, fields)
    assert frames.describe(split) == "3 images, 3 objects, 1 of the images without objects"
    assert split.notes == ("no object in the training data for: circle",)
    batch = shown(split, Letterbox(width=32, height=32), (32, 32))
    _, targets = batches.tensors(batch, torch.device("cpu"))
    assert [target["count"].item() for target in targets] == [2, 0, 1]
    assert {(target["count"].dtype, target["count"].shape) for target in targets} == {(torch.float32, ())}


def test_masks_and_keypoints_come_with_images_of_their_own_size(base: Recipe, tmp_path: Path) -> None:
    split = split_of(base, coco(tmp_path, annotation(1), annotation(3), annotation(3, keypoints=[0] * 6)))
    assert frames.describe(split) == "3 images, 3 boxes, 1 of the images without objects"
    batch = shown(split, KeepAspect(min_sizes=()))
    assert [image.shape for image in batch.images] == [(60, 80, 3), (90, 50, 3), (64, 64, 3)]
    first, empty, last = batch.targets
    assert first["boxes"].tolist() == [[10, 20, 40, 50]]
    assert first["labels"].tolist() == [2]
    assert first["keypoints"].tolist() == [[[12, 22, 2], [38, 22, 1]]]
    assert np.array_equal(first["masks"], (batch.images[0][None, ..., 0] == 255))
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(RICH, 0)
    assert empty["masks"].shape == (0, 90, 50)
    assert last["keypoints"][1].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert last["masks"].shape == (2, 64, 64)


def test_what_is_flipped_is_flipped_in_all_fields(base: Recipe, tmp_path: Path) -> None:
    runs = {"size": [64, 64], "counts": [64 * 10 + 20, *[30, 34] * 29, 30, 64 * 24 + 14]}
    split = split_of(base, coco(tmp_path, annotation(1), annotation(3, segmentation=runs)))
    batch = shown(split, Letterbox(width=120, height=120, random_flip=1.0), (120, 120), seed=1)
    for at in (0, 2):
        mask, square = batch.targets[at]["masks"][0] > 0, batch.images[at][..., 0] > 190
        assert (mask & square).sum() / (mask | square).sum() > 0.95
    assert batch.targets[0]["boxes"].tolist() == [[60, 45, 105, 90]]
    assert batch.targets[0]["keypoints"].tolist() == [[[63, 48, 1], [102, 48, 2]]], "left is right in a mirror"


def test_a_view_that_loses_an_object_loses_all_of_it(base: Recipe, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class RightHalf:
        def bound(self, stored: tuple[int, int]) -> tuple[int, int]:
            return stored

        def __call__(self, path: Any, boxes: Any, size: Any, random: Any = None) -> Seen:  # noqa: ARG002
            placement = Placement(np.array([[1.0, 0, -40], [0, 1, 0], [0, 0, 1]]), (40, 60), size)
            return Seen(np.zeros((60, 40, 3), np.uint8), placement, *placement.visible(boxes))

    right = annotation(1, bbox=[50, 5, 20, 20], segmentation=[[50, 5, 70, 5, 70, 25, 50, 25]], keypoints=[51, 6, 2] * 2)
    split = split_of(base, coco(tmp_path, annotation(1), right, images=1))
    target = shown(split, RightHalf()).targets[0]
    assert {name: len(values) for name, values in target.items()} == dict.fromkeys(RICH, 1)
    assert target["boxes"].tolist() == [[10, 5, 30, 25]]
    assert target["masks"].sum() == 400
    assert target["keypoints"][0, 0].tolist() == [11, 6, 2]


def test_crowds_are_not_trained_on_but_evaluated_around(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1), annotation(1, iscrowd=1, area=77, bbox=[1, 1, 5, 5]))
    split = split_of(base, source)
    assert split.labels.tolist() == [2]
    assert any(note.startswith("1 crowds") for note in split.notes)
    split.losses.require_balance()
    held_out = split_of(base, source, validates=True)
    target = shown(held_out, KeepAspect(min_sizes=())).targets[0]
    assert target["crowd"].tolist() == [False, True]
    assert target["area"].tolist() == [-1, 77], "of the first its box says it"


def test_masks_of_several_objects_stay_apart(base: Recipe, tmp_path: Path) -> None:
    """The pixels of image 2 do not fill whole bytes."""
    other = [5, 60, 25, 60, 25, 85, 5, 85]
    source = coco(tmp_path, annotation(2), annotation(2, segmentation=[other], bbox=[5, 60, 20, 25]))
    masks = shown(split_of(base, source), KeepAspect(min_sizes=())).targets[1]["masks"]
    expected = np.zeros((2, 90, 50), np.uint8)
    expected[0, 20:50, 10:40] = expected[1, 60:85, 5:25] = 1
    assert np.array_equal(masks, expected)


@pytest.mark.torch
def test_tensors_are_a_list_where_images_differ(base: Recipe, tmp_path: Path) -> None:
    import torch

    split = split_of(base, coco(tmp_path, annotation(1), annotation(3)))
    images, targets = batches.tensors(shown(split, KeepAspect(min_sizes=())), torch.device("cpu"))
    assert [tuple(image.shape) for image in images] == [(3, 60, 80), (3, 90, 50), (3, 64, 64)]
    assert targets[0].keys() == {"boxes", "labels", "masks", "keypoints"}
    assert targets[0]["masks"].dtype == torch.uint8
    assert [tuple(each["masks"].shape) for each in targets] == [(1, 60, 80), (0, 90, 50), (1, 64, 64)]


@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "kitti", "folders"])
def test_every_format_trains_on_the_same_boxes(base: Recipe, tmp_path: Path, format: str) -> None:
    """A drawn DeepFashion2 data set as it is, and converted."""
    draw(tmp_path / "raw", train=4, validation=0, seed=3, progress=Silent(), size=120)
    dataset = converters.read("deepfashion2", tmp_path / "raw", "train")
    classes = dataset.categories
    raw = Data((Source(None, tmp_path / "raw", "deepfashion2"),), (), {})
    expected = frames.training(replace(base, data=raw), classes)
    other = converted(tmp_path, format)
    split = frames.training(replace(base, data=Data((other,), (), {})), classes)
    assert len(split) == 4
    assert split.sizes.tolist() == expected.sizes.tolist()
    assert [classes[label - 1] for label in split.labels] == [classes[label - 1] for label in expected.labels]
    np.testing.assert_allclose(split.boxes, expected.boxes, atol=0.02)


def converted(root: Path, format: str) -> Source:
    """The data set in ``root``/raw in another format."""
    from converters.transfer.convert import convert

    if format == "folders":
        convert(root / "raw", root / "kitti", format="kitti", progress=Silent())
        return Source(root / "kitti/train/image_2", root / "kitti/train/label_2", "kitti")
    convert(root / "raw", root / format, format=format, progress=Silent())
    return Source(None, root / format, "kitti" if format == "kitti" else "auto")


def test_an_epoch_of_objects_shows_each_in_a_crop_of_its_own(base: Recipe, tmp_path: Path) -> None:
    other = annotation(3, bbox=[0, 0, 20, 10], segmentation=[[0, 0, 20, 0, 20, 10, 0, 10]])
    split = split_of(base, coco(tmp_path, annotation(1), annotation(3), other)).per_object()
    assert split.samples == 3
    assert split.sources == ((3, 1.0),)
    batch = shown(split, ObjectCrop(width=48, height=48, margin=1.0), (48, 48))
    assert batch.images.shape == (3, 48, 48, 3)
    assert batch.indices == (0, 2, 2)
    boxes = np.concatenate([target["boxes"] for target in batch.targets])
    wide = np.array([0, 12.63, 48, 37.89])
    np.testing.assert_allclose(boxes, [[0, 0, 48, 48], [0, 0, 48, 48], wide], atol=0.01)
    order = Order(split.samples, 1, range(1, 2), 7)
    assert sorted(index for made in order for index in made.indices) == [0, 1, 2]


def test_objects_without_landmarks_and_crowds_are_no_samples_but_stay_true(base: Recipe, tmp_path: Path) -> None:
    bare, crowd = annotation(3, keypoints=[0] * 6, id=7), annotation(1, iscrowd=1, id=8)
    hidden = annotation(3, keypoints=[12, 22, 1, 0, 0, 0], id=9)
    source = coco(tmp_path, bare, annotation(1, id=6), crowd, hidden)
    data = Data(training=(source,), validation=(source,), mapping={}, per_object=True)
    split = frames.training(replace(base, data=data), CLASSES, RICH)
    assert frames.describe(split) == "3 images, 3 boxes, 2 samples, 1 of the images without objects"
    assert [target["keypoints"][0, 0, 2] for target in shown(split, KeepAspect(min_sizes=())).targets] == [2, 1]
    assert any(note.startswith("1 objects") and "3.png: items without landmarks" in note for note in split.notes)
    assert {why[:5]: count.items for why, count in split.losses.lost.items()} == {"items": 1, "crowd": 1}
    split.losses.require_balance()
    held_out = frames.validation(replace(base, data=data), CLASSES, RICH)
    assert held_out is not None
    assert held_out.sources == ((2, 1.0),)
    assert (len(held_out.labels), held_out.units.tolist()) == (4, [[0, 0], [2, 3]]), "all are judged around"
    assert held_out.losses.written.items == 4
    none = replace(base, data=replace(data, training=(coco(tmp_path / "none", bare),)))
    error = error_of(DataError, frames.training, none, CLASSES, RICH, match="landmarks")
    assert error.where == tmp_path / "none" / "train.json"


def test_landmarks_outside_their_image_are_told(base: Recipe, tmp_path: Path) -> None:
    one, beside = annotation(1, id=6), annotation(3, keypoints=[12, 22, 2, 9000, 22, 2], id=7)
    far = annotation(3, keypoints=[9012, 22, 2, 0, 0, 0], id=8)
    source = coco(tmp_path, one, beside, far)
    split = frames.training(
        replace(base, data=Data(training=(source,), validation=(), mapping={}, per_object=True)), CLASSES, RICH
    )
    assert split.samples == 2, "nothing can be learnt from one that lies elsewhere as a whole"
    assert any("2 labelled landmarks of 2 objects" in note for note in split.notes)


@pytest.mark.parametrize("vector", [8, 81, 294])
def test_landmarks_of_a_garment_lie_in_its_slots_whatever_the_vector_of_the_file(
    base: Recipe, tmp_path: Path, vector: int
) -> None:
    """The skirt of the published figures; a point outside its crop stays a point where the field has them so."""
    own = [[20, 30, 2], [30, 30, 2], [40, 30, 2], [15, 45, 2], [79, 59, 2], [30, 48, 1], [40, 48, 1], [0, 0, 0]]
    skirt = landmarks.layout("skirt")
    assert skirt is not None
    places = {8: range(8), 81: [number - 1 for number in skirt.aggregated], 294: skirt.slots}[vector]
    numbers = np.zeros((vector, 3), int)
    numbers[list(places)] = own
    source = coco(tmp_path, annotation(1, category_id=1, keypoints=numbers.ravel().tolist()), classes=("skirt", "x"))
    page = json.loads(Path(source.annotations).read_text())
    page["categories"] = [{"id": 1, "name": "skirt", "keypoints": [str(each) for each in range(1, vector + 1)]}]
    Path(source.annotations).write_text(json.dumps(page))
    fields = {**BOXES, "keypoints": Keypoints(294, beyond=True)}
    data = Data(training=(), validation=(source,), mapping={}, per_object=True)
    split = frames.validation(replace(base, data=data), ("skirt",), fields)
    assert split is not None
    (target,) = shown(split, ObjectCrop(width=58, height=58, margin=1.0), (58, 58)).targets
    (kept,) = split.columns["keypoints"].take(np.array([0]))
    assert own_points(kept).slots == slice(182, 190)
    assert own_points(kept).points.tolist() == own
    assert np.count_nonzero(target["keypoints"]) == 21
    points = target["keypoints"][0, 182:190]
    np.testing.assert_allclose(points[0], [29 + 2 * (20 - 24.5), 29 + 2 * (30 - 34.5), 2], atol=1e-5)
    np.testing.assert_allclose(points[4], [29 + 2 * (79 - 24.5), 29 + 2 * (59 - 34.5), 2], atol=1e-5)
    assert points[7].tolist() == [0, 0, 0]


def test_ids_are_those_that_the_annotations_give(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1, image_id=31, category_id=7))
    page = json.loads((tmp_path / "train.json").read_text())
    for record, number in zip(page["images"], (31, 5, 12), strict=True):
        record["id"] = number
    for record, number in zip(page["categories"], (9, 7), strict=True):
        record["id"] = number
    (tmp_path / "train.json").write_text(json.dumps(page))
    split = split_of(base, source)
    ids = coco_results.of_split(split, CLASSES)
    assert {path.name: id for path, id in ids.pictures.items()} == {"1.png": 31, "2.png": 5, "3.png": 12}
    assert ids.classes == {"circle": 9, "square": 7}
    kitti = coco_results.of_split(replace(split, image_ids=None, category_ids={}), CLASSES)
    assert {path.name: id for path, id in kitti.pictures.items()} == {"1.png": 1, "2.png": 2, "3.png": 3}
    assert kitti.classes == {"circle": 1, "square": 2}


@dataclass(frozen=True)
class Middles:
    """A toy task's own kind of field: where the middle of each object goes."""

    per = "object"
    to_model = True

    def column(self) -> Fixed:
        return Fixed(np.float32, (2,))

    def read(self, annotated: Annotated) -> Any:
        return (annotated.boxes[:, :2] + annotated.boxes[:, 2:]) / 2

    def placed(self, values: Any, seen: Seen) -> Any:
        return (seen.placement.matrix[:2, :2] @ values.T + seen.placement.matrix[:2, 2:]).T


def test_a_task_may_bring_a_field_of_its_own(base: Recipe, tmp_path: Path) -> None:
    fields: Any = {"boxes": BOXES["boxes"], "middles": Middles()}
    split = split_of(base, coco(tmp_path, annotation(1), images=1), fields)
    target = shown(split, Letterbox(width=160, height=160), (160, 160)).targets[0]
    assert target.keys() == {"boxes", "middles"}
    assert target["middles"].tolist() == [[50, 90]]


# ---------------------------------------------------------------- what is wrong with data


def failure(base: Recipe, source: Source, fields: Fields = RICH) -> DataError:
    error = error_of(DataError, split_of, base, source, fields)
    assert error.exit_code == 3
    return error


def test_objects_without_masks_are_named_where_masks_are_needed(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1), annotation(3, segmentation=...))
    error = failure(base, source)
    assert "mask" in error.what
    assert str(error.where).startswith(str(tmp_path / "train.json"))
    assert len(split_of(base, source, BOXES).labels) == 2, "boxes alone need none"


def test_records_and_kitti_hold_no_masks(base: Recipe) -> None:
    with pytest.raises(DataError, match="masks"):
        frames.training(base, CLASSES, RICH)


def test_classes_that_are_not_trained_are_left_out_and_counted(base: Recipe, tmp_path: Path) -> None:
    objects = [annotation(1, category_id=number, id=number) for number in (1, 2, 3, 3)]
    split = split_of(base, coco(tmp_path, *objects, classes=(*CLASSES, "triangle")))
    assert split.labels.tolist() == [1, 2]
    assert len(split) == 3
    assert [count.items for count in split.losses.lost.values()] == [2]
    assert any("triangle" in note for note in split.notes)


def test_a_trained_class_that_the_data_call_otherwise(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1, category_id=1), classes=("circle", "squares"))
    with pytest.raises(SpecError, match="no class square") as caught:
        split_of(base, source)
    assert '"squares" for "square"' in (caught.value.hint or "")
    assert split_of(base, coco(tmp_path / "fewer", annotation(1, category_id=1), classes=("circle",))).labels == [1]


def test_boxes_without_area_are_lost_to_networks_that_cannot_take_them(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1, bbox=[30, 30, 0, 5]), annotation(1), annotation(2, bbox=[99, 9, 9, 9]))
    data = Data(training=(source,), validation=(), mapping={}, flat=False)
    split = frames.training(replace(base, data=data), CLASSES, RICH)
    assert split.boxes.tolist() == [[10, 20, 40, 50]]
    assert (split.losses.read, split.losses.written) == ((3, 3), (3, 1))
    assert split.losses.lost == {FLAT: (0, 2)}
    assert any(note.startswith("2 boxes") and "1.png" in note for note in split.notes)


def without_annotations(root: Path) -> None:
    page = json.loads((root / "train.json").read_text())
    del page["annotations"]
    (root / "train.json").write_text(json.dumps(page))


def test_a_file_without_images(base: Recipe, tmp_path: Path) -> None:
    assert "no image" in failure(base, coco(tmp_path, images=0)).what


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda root: (root / "images/2.png").unlink(), "images/2.png"),
        (lambda root: Image.new("RGB", (8, 8)).save(root / "images/2.png"), "images/2.png"),
        (without_annotations, "train.json"),
    ],
    ids=["no image", "another size", "nobody annotated"],
)
def test_what_is_missing_or_does_not_fit_is_named(base: Recipe, tmp_path: Path, spoil: Any, where: str) -> None:
    source = coco(tmp_path, annotation(1))
    spoil(tmp_path)
    assert failure(base, source).where == tmp_path / where


def test_annotations_that_are_not_there(base: Recipe, tmp_path: Path) -> None:
    source = coco(tmp_path, annotation(1))
    (tmp_path / "train.json").unlink()
    error = failure(base, source)
    assert str(tmp_path / "train.json") in error.what
    assert error.where == base.where(source.field)


def test_boxes_without_area_are_counted_and_never_shown(base: Recipe, tmp_path: Path) -> None:
    split = split_of(base, coco(tmp_path, annotation(1), annotation(1, bbox=[30, 30, 0, 5]), images=1))
    assert any(note.startswith("1 boxes") and "no area" in note for note in split.notes)
    target = shown(split, KeepAspect(min_sizes=())).targets[0]
    assert target["boxes"].tolist() == [[10, 20, 40, 50]]
    assert len(target["masks"]) == 1


def test_keypoints_that_the_network_has_no_room_for(base: Recipe, tmp_path: Path) -> None:
    error = failure(base, coco(tmp_path, annotation(1)), {**BOXES, "keypoints": Keypoints(1)})
    assert "up to number 2" in error.what


def test_no_batch_is_larger_than_its_room(base: Recipe, tmp_path: Path) -> None:
    """Small images first: the large ones that follow fit into the same shared memory."""
    split = split_of(base, coco(tmp_path, annotation(3), annotation(3)))
    pictures = batches.Pictures(split, KeepAspect(min_sizes=(40, 120), max_size=200), None, 3)
    draws = [Draw(epoch, 0, (index,)) for epoch in range(1, 9) for index in (2, 0, 1)]
    rooms, most = [pictures.room(draw) for draw in draws], pictures.most(draws[0])
    assert max(rooms) <= most
    with closing(batches.batches(pictures, draws, workers=2)) as made:
        for draw, room, batch in zip(draws, rooms, made, strict=True):
            alone = pictures[draw]
            assert np.array_equal(batch.images[0], alone.images[0])
            assert np.array_equal(batch.targets[0]["masks"], alone.targets[0]["masks"])
            assert batch.images[0].nbytes <= room
        assert made._pool.room >= most
