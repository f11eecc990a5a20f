"""Which frames a spec trains and validates on, and what is said when they do not fit it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import specs
from runtime import networks
from runtime.data import frames
from tltpipe.errors import DataError, SpecError

CLASSES = ("circle", "square")


def read(path: Path, which: str = "training", classes: tuple[str, ...] = CLASSES) -> frames.Split:
    split: frames.Split | None = getattr(frames, which)(networks.recipe(specs.parse(path, "ssd")), classes)
    assert split is not None
    return split


def test_the_validation_fold_is_told_by_its_name(shapes: Any) -> None:
    path = shapes.spec()
    train, held_out = read(path), read(path, "validation")
    assert (len(train), len(held_out)) == (12, 6)
    assert {train.name(index)[13] for index in range(12)} == {"1"}
    assert {held_out.name(index)[13] for index in range(6)} == {"0"}
    assert train.image(0).is_file()
    boxes, labels = train.boxes[train.places(0)], train.labels[train.places(0)]
    assert boxes.shape == (2, 4)
    assert labels.tolist() == [1, 2]


def test_what_lies_beside_the_records_is_skipped(shapes: Any) -> None:
    folder = shapes.root / "TFRecords"
    (folder / "-_warning.json").write_text("{}")
    (folder / "idx--fold-001-of-002-shard-00000-of-00002").write_text("0 100\n")
    (folder / ".hidden").write_text("nothing")
    (folder / "-fold-001-of-002-shard-00002-of-00003").touch()
    split = read(shapes.spec())
    assert len(split) == 12


@pytest.mark.parametrize("extension", ["jpg", ".jpg"])
def test_the_extension_with_or_without_its_dot(shapes: Any, extension: str) -> None:
    split = read(shapes.spec(extension=extension))
    assert split.image(3).suffix == ".jpg"


def test_a_validation_source_of_its_own(shapes: Any) -> None:
    folder = shapes.root / "TFRecords"
    given = f'tfrecords_path: "{folder}/*fold-000*" image_directory_path: "{shapes.root}/pictures"'
    path = shapes.spec(
        validation=f"validation_data_source {{ {given} }}", replace=("TFRecords/*", "TFRecords/*fold-001*")
    )
    train, held_out = read(path), read(path, "validation")
    assert (len(train), len(held_out)) == (12, 6)


def test_several_sources_keep_their_own_pictures(shapes: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "train").mkdir(parents=True)
    (other / "train" / "images").symlink_to(shapes.root / "pictures/train/images")
    more = f'data_sources: {{ tfrecords_path: "{shapes.root}/TFRecords/*fold-000*" image_directory_path: "{other}" }}'
    path = shapes.spec(validation=more, replace=("TFRecords/*", "TFRecords/*fold-001*"))
    split = read(path)
    assert len(split) == 18
    assert {split.image(index).parts[: len(other.parts)] == other.parts for index in range(12)} == {False}
    assert {split.image(index).parts[: len(other.parts)] == other.parts for index in range(12, 18)} == {True}


def test_no_validation_is_none(shapes: Any) -> None:
    assert frames.validation(networks.recipe(specs.parse(shapes.spec(validation=""), "ssd")), CLASSES) is None


def test_keys_match_in_lower_case_and_merge(shapes: Any) -> None:
    split = read(shapes.spec(classes={"Circle": "shape", "SQUARE": "shape"}), classes=("shape",))
    assert set(split.labels.tolist()) == {1}
    assert len(split.labels) == 24


def test_unlisted_classes_are_dropped_and_absent_ones_told(shapes: Any) -> None:
    split = read(shapes.spec(classes={"square": "square", "star": "star"}), classes=("square", "star"))
    assert len(split.labels) == 12
    assert split.notes == (
        "no box in the training data for: star",
        "12 objects of the training data are of classes that are not mapped: circle",
    )


def test_none_of_the_classes_is_an_error_with_the_nearest_names(shapes: Any) -> None:
    path = shapes.spec(classes={"circel": "circel", "squares": "squares"})
    error = error_of(SpecError, read, path, classes=("circel", "squares"))
    assert "hold: circle, square" in error.what
    assert error.hint == 'did you mean "circle" for "circel", "square" for "squares"?'
    assert str(error).startswith(f"{path}:")


def test_no_record_files(shapes: Any) -> None:
    with pytest.raises(DataError, match="no record files"):
        read(shapes.spec(replace=("TFRecords/*", "TFRecords/none-*")))


@pytest.mark.parametrize(
    ("folder", "remedy"), [("/experiment_dir/TFRecords", "TLTPIPE_MOUNTS=/experiment_dir="), ("", "")]
)
def test_a_folder_that_is_not_there_is_named_with_the_line_of_the_spec(shapes: Any, folder: str, remedy: str) -> None:
    folder = folder or f"{shapes.root}/nowhere"
    path = shapes.spec(replace=(f"{shapes.root}/TFRecords/*", f"{folder}/*"))
    error = error_of(DataError, read, path, match=folder)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), start=1) if "tfrecords_path" in text)
    assert str(error.where).startswith(f"{path}:{line}:")
    assert remedy in (error.hint or "")


def test_keys_and_values_the_wrong_way_round(shapes: Any) -> None:
    path = shapes.spec(classes={"ring": "circle", "box": "square"})
    assert "wrong way round" in (error_of(SpecError, read, path, match="hold: circle, square").hint or "")


def test_one_of_two_classes_the_wrong_way_round_is_told(shapes: Any) -> None:
    split = read(shapes.spec(classes={"ring": "circle", "square": "square"}))
    assert set(split.labels.tolist()) == {2}
    assert any(note.startswith("circle: ") and "wrong way round" in note for note in split.notes)


def test_every_file_validates(shapes: Any) -> None:
    path = shapes.spec(replace=("TFRecords/*", "TFRecords/*fold-000*"))
    error = error_of(DataError, read, path, match="none is left to train on")
    assert error.exit_code == 3
    assert "validation_data_source" in (error.hint or "")


def test_records_without_frames(make_shapes: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="to train on"):
        read(make_shapes(train=0).spec())


def test_a_missing_picture_is_named_before_training(shapes: Any) -> None:
    picture = shapes.root / "pictures/train/images/10005.jpg"
    picture.unlink()
    assert error_of(DataError, lambda: read(shapes.spec()), match="missing").where == picture


def test_container_paths_are_found_below_the_workspace(shapes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(shapes.root))
    split = read(in_container(shapes.spec(), shapes.root))
    assert len(split) == 12


def in_container(spec: Path, root: Path) -> Path:
    """``spec`` with paths as NVIDIA's container knows them."""
    spec.write_text(spec.read_text().replace(f"{root}/", "/workspace/"))
    return spec
