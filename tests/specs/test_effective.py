"""What specs mean: the value of every field, written or not, and what differs between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import specs
from specs import effective, explaining, fields
from tltpipe.errors import UsageError

DATA = Path(__file__).parents[1] / "data"
TLT3 = (DATA / "training.tlt3.conf").read_text()
TLT2 = (DATA / "seed-specs" / "training.conf").read_text()
YOLOX = "dataset:\n  classes: [cup]\n  train_data_sources: [{path: /data}]\ntrain: {num_epochs: 20}\n"


def read(text: str, kind: str = "ssd") -> specs.Spec:
    return specs.parse_text(text, kind, source="spec")


def values(text: str, kind: str = "ssd") -> dict[str, tuple[Any, int | None]]:
    return {each.path: (each.value, each.line) for each in effective.effective(read(text, kind))}


def changed(before: str, after: str, kind: str = "ssd") -> dict[str, tuple[Any, Any]]:
    found = effective.difference(read(before, kind), read(after, kind))
    return {each.path: (each.before and each.before.value, each.after and each.after.value) for each in found}


def test_values_are_written_or_those_by_default() -> None:
    found = values(TLT3.replace("  random_crop_min_scale: 0.4\n", "\n"))
    assert found["training_config.num_epochs"] == (60, 15)
    rate = "training_config.learning_rate.soft_start_annealing_schedule"
    assert found[f"{rate}.max_learning_rate"] == (0.015, 20)  # not the nearest number of 32 bits
    assert found["augmentation_config.random_crop_min_scale"] == (0.3, None)
    assert found["ssd_config.neg_pos_ratio"] == (3, None)
    assert found["training_config.regularizer.type"] == ("L2", 22)
    assert found["ssd_config.freeze_blocks"] == ([0], 11)
    assert found['dataset_config.target_class_mapping["vest"]'] == ("vest", 64)
    assert found["dataset_config.data_sources[0].image_directory_path"] == ("/workspace/data/train/images", 52)
    assert "training_config.early_stopping.patience" not in found  # nothing stops early


def test_zero_is_a_value_or_means_the_default() -> None:
    text = TLT3.replace("random_crop_min_scale: 0.4", "random_crop_min_scale: 0").replace(
        "nlayers: 18", "nlayers: 18 alpha: 0"
    )
    found = {each.path: each for each in effective.effective(read(text))}
    crop = found["augmentation_config.random_crop_min_scale"]
    assert (crop.value, crop.line) == (0.3, None)
    assert "line 35" in crop.note
    assert (found["ssd_config.alpha"].value, found["ssd_config.alpha"].line) == (0, 9)


def test_what_follows_from_other_fields_is_worked_out() -> None:
    text = TLT2.replace('scales: "[0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85]"', "min_scale: 0.1 max_scale: 0.7")
    found = values(text)
    assert found["ssd_config.scales"][0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert found["ssd_config.scales"][1] is None
    assert found["dataset_config.validation_fold"] == (0, 129)  # a 0 that counts
    yolox = values(YOLOX, "yolox")
    assert yolox["train.num_epochs"] == (20, 4)
    assert yolox["train.optim.warmup_epochs"] == (2, None)  # a tenth of a short training
    assert yolox["dataset.classes"] == (["cup"], 2)


def test_tao5s_yaml_has_its_keys() -> None:
    text = "data: {image_dir: /a, ann_path: /b, dataset_type: kitti}\nspatial_aug:\n  rotation: {angle: [-5, 5]}\n"
    found = values(text, "augment")
    assert found["spatial_aug.rotation.angle"] == ([-5, 5], 3)
    assert found["blur_aug.size"] == ([3], None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("num_epochs: 60", "# a comment\n  num_epochs: 0x3C"),
        ("5e-5 max", "0.00005 max"),
        ("random_crop_max_scale: 1.0\n", "\n"),  # the default
        ('variances: "[0.1, 0.1, 0.2, 0.2]"', "variances: '[1/10, .1, 2e-1, 0.2]'"),
        ("output_width: 320\n  output_height: 416", "output_height: 416; output_width: 320"),
        ("nms_config {", "nms_config: <top_k: 200> nms_config {"),
    ],
)
def test_spellings_mean_nothing(before: str, after: str) -> None:
    assert before in TLT3
    assert changed(TLT3, TLT3.replace(before, after)) == {}


def test_lists_and_their_ends_mean_the_same() -> None:
    scales = 'scales: "[0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05]"'
    ends, even = "min_scale: 0.2 max_scale: 0.8", 'scales: "[0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]"'
    found = changed(TLT3.replace(scales, ends), TLT3.replace(scales, even))
    assert set(found) == {"ssd_config.min_scale", "ssd_config.max_scale"}  # but for how they are said


def test_differences_have_both_values() -> None:
    text = TLT3.replace("num_epochs: 60", "num_epochs: 80").replace(
        'key: "vest" value: "vest"', 'key: "vest" value: "top"'
    )
    assert changed(TLT3, text) == {
        "training_config.num_epochs": (60, 80),
        'dataset_config.target_class_mapping["vest"]': ("vest", "top"),
    }
    more = TLT3.replace('{ key: "sling" value: "sling" }', '{ key: "sling" value: "sling" }'.replace("sling", "hat"))
    assert changed(TLT3, more) == {
        'dataset_config.target_class_mapping["sling"]': ("sling", None),
        'dataset_config.target_class_mapping["hat"]': (None, "hat"),
    }
    assert changed(YOLOX, YOLOX + "model: {type: x}\n", "yolox") == {"model.type": ("s", "x")}


@pytest.mark.parametrize("kind", specs.folders())
def test_every_kind_says_what_its_fields_are_for(kind: str) -> None:
    names = set(fields.generations(kind))
    for field in fields.table(kind):
        assert field.meaning, field.path
        assert set(field.dialects) <= names, field.path


def test_a_field_is_explained() -> None:
    (told,) = explaining.explain("ssd_config.neg_pos_ratio", "ssd")
    facts = dict(told.facts)
    assert (facts["default"], facts["range"]) == ("3", "0 or more")
    assert "TLT 3.0" in facts["generations"]
    assert "focal_loss_alpha" in facts["generations"]  # what TLT 2.0 has in its place
    assert "type error" in facts["nvidia"]
    path = "dataset_config.data_sources[3].tfrecords_path"
    assert [(each.path, each.kinds) for each in explaining.explain(path)] == [
        ("dataset_config.data_sources.tfrecords_path", (kind,)) for kind in ("dssd", "ssd")
    ]
    (told,) = explaining.explain("dssd_config.neg_pos_ratio", "dssd")
    assert dict(told.facts)["default"] == "3"
    sections = explaining.explain("optimizer", "ssd")
    assert dict(sections[0].facts).keys() >= {"sgd.momentum", "adam.beta1"}
    alike = {each.path: each.kinds for each in explaining.explain("opset_version")}
    assert set(alike["export.opset_version"]) >= {"faster_rcnn", "yolox", "unet"}


@pytest.mark.parametrize(
    ("wrong", "meant"), [("neg_pos_rato", "neg_pos_ratio"), ("ssd_config.scale", "ssd_config.scales")]
)
def test_a_misspelt_field_has_its_neighbour(wrong: str, meant: str) -> None:
    with pytest.raises(UsageError) as refusal:
        explaining.explain(wrong)
    assert meant in (refusal.value.hint or "")
