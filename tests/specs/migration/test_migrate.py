"""Specs moved between generations: what each field becomes, and that the way back brings all of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from fuzzing import bounded, mutate

import specs
from specs import migration
from specs.migration import Change, Migrated, Options, Target
from specs.migration.kinds import augment_moves, ssd_moves
from tltpipe.errors import Location, SpecError, UsageError

DATA = Path(__file__).parents[2] / "data"
SEEDS = DATA / "seed-specs"
TRAIN, AUGMENT, CONVERT = (
    (SEEDS / name).read_text() for name in ("training.conf", "KITTI-augmentation.conf", "KITTI_dataset_conversion.conf")
)
LATER = (DATA / "training.tlt3.conf").read_text()
EVERYTHING = (DATA.parent / "golden/specs/augment-everything.conf").read_text()
MAPPING = {"vest": "vest", 'a "b"\\\n{{ }}': "sling"}
YAML = """\
# the head
results_dir: /out # out
random_seed: 7
data:
  dataset_type: kitti # as ever
  image_dir: ${results_dir}/../in/a/images
  ann_path: "/in/a/labels"
spatial_aug:
  rotation: {angle: [-10, 10]}
  # mirrored
  flip: {flip_horizontal: yes}
color_aug:
  hue: {hue_rotation_angle: 5}
  contrast: {contrast: [0.25]}
