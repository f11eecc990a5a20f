"""Folders of pictures and labels, pictures inside records, weights, difficult objects, and what is wrong with data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

import specs
from converters.formats.kitti import rows as kitti_rows
from converters.tfrecords import examples
from converters.tfrecords.records import write_records
from runtime import networks
from runtime.data import batches, frames
from runtime.data.orders import Order
from runtime.data.recipe import Data, Recipe, Source
from runtime.imaging.decoding import Embedded, pixels
from tltpipe.errors import DataError, SpecError

CLASSES = ("circle", "square")
TAIL = "0 0 0 0 0 0 0"


@pytest.fixture
def base(shapes: Any) -> Recipe:
    return networks.recipe(specs.parse(shapes.spec(), "ssd"))


def folders(root: Path, labels: dict[str, str], size: tuple[int, int] = (64, 48), suffix: str = ".png") -> Source:
    """Pictures in images/ and a file of each of ``labels`` in labels/."""
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for number, (stem, text) in enumerate(labels.items()):
        Image.new("RGB", size, (number * 9, 80, 90)).save(root / "images" / f"{stem}{suffix}")
        (root / "labels" / f"{stem}.txt").write_text(text)
    return Source(root / "images", root / "labels", "kitti")


def line(name: str = "circle", box: str = "4 5 20 30", occlusion: str = "0") -> str:
    return f"{name} 0.00 {occlusion} 0.00 {box} {TAIL}\n"


def read(base: Recipe, *given: Source, strict: bool = False, **changed: Any) -> frames.Split:
    spec = replace(base.spec, strict=strict)
    settings = Data(training=given, validation=(), mapping={"circle": "circle", "square": "square"})
    return frames.training(replace(base, spec=spec, data=replace(settings, **changed)), CLASSES)


def test_folders_of_pictures_and_labels(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"b": line() + line("Square", "1 2 3.5 4"), "a": line("other"), "c": ""})
    split = read(base, source)
    assert [split.name(index) for index in range(3)] == ["a.png", "b.png", "c.png"]
    assert split.image(1) == tmp_path / "images" / "b.png"
    assert split.sizes.tolist() == [[64, 48]] * 3
    boxes, labels = split.boxes[split.places(1)], split.labels[split.places(1)]
    assert boxes.tolist() == [[4, 5, 20, 30], [1, 2, 3.5, 4]]
    assert labels.tolist() == [1, 2]
    assert np.diff(split.starts).tolist() == [0, 2, 0]
    assert split.notes == ("1 objects of the training data are of classes that are not mapped: other",)


def test_sources_of_both_kinds_are_mixed_and_trained_on(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {f"n{number}": line() for number in range(5)})
    split = read(base, *base.data.training, source)
    assert len(split) == 18 + 5
    assert split.sources == ((18, 1.0), (5, 1.0))
    changed = replace(base, data=replace(base.data, training=(*base.data.training, source), fold=None))
    order, pictures = batches.for_training(changed, split, range(1, 2))
    shown = list(batches.batches(pictures, order, workers=0))
    assert {index for batch in shown for index in batch.indices} == set(range(23))
    assert all(batch.images.shape == (4, 64, 64, 3) for batch in shown)


def test_folders_validate_too(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(occlusion="2") + line("square")})
    settings = replace(base.data, validation=(source,), fold=None, train_difficult=False)
    split = frames.validation(replace(base, data=settings), CLASSES)
    assert split.labels.tolist() == [1, 2]  # what is not trained on is still there to be found
    assert split["difficult"][split.places(0)].tolist() == [True, False]
    order, pictures = batches.for_validation(replace(base, data=settings), split)
    assert [target["difficult"].tolist() for target in pictures[next(iter(order))].targets] == [[True, False]]


def test_difficult_objects_train_when_wanted(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(occlusion="1") + line("square"), "b": line(occlusion="3")})
    assert read(base, source)["difficult"].tolist() == [True, False, True]
    split = read(base, source, train_difficult=False)
    assert split.labels.tolist() == [2]
    assert "2 objects of the training data are marked as occluded and left out" in split.notes


FLAT = {"swapped": "20 30 4 5", "thin": "4 5 4 30", "beside": "70 5 90 30"}


def test_boxes_without_area_are_told(base: Recipe, tmp_path: Path) -> None:
    """Nothing is learned from them, and nothing can be found of them."""
    over = line(box="60 40 70 50")  # half of it is on the picture
    source = folders(tmp_path, {"a": over, "b": over + "".join(line(box=box) for box in FLAT.values())})
    [note] = [each for each in read(base, source).notes if "area" in each]
    picture = tmp_path / "images/b.png"
    assert note == f"3 boxes of the training data have no area on their picture, such as one of {picture}"


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        *(((line(box=box), ""), "without width or height, or beside their pictures") for box in FLAT.values()),
        ((line(occlusion="1"), line(occlusion="3")), "include_difficult_in_training"),
        (("", "\n"), "annotations are empty"),
    ],
)
def test_nothing_to_train_on(base: Recipe, tmp_path: Path, labels: tuple[str, str], hint: str) -> None:
    source = folders(tmp_path, dict(zip("ab", labels, strict=True)))
    with pytest.raises(DataError, match="none of the 2 training pictures has an object to train on") as caught:
        read(base, source, train_difficult=False)
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 3


def test_nothing_to_be_found_when_validating(base: Recipe, tmp_path: Path) -> None:
    """An mAP of 0 for every epoch would make the first one the best."""
    settings = replace(base.data, validation=(folders(tmp_path, {"a": "", "b": ""}),), fold=None)
    with pytest.raises(DataError, match="none of the 2 validation pictures has an object") as caught:
        frames.validation(replace(base, data=settings), CLASSES)
    assert caught.value.exit_code == 3


def test_labels_of_other_classes(base: Recipe, tmp_path: Path) -> None:
    error = error_of(SpecError, lambda: read(base, folders(tmp_path, {"a": line("circel")})), match="hold: circel")
    assert error.exit_code == 2
    assert '"circel" for "circle"' in (error.hint or "")


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".PNG", ".bmp", ".gif"])
def test_extensions_in_both_cases(base: Recipe, tmp_path: Path, suffix: str) -> None:
    source = folders(tmp_path, {"a": line()}, suffix=suffix)
    assert len(read(base, source)) == 1
    if suffix.islower():
        assert len(read(base, source, strict=True)) == 1
    else:
        with pytest.raises(DataError, match="no picture here has labels"):
            read(base, source, strict=True)


@pytest.mark.parametrize("gone", ["labels/b.txt", "images/b.png"])
def test_half_a_pair_names_both(base: Recipe, tmp_path: Path, gone: str) -> None:
    source = folders(tmp_path, {"a": line(), "b": line()})
    (tmp_path / gone).unlink()
    error = error_of(DataError, read, base, source)
    assert str(tmp_path / "labels/b.txt") in str(error)
    assert str(tmp_path / "images/b.") in str(error)
    assert len(read(base, source, strict=True)) == 1


def test_further_pictures_without_labels_are_counted(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(), "b": line(), "c": line()})
    for stem in "bc":
        (tmp_path / f"labels/{stem}.txt").unlink()
    with pytest.raises(DataError, match="of 1 more"):
        read(base, source)


def test_label_files_without_any_picture(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(), "b": line()})
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    assert "2 label files" in (error_of(DataError, read, base, source, match="there are no pictures here").hint or "")


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_folders_that_are_not_there(base: Recipe, tmp_path: Path, missing: str) -> None:
    source = folders(tmp_path, {"a": line()})
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    error = error_of(DataError, read, base, source, match=f"no folder {tmp_path / missing}")
    assert str(error.where).startswith(str(base.spec.source))


@pytest.mark.parametrize(
    ("text", "what", "number"),
    [
        ("circle 0 0\n", "3 columns", 1),
        (line() + line(box="4 5 x 30"), "must be numbers", 2),
        (line(occlusion="some"), "must be numbers", 1),
        (line(box="4 5 nan 30"), "finite", 1),
        (line(box="4 5 inf 30"), "finite", 1),
    ],
)
def test_lines_that_cannot_be_understood(base: Recipe, tmp_path: Path, text: str, what: str, number: int) -> None:
    error = error_of(DataError, lambda: read(base, folders(tmp_path, {"a": text})), match=what)
    assert str(error).startswith(f"{tmp_path / 'labels' / 'a.txt'}:{number}: ")


def test_nine_columns_do_and_fewer_are_left_out_when_strict() -> None:
    found = kitti_rows.boxes("circle 0 0 0 1 2 3 4 0\ncircle 0 0\n", source=Path("a.txt"), strict=True)
    assert found[0] == ["circle"]
    assert found[1].tolist() == [[1, 2, 3, 4]]


def test_a_picture_that_is_none_is_named_before_training(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(), "b": line()})
    (tmp_path / "images" / "b.png").write_bytes(b"nothing of the kind")
    assert error_of(DataError, read, base, source).where == tmp_path / "images" / "b.png"


def test_a_picture_of_another_size_than_its_record(base: Recipe, shapes: Any) -> None:
    path = shapes.root / "pictures/train/images/10003.jpg"
    Image.new("RGB", (65, 64)).save(path)
    with pytest.raises(DataError, match="is 65x64, but its annotations are of one of 64x64") as caught:
        frames.training(base, CLASSES)
    assert caught.value.where == path
    assert caught.value.exit_code == 3


def test_another_extension_is_found_and_said_unless_strict(shapes: Any) -> None:
    images = sorted((shapes.root / "pictures/train/images").iterdir())
    for path in images[::2]:
        path.rename(path.with_suffix(".JPEG"))
    split = frames.training(networks.recipe(specs.parse(shapes.spec(), "ssd")), CLASSES)
    names = [split.image(index) for index in range(len(split))]
    assert all(isinstance(path, Path) and path.is_file() for path in names)
    assert any(".JPEG" in note and "they are used" in note for note in split.notes)
    anything = frames.training(networks.recipe(specs.parse(shapes.spec(extension="auto"), "ssd")), CLASSES)
    assert [anything.image(index) for index in range(len(anything))] == names
    assert not [note for note in anything.notes if "extension" in note]
    strict = replace(specs.parse(shapes.spec(), "ssd"), strict=True)
    error = error_of(DataError, lambda: frames.training(networks.recipe(strict), CLASSES), match="missing")
    assert "must be JPEG" in (error.hint or "")


def test_folders_are_read_with_those_below(base: Recipe, tmp_path: Path) -> None:
    for name in ("1.jpg", "a/1.JPEG", "a/b/1.webp"):
        for folder in ("images", "labels"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24)).save(tmp_path / "images" / name)
        (tmp_path / "labels" / f"{name.rpartition('.')[0]}.txt").write_text(line())
    (tmp_path / "images/2.heic").touch()
    split = read(base, Source(tmp_path / "images", tmp_path / "labels", "kitti"))
    assert [split.name(index) for index in range(3)] == ["1.jpg", "a/1.JPEG", "a/b/1.webp"]
    assert [note for note in split.notes if "1 .heic" in note]
    Image.new("RGB", (32, 24)).save(tmp_path / "images/a/1.png")
    with pytest.raises(DataError, match=r"a/1\.JPEG.*a/1\.png"):
        read(base, Source(tmp_path / "images", tmp_path / "labels", "kitti"))


def test_occlusion_of_records_is_carried(base: Recipe, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    columns = {key: [0.0, 0.0] for key in examples.NUMBERS} | {
        "target/occlusion": [2, 0], "target/coordinates_x2": [9.0, 9.0], "target/coordinates_y2": [9.0, 9.0],
    }  # fmt: skip
    record = examples.encode_record(("a", 64, 64), ["circle", "square"], [columns[key] for key in examples.NUMBERS])
    write_records(tmp_path / "shard", [record])
    split = read(base, Source(tmp_path, str(tmp_path / "shard"), "tfrecord"))
    assert split["difficult"].tolist() == [True, False]


def dali_record(content: bytes, *, number: float = 2.0) -> bytes:
    features: dict[str, examples.Feature] = {
        "frame/id": examples.Bytes([b"images/a"]),
        "frame/encoded": examples.Bytes([content]),
        "frame/width": examples.Integers([64]),
        "frame/height": examples.Integers([32]),
        "target/object_class_id": examples.Floats([number]),
        "target/occlusion": examples.Integers([1]),
    }
    for corner, value in zip(examples.CORNERS, (0.25, 0.5, 0.75, 1.0), strict=True):
        features[f"target/coordinates_{corner}"] = examples.Floats([value])
    return examples.encode(features)


def test_pictures_inside_records(base: Recipe, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    write_records(tmp_path / "shard", [dali_record(content, number=1.0), dali_record(content)])
    (tmp_path / "a.png").unlink()
    split = read(base, Source(tmp_path / "nowhere", str(tmp_path / "shard"), "tfrecord"))
    assert split.labels.tolist() == [1, 2]
    assert split.boxes.tolist() == [[16, 16, 48, 32]] * 2
    assert split["difficult"].tolist() == [True, True]
    places = split.image(0), split.image(1)
    assert all(isinstance(place, Embedded) for place in places)
    assert all(np.array_equal(pixels(place), noise) for place in places)
    order, pictures = batches.for_validation(base, split)
    assert pictures[next(iter(order))].images.shape == (2, 64, 64, 3)


def test_class_numbers_beyond_the_spec(base: Recipe, tmp_path: Path) -> None:
    write_records(tmp_path / "shard", [dali_record(b"picture", number=3.0)])
    with pytest.raises(DataError, match="a class number 3, but the spec has 2 classes") as caught:
        read(base, Source(tmp_path, str(tmp_path / "shard"), "tfrecord"))
    assert caught.value.where == tmp_path / "shard"


def test_boxes_that_are_shares(base: Recipe, tmp_path: Path) -> None:
    source = folders(tmp_path, {"a": line(box="0.1 0.2 0.5 1.0"), "b": line(box="0 0 1 0.7")})
    error = error_of(DataError, read, base, source, match="all 2 boxes of the training data lie within one pixel")
    assert error.exit_code == 3
    (tmp_path / "labels" / "b.txt").write_text(line(box="0 0 2 0.7"))
    assert len(read(base, source).labels) == 2


def test_what_the_class_numbers_stand_for(base: Recipe, tmp_path: Path) -> None:
    """The list that the converter leaves beside its records decides, the one with the longest name of several."""
    write_records(tmp_path / "train-shard", [dali_record(b"picture", number=2.0)])
    source = Source(tmp_path, str(tmp_path / "train-shard"), "tfrecord")
    (tmp_path / "train_classes.txt").write_text("circle\nsquare\n")
    (tmp_path / "_classes.txt").write_text("other\n")
    assert read(base, source).labels.tolist() == [2]
    (tmp_path / "train_classes.txt").write_text("bus\nsquare\n")
    error = error_of(DataError, read, base, source, match="bus, square")
    assert error.where == tmp_path / "train-shard"
    assert error.exit_code == 3


def test_class_numbers_of_which_nothing_is_said(base: Recipe, tmp_path: Path) -> None:
    write_records(tmp_path / "shard", [dali_record(b"picture", number=1.0)])
    source = Source(tmp_path, str(tmp_path / "shard"), "tfrecord")
    assert any("go to 1, the spec has 2 classes" in note for note in read(base, source).notes)
    write_records(tmp_path / "shard", [dali_record(b"picture", number=2.0)])
    assert not any("class numbers" in note for note in read(base, source).notes)


def test_classes_that_are_named_otherwise_in_records_with_numbers(base: Recipe, tmp_path: Path) -> None:
    """Numbers are of the classes to train, whatever they are called in the data."""
    write_records(tmp_path / "shard", [dali_record(b"picture")])
    mapping = {"ring": "circle", "box": "square"}
    split = read(base, Source(tmp_path, str(tmp_path / "shard"), "tfrecord"), mapping=mapping)
    assert split.labels.tolist() == [2]
    assert not any("not mapped" in note for note in split.notes)


@pytest.mark.parametrize("lost", ["frame/width", "target/object_class_id", "frame/id"])
def test_records_for_dali_without_something(base: Recipe, tmp_path: Path, lost: str) -> None:
    whole = examples.features(dali_record(b"picture"))
    held = {key: value for key, value in whole.items() if key != lost and value is not None}
    write_records(tmp_path / "shard", [examples.encode(held)])
    with pytest.raises(DataError, match="the record at byte 0 ") as caught:
        read(base, Source(tmp_path, str(tmp_path / "shard"), "tfrecord"))
    assert caught.value.where == tmp_path / "shard"


def test_a_truncated_shard_tells_the_byte(shapes: Any, base: Recipe) -> None:
    shard = shapes.root / "TFRecords/-fold-001-of-002-shard-00001-of-00002"
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) - 9])
    error = error_of(DataError, frames.training, base, CLASSES, match=r"the file ends inside the record at byte \d+")
    assert error.where == shard


def test_boxes_that_are_no_numbers_name_the_picture(base: Recipe, shapes: Any) -> None:
    columns = {key: [0.0] for key in examples.NUMBERS} | {"target/coordinates_x2": [np.nan]}
    record = examples.encode_record(
        ("train/images/10000", 64, 64), ["circle"], [columns[key] for key in examples.NUMBERS]
    )
    write_records(shapes.root / "odd", [record])
    with pytest.raises(DataError, match=r"10000\.jpg is not of finite numbers"):
        read(base, Source(shapes.root / "pictures", str(shapes.root / "odd"), "tfrecord"))


# ---------------------------------------------------------------- weights


def counted(order: Order) -> np.ndarray:
    shown = [index for draw in order for index in draw.indices]
    return np.bincount(shown, minlength=order.count)


def test_weights_say_how_often_pictures_come() -> None:
    order = Order(100, 10, range(1, 41), 5, sources=((80, 1.0), (20, 4.0)))
    counts = counted(order)
    assert counts.sum() == 40 * 100
    assert counts[:80].sum() == counts[80:].sum()  # 80 x 1 = 20 x 4
    assert counts[80:].mean() == pytest.approx(4 * counts[:80].mean())
    assert np.ptp(counts[80:]) <= 40  # as evenly as whole rounds allow
    each = [counted(Order(100, 10, range(epoch, epoch + 1), 5, sources=order.sources)) for epoch in (1, 2)]
    assert set(each[0][80:].tolist()) <= {2, 3}
    assert set(each[0][:80].tolist()) <= {0, 1}
    assert not np.array_equal(each[0], each[1])


def test_weighted_orders_are_decided_by_the_seed() -> None:
    one, again, other = (list(Order(30, 4, range(1, 3), seed, sources=((10, 3.0), (20, 1.0)))) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_equal_weights_show_every_picture_once() -> None:
    assert set(counted(Order(30, 5, range(1, 3), 1, sources=((10, 2.0), (20, 2.0)))).tolist()) == {2}


def test_a_weight_of_a_spec_arrives(shapes: Any) -> None:
    root = shapes.root
    told = f'tfrecords_path: "{root}/TFRecords/*fold-000*" image_directory_path: "{root}/pictures" source_weight: 3'
    more = f"data_sources: {{ {told} }}"
    path = shapes.spec(validation=more, replace=("TFRecords/*", "TFRecords/*fold-001*"))
    weighed = networks.recipe(specs.parse(path, "ssd"))
    split = frames.training(weighed, CLASSES)
    assert split.sources == ((12, 1.0), (6, 3.0))
    order, _ = batches.for_training(weighed, split, range(1, 9))
    counts = np.bincount([index for epoch in range(1, 9) for index in order.pictures(epoch)], minlength=18)
    assert counts[12:].sum() / counts.sum() == pytest.approx(0.6, abs=0.03)


def test_memory_is_a_few_bytes_a_picture(base: Recipe, tmp_path: Path) -> None:
    count = 3000
    (tmp_path / "p").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "p" / "0.jpg")
    content = (tmp_path / "p" / "0.jpg").read_bytes()
    names = [f"images/{number:06d}" for number in range(count)]
    (tmp_path / "p" / "images").mkdir()
    for name in names:
        (tmp_path / "p" / f"{name}.jpg").write_bytes(content)
    columns = {key: [0.0] * 2 for key in examples.NUMBERS} | {"target/coordinates_x2": [9.0] * 2}
    columns["target/coordinates_y2"] = [9.0] * 2
    numbers = [columns[key] for key in examples.NUMBERS]
    write_records(
        tmp_path / "shard", (examples.encode_record((name, 64, 64), ["circle"] * 2, numbers) for name in names)
    )
    split = read(base, Source(tmp_path / "p", str(tmp_path / "shard"), "tfrecord"))
    assert split.nbytes < 130 * count
    assert split.parts is None
    assert split.name(count - 1) == f"{names[-1]}.jpg"