blur_aug: {std: [2]}
"""


def moved(text: str, to: Target, **options: Any) -> Migrated:
    return migration.migrate(text, source="a.spec", to=to, options=Options(**options))


def message(text: str) -> Any:
    return specs.parse_text(text, specs.recognise(text, source=""), source="").message


def change(found: Migrated, path: str) -> Change:
    (one,) = [each for each in found.changes if each.path == path]
    return one


# ------------------------------------------------------------------------------------------------------ what becomes


def test_a_training_of_tlt2_becomes_one_of_tao5() -> None:
    found = moved(TRAIN, "tao5")
    assert (found.kind, found.dialect) == ("ssd", "tlt3")
    made = message(found.text)
    picture = made.augmentation_config
    assert made.ssd_config.alpha == pytest.approx(0.8)
    assert (picture.output_width, picture.output_height, picture.output_channel) == (288, 288, 3)
    assert picture.zoom_out_max_scale == pytest.approx(1 / 0.7, rel=1e-5)
    assert picture.random_crop_min_scale == pytest.approx(1 / 1.8, rel=1e-5)
    assert (picture.hue, picture.random_flip) == (25, 0.5)
    assert not made.dataset_config.validation_data_sources
    lost = change(found, "dataset_config.validation_fold")
    assert (lost.new_path, lost.line) == (None, 129)
    assert "--validation" in str(lost.effect)
    zoom = change(found, "augmentation_config.spatial_augmentation.zoom_min")
    assert (zoom.new_path, zoom.line) == ("augmentation_config.zoom_out_max_scale", 56)
    assert '#tfrecords_path: "/app/data/KITTI/tfrecords/*"' in found.text


def test_validation_moves_from_a_fold_to_a_folder() -> None:
    (source,) = message(moved(TRAIN, "tlt3", validation="/data/val").text).dataset_config.validation_data_sources
    assert (source.image_directory_path, source.label_directory_path) == ("/data/val/images", "/data/val/labels")


def test_a_training_on_folders_becomes_one_on_records() -> None:
    config = message(moved(LATER, "tlt2").text).dataset_config
    (source,) = config.data_sources
    old = message(LATER).dataset_config
    assert source.tfrecords_path == f"{old.data_sources[0].image_directory_path}-tfrecords/*"
    assert old.data_sources[0].image_directory_path.startswith(f"{source.image_directory_path}/")
    assert config.validation_data_source.tfrecords_path.startswith(old.validation_data_sources[0].image_directory_path)
    colour = message(moved(LATER, "tlt2").text).augmentation_config.color_augmentation
    assert colour.hue_rotation_max == 2 * message(LATER).augmentation_config.hue, "on folders a step is two degrees"
    named = message(moved(LATER, "tlt2", records="/r/train-*").text).dataset_config
    assert named.data_sources[0].tfrecords_path == "/r/train-*"


def test_what_nvidia_refuses_is_taken_out_and_put_back() -> None:
    cosine = "soft_start_cosine_annealing_schedule { min_learning_rate: 1e-5 max_learning_rate: 1e-2 soft_start: 0.2 }"
    start, end = LATER.index("soft_start_annealing_schedule"), LATER.index("  regularizer")
    text = f"{LATER[:start]}{cosine} }}\n{LATER[end:]}".replace("ssd_config {", "ssd_config {\n  neg_pos_ratio: 2.5", 1)
    stopping = 'training_config {\n  early_stopping { monitor: "val_loss" patience: 3 }\n'
    text = text.replace("random_flip: 0.5", "random_flip: 1").replace("training_config {\n", stopping)
    assert "validation_period_during_training: 5" in text
    found = moved(text, "tao5")
    made = message(found.text)
    curve = made.training_config.learning_rate.soft_start_annealing_schedule
    assert (curve.max_learning_rate, curve.annealing) == (pytest.approx(1e-2), pytest.approx(0.6))
    assert 0.99 < made.augmentation_config.random_flip < 1
    assert not made.ssd_config.neg_pos_ratio
    assert made.eval_config.validation_period_during_training == 1
    assert "type error" in str(change(found, "ssd_config.neg_pos_ratio").effect)
    assert message(moved(found.text, "tltpipe").text) == message(text)


def test_an_augmentation_becomes_yaml() -> None:
    made = message(moved(EVERYTHING, "tao5", dataset="/d", results="/r").text)
    old = message(EVERYTHING)
    assert (made["data.image_dir"], made["data.ann_path"]) == ("/d/image", "/d/label")
    assert (made["results_dir"], made["data.output_dataset"], made["data.dataset_type"]) == ("/r", "/r", "kitti")
    assert made["spatial_aug.rotation.angle"] == (pytest.approx(old.spatial_config.rotation_config.angle),)
    assert made["color_aug.contrast.center"] == (pytest.approx(old.color_config.contrast_config.center),)
    assert made["blur_aug.size"] == (old.blur_config.size,)


def test_what_proto_text_means_by_leaving_out_is_written_in_yaml() -> None:
    text = "color_config { contrast_config { contrast: 0.5 } } blur_config { size: 5 } dataset_config { }"
    made = message(moved(text, "tao5").text)
    assert (made["color_aug.contrast.center"], made["blur_aug.std"]) == ((0.0,), (0.0,))
    turned = message(moved("color_config { hue_saturation_config { hue_rotation_angle: 5 } }", "tao5").text)
    assert turned["color_aug.hue.hue_rotation_angle"] == (5.0,)
    assert turned["color_aug.saturation.saturation_shift"] == (1.0,)
    grey = message(moved(TRAIN.replace("output_image_channel: 3", ""), "tlt3").text)
    assert grey.augmentation_config.output_channel == 3


def test_an_augmentation_in_yaml_becomes_proto_text() -> None:
    found = moved(YAML, "tlt2")
    made = message(found.text)
    assert (made.dataset_config.image_path, made.dataset_config.label_path) == ("images", "labels")
    assert "-d /in/a -o /out" in str(found.changes[-1].effect)
    assert made.color_config.contrast_config.center == 127
    assert made.color_config.hue_saturation_config.saturation_shift == 1
    assert (made.blur_config.std, made.blur_config.size) == (2, 3)
    assert not made.spatial_config.HasField("rotation_config")
    assert "value of its own" in str(change(found, "spatial_aug.rotation.angle").effect)
    assert "# mirrored" in found.text
    assert "# out" in found.text


def test_a_conversion_gets_the_classes_of_the_training() -> None:
    found = moved(CONVERT, "tao5", mapping=MAPPING)
    assert dict(message(found.text).target_class_mapping) == MAPPING
    without = moved(CONVERT, "tlt3")
    assert without.text == CONVERT
    assert "--mapping" in str(change(without, "").effect)


# -------------------------------------------------------------------------------------------------- there, and back


@pytest.mark.parametrize(
    ("text", "to", "home", "options"),
    [
        (TRAIN, "tlt3", "tlt2", {}),
        (TRAIN, "tao5", "tlt2", {"validation": "/v"}),
        (AUGMENT, "tao5", "tlt3", {}),
        (EVERYTHING, "tao5", "tlt2", {"dataset": "/d e", "results": "/r"}),
        (CONVERT, "tlt3", "tlt2", {"mapping": MAPPING}),
        (LATER, "tlt2", "tao5", {}),
        (YAML, "tlt2", "tao5", {}),
    ],
)
def test_there_and_back_is_the_same_and_twice_is_once(text: str, to: Target, home: Target, options: Any) -> None:
    there = moved(text, to, **options)
    twice = moved(there.text, to)
    assert (twice.text, twice.kind, twice.changes) == (there.text, there.kind, ())
    back = moved(there.text, home)
    assert message(back.text) == message(text)
    again = moved(back.text, to, **options)
    assert message(again.text) == message(there.text)
    assert moved(again.text, home).text == back.text


def test_a_value_that_was_changed_in_between_stays_changed() -> None:
    there = moved(TRAIN, "tao5").text
    assert "zoom_out_max_scale: 1.42857" in there
    space = message(moved(there.replace("1.42857", "2"), "tlt2").text).augmentation_config.spatial_augmentation
    assert (space.zoom_min, space.zoom_max) == (0.5, pytest.approx(1.8))
    folders = moved(LATER, "tlt2").text
    root = message(folders).dataset_config.data_sources[0].image_directory_path
    later = moved(folders.replace(f'image_directory_path: "{root}"', 'image_directory_path: "/new"', 1), "tlt3")
    assert message(later.text).dataset_config.data_sources[0].image_directory_path.startswith("/new/")


def test_a_field_whose_section_is_gone_stays_a_comment() -> None:
    note = "# tltpipe: was tlt2 dataset_config.data_sources[3].source_weight: 2"
    found = moved(f"{note}\n{moved(TRAIN, 'tao5').text}", "tlt2")
    assert note in found.text
    assert "stays a comment" in change(found, "dataset_config.data_sources[3].source_weight").what


@pytest.mark.parametrize(("text", "to"), [(TRAIN, "tlt2"), (TRAIN, "tltpipe"), (LATER, "tlt3"), (CONVERT, "tltpipe")])
def test_what_is_read_as_it_is_stays_as_it_is(text: str, to: Target) -> None:
    found = moved(text, to)
    assert (found.text, found.changes) == (text, ())


def test_the_page_has_every_field_that_moves() -> None:
    page = (DATA.parents[1] / "docs/migration.md").read_text()
    for move in ssd_moves.moves("tlt3", folders=False):
        assert move.new.rpartition(".")[2] in page
    for section in {path.rpartition(".")[0].rpartition(".")[2] for path in augment_moves.NUMBERS}:
        assert section in page


# ---------------------------------------------------------------------------------------------------------- refused


EXTENSION = 'image_extension: "auto"\noutput_image_width: 96\noutput_image_height: 96\n'


@pytest.mark.parametrize(
    ("text", "to", "place"),
    [
        (TRAIN.replace("num_epochs: 100", "num_epochs: many"), "tao5", (18, 15)),
        (YAML.replace("kitti #", "coco #"), "tlt2", (5, 3)),
        (AUGMENT.replace('"label"', '"la\\nbel"'), "tao5", (9, None)),
        ("network: yolox", "tao5", None),
        (LATER.replace("ssd_config {", "dssd_config {"), "tlt2", (2, 1)),
        (EXTENSION, "tlt2", (1, 1)),  # stays as it is, and is none that NVIDIA's program takes
    ],
)
def test_what_cannot_move_is_refused_at_its_place(text: str, to: Target, place: tuple[int, int | None] | None) -> None:
    with pytest.raises(SpecError) as error:
        moved(text, to)
    where = error.value.where
    assert place is None or (isinstance(where, Location) and (where.line, where.column) == place), where


@pytest.mark.parametrize(
    ("text", "to", "options"),
    [
        (TRAIN, "tlt2", {"validation": "/v"}),
        (TRAIN, "tltpipe", {"validation": "/v"}),
        (LATER, "tao5", {"validation": "/v"}),
        (TRAIN, "tao5", {"dataset": "/d"}),
        (YAML, "tao5", {"results": "/r"}),
        (CONVERT, "tlt2", {"mapping": MAPPING}),
    ],
)
def test_options_without_effect_are_refused(text: str, to: Target, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        moved(text, to, **options)
    assert f"--{next(iter(options))}" in str(error.value)


def test_damaged_specs_are_refused_or_come_back() -> None:
    pieces = [b"{", b"}", b'"', b"# x\n", b": ", b"\n", b"[", b"# tltpipe: was tlt2 ssd_config.alpha: 1\n", b"\xc3\xa9"]
    pieces += [b'# tltpipe: was tlt3 a.b[9].c: "\n', b"# tltpipe: was tao5 data: {}\n"]
    for number in range(150):
        chance = random.Random(number)
        content = mutate(chance.choice([TRAIN, LATER, EVERYTHING, CONVERT, YAML]).encode(), chance, pieces)
        text = content.decode("utf-8", "replace")
        try:
            old = specs.parse_text(text, specs.recognise(text, source="a"), source="a")
            with bounded():
                there = moved(text, chance.choice(["tlt2", "tlt3", "tao5"]))
        except (SpecError, UsageError):
            continue
        home: Target = {"tlt2": "tlt2", "tlt3": "tlt3", "tao5": "tao5"}[old.dialect]  # type: ignore[assignment]
        back = moved(there.text, home).text if there.changes else there.text
        assert message(moved(back, "tltpipe").text) == old.message
