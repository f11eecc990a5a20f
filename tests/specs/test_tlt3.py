"""Training specs of TLT 3.0 and later: told from those of TLT 2.0, and held to what NVIDIA's own check says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import specs
import specs.fields
from specs import dialects
from tltpipe.errors import SpecError

DATA = Path(__file__).parents[1] / "data"
TRAIN3 = (DATA / "training.tlt3.conf").read_text()
TRAIN2 = (DATA / "seed-specs" / "training.conf").read_text()
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "proto_text.json").read_text())

DEFAULT = """
ssd_config {
  aspect_ratios_global: "[1.0, 2.0, 0.5, 3.0, 0.33]"
  scales: "[0.1, 0.24166667, 0.38333333, 0.525, 0.66666667, 0.80833333, 0.95]"
  two_boxes_for_ar1: true
  variances: "[0.1, 0.1, 0.2, 0.2]"
  arch: "resnet"
  nlayers: 18
  pred_num_channels: 256
  freeze_bn: False
  freeze_blocks: 0
}
training_config {
  batch_size_per_gpu: 64
  num_epochs: 120
  learning_rate {
  soft_start_annealing_schedule {
    min_learning_rate: 5e-5
    max_learning_rate: 4e-2
    soft_start: 0.01
    annealing: 0.3
  }
  }
  regularizer {
    type: L1
    weight: 3.00000002618e-09
  }
}
eval_config {
  validation_period_during_training: 10
  average_precision_mode: SAMPLE
  batch_size: 64
  matching_iou_threshold: 0.5
}
nms_config {
  confidence_threshold: 0.01
  clustering_iou_threshold: 0.8
  top_k: 200
}
augmentation_config { output_width: 300 output_height: 300 output_channel: 3 }
dataset_config {
  data_sources: { label_directory_path: "/d/labels" image_directory_path: "/d/images" }
  validation_data_sources: { label_directory_path: "/v/labels" image_directory_path: "/v/images" }
  target_class_mapping { key: "sheep" value: "sheep" }
}
"""
"""What matters of the spec that NVIDIA's verdicts were asked with, as an SSD that can be built."""

REFUSED_HERE = {"no_nms_config_eval": "NVIDIA's check lets it pass, and the evaluation crashes"}
TOLD_AS = {"scales_name_error": "scales", "scales_not_python": "scales"}


def parse(text: str) -> specs.Spec:
    return specs.parse_text(text, "ssd", source="spec")


def complaints(text: str) -> list[str]:
    error = error_of(SpecError, parse, text)
    return str(error).splitlines()


def strictly(text: str) -> str:
    return f"{text}\n# tltpipe: strict-tlt\n"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in GOLDEN["ssd_spec_validation"]])
def test_verdicts_of_nvidias_check(case: dict[str, Any]) -> None:
    text = DEFAULT
    for old, new in case["replacements_in_default_spec"]:
        assert old in text
        text = text.replace(old, new)
    if case["result"] == "accepted" and case["name"] not in REFUSED_HERE:
        assert parse(text).dialect == "tlt3"
        return
    told = complaints(text)
    assert len(told) == 1
    words = case["result"].replace(":", " ").replace(".", " ").split()
    name = TOLD_AS.get(case["name"]) or next(
        (word for word in words if word in dialects._names(parse(DEFAULT).message.DESCRIPTOR)), "nms_config"
    )
    assert name in told[0]


@pytest.mark.parametrize("name", ["background", "Background"])
def test_background_is_no_class_to_train(name: str) -> None:
    text = DEFAULT + f'\ndataset_config {{ target_class_mapping {{ key: "wall" value: "{name}" }} }}\n'
    assert any("background" in told and "no class to train" in told for told in complaints(text))


def test_a_dssd_is_called_what_it_is() -> None:
    """One message, two sections: their default spec holds the other one."""
    text = DEFAULT.replace("ssd_config", "dssd_config")
    (told,) = complaints(text)
    assert told == "spec:2:1: this is a spec for dssd, one for ssd is needed"
    error = error_of(SpecError, specs.parse_text, DEFAULT, "dssd", source="spec")
    assert str(error) == "spec:2:1: this is a spec for ssd, one for dssd is needed"
    assert (specs.recognise(text, source="spec"), specs.recognise(DEFAULT, source="spec")) == ("dssd", "ssd")
    error = error_of(SpecError, specs.parse_text, text.replace("256", "128"), "dssd", source="spec")
    assert "pred_num_channels must be 0, 256, 512 or 1024, not 128" in str(error)
    without = text.replace('arch: "resnet"', "")
    assert without != text
    error = error_of(SpecError, specs.parse_text, without, "dssd", source="spec")
    assert str(error) == 'spec:2:1: dssd_config needs "arch"'


def test_the_sample_stands_without_a_word() -> None:
    spec = specs.parse(DATA / "training.tlt3.conf", "ssd")
    assert (spec.dialect, spec.strict, spec.warnings) == ("tlt3", False, ())
    assert specs.image_size(spec) == (320, 416)
    strict = specs.parse(DATA / "training.tlt3.conf", "ssd", strict=True)
    assert strict.strict
    assert strict.message == spec.message
    assert strict.warnings == ()
    assert parse(strictly(TRAIN3)).strict
    assert not parse(TRAIN3 + "\n#tltpipe: strict-tlt-not\nrandom_seed: 1 # tltpipe: strict-tlt\n").strict


def test_the_seed_is_of_tlt2() -> None:
    assert parse(TRAIN2).dialect == "tlt2"
    assert specs.image_size(parse(TRAIN2)) == (288, 288)
    assert parse(specs.dump(parse(TRAIN3))).dialect == "tlt3"


def hint(text: str) -> tuple[str, str | None]:
    error = error_of(SpecError, parse, text)
    return str(error), error.hint


def test_fields_of_one_dialect_in_the_other() -> None:
    told, advice = hint(TRAIN2.replace("loss_loc_weight: 0.8", "alpha: 1.0"))
    assert 'ssd_config has no field "alpha"' in told
    assert advice.startswith("alpha is a field of TLT 3.0 and later; TLT 2.0 has loss_loc_weight")
    assert advice.endswith("this spec is one of TLT 2.0 by its focal_loss_alpha in line 8")
    told, advice = hint(TRAIN3.replace("clip_boxes: false", "loss_loc_weight: 0.8"))
    assert told == 'spec:6:3: ssd_config has no field "loss_loc_weight"'
    assert advice.startswith("loss_loc_weight is a field of TLT 2.0; TLT 3.0 and later have alpha for")
    assert "this spec is one of TLT 3.0 and later by its output_width in line" in advice
    told, advice = hint(TRAIN3.replace("  include_difficult", '  image_extension: "jpg"\n  include_difficult'))
    assert advice is not None
    assert "image_extension is a field of TLT 2.0" in advice


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (TRAIN3, "random_flip", "random_flipp", 'has no field "random_flipp"; did you mean "random_flip"?'),
        (TRAIN3, "  validation_data_sources", "  validation_data_sorces", 'did you mean "validation_data_sources"?'),
        (TRAIN2, "zoom_min", "zoom_mni", 'spatial_augmentation has no field "zoom_mni"; did you mean "zoom_min"?'),
        (TRAIN3, "  output_height: 416", "  crop_rigt: 2", 'augmentation_config has no field "crop_rigt"'),
    ],
)
def test_a_misspelt_field_is_of_the_right_dialect(text: str, old: str, new: str, told: str) -> None:
    assert old in text
    assert told in hint(text.replace(old, new, 1))[0]


def test_a_brace_that_is_missing_changes_no_dialect() -> None:
    told, _ = hint(TRAIN3.replace("  freeze_blocks: 0\n}", "  freeze_blocks: 0\n"))
    assert 'ssd_config has no field "training_config"; it belongs at the top level' in told


def test_every_name_of_one_dialect_is_explained_in_the_other() -> None:
    folder = specs.load("ssd")
    first, second = dialects.of(folder)
    names = [dialects._names(dialects.message(each, folder.MESSAGE).DESCRIPTOR) for each in (first, second)]
    assert set(second.ELSEWHERE) == names[0] - names[1]
    inner = {name for name in names[1] - names[0] if name not in first.ELSEWHERE}
    assert set(first.ELSEWHERE) <= names[1] - names[0]
    within = {"adam", "sgd", "rmsprop", "monitor", "min_delta", "patience", "enabled", "num_images", "wandb_config"}
    assert within < inner, "what stands in a section that is explained itself"
    assert not {name for name in inner if name in specs.fields.by_path("ssd", "tlt3")}


AUGMENT = "  random_flip: 0.5\n"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("output_width: 320", "output_width: 32", "output_width must be above 32, not 32"),
        ("output_width: 320", "output_width: -320", "output_width must be above 32, not -320"),
        ("output_channel: 3", "output_channel: 4", "output_channel must be 1 or 3, not 4"),
        ("  output_channel: 3\n", "", 'augmentation_config needs "output_channel", 1 or 3'),
        ("min_scale: 0.4", "min_scale: 1.4", "0 < random_crop_min_scale <= random_crop_max_scale <= 1 is needed"),
        ("min_scale: 0.4", "min_scale: -1", "0 < random_crop_min_scale <= random_crop_max_scale <= 1 is needed"),
        (
            "  random_crop_min_scale: 0.4\n  random_crop_max_scale: 1.0",
            "  random_crop_max_scale: 0.2",
            "not 0.3 (when unset) and 0.2",
        ),
        ("random_crop_max_ar: 2.0", "random_crop_max_ar: 0.4", "0 < random_crop_min_ar <= random_crop_max_ar"),
        ("zoom_out_max_scale: 3.0", "zoom_out_max_scale: 0.5", "1 <= zoom_out_min_scale <= zoom_out_max_scale"),
        ("zoom_out_max_scale: 3.0", "zoom_out_max_scale: inf", "zoom_out_max_scale must be a finite number, not inf"),
        ("brightness: 24", "brightness: -1", "brightness must be 0 or more, not -1"),
        ("contrast: 0.3", "contrast: 1.0", "contrast must be 0 or more and below 1, not 1"),
        ("saturation: 0.3", "saturation: nan", "saturation must be 0 or more and below 1, not nan"),
        ("hue: 12", "hue: -12", "hue must be 0 or more, not -12"),
        ("random_flip: 0.5", "random_flip: 50", "random_flip must be from 0 to 1, not 50"),
        ('key: "b" value: 103.939', 'key: "l" value: 103.939', 'image_mean has no "l" with output_channel 3, only b'),
        ('  image_mean { key: "b" value: 103.939 }\n', "", "image_mean lacks b"),
        ('"b" value: 103.939', '"b" value: 1000', 'image_mean "b" must be from 0 to 255, not 1000'),
        ("clip_boxes: false", "alpha: -1", "alpha must be 0 or more, not -1"),
        ("clip_boxes: false", "neg_pos_ratio: -1", "neg_pos_ratio must be 0 or more, not -1"),
        ("clip_boxes: false", "pos_iou_thresh: 1", "pos_iou_thresh must be 0 or more and below 1, not 1"),
        ('arch: "resnet"', 'arch: "efficientnet_b1"', "arch must be resnet, vgg,"),
        ("0.88, 1.05]", "1.05]", "scales needs 7 entries, not 6"),
        ("0.88, 1.05]", "1.05, 0.9]", "scale 6 is 1.05: only the seventh may be above 1"),
        ("enable_qat: false", "optimizer { adam { beta1: 1 } }", "beta1 must be 0 or more and below 1, not 1"),
        ("enable_qat: false", "optimizer { sgd { momentum: 0 nesterov: true } }", "nesterov needs a momentum above 0"),
        ("enable_qat: false", "optimizer { sgd { } adam { } }", "sgd and adam are both written: only one can be used"),
        ("enable_qat: false", 'early_stopping { monitor: "los" }', "monitor must be loss, validation_loss or"),
        ("enable_qat: false", "early_stopping { patience: 3 }", "monitor must be loss, validation_loss or val_loss"),
        ("enable_qat: false", 'early_stopping { monitor: "loss" min_delta: -1 }', "min_delta must be 0 or more"),
        ("  image_directory_path", "  #", 'data_sources needs "image_directory_path"'),
        ('    image_directory_path: "/workspace/data/val/images"\n', "", "validation_data_sources needs"),
        ("  data_sources {\n", "  data_sources { }\n  data_sources {\n", 'needs "label_directory_path" and "image'),
        (
            "  data_sources {\n",
            '  data_sources { tfrecords_path: "/d/train*" }\n  data_sources {\n',
            "data_sources are TFRecords in one place and folders in another: all must be of one kind",
        ),
        ('key: "vest" value: "vest"', 'key: "vest"', '"vest": "" is no mapping of classes'),
        (
            'target_class_mapping { key: "vest" value: "vest" }',
            'target_class_mapping { key: "Vest" value: "top" } target_class_mapping { key: "vest" value: "vest" }',
            '"Vest" and "vest" are one class in lower case: "top" or "vest"?',
        ),
    ],
)
def test_what_makes_no_sense(old: str, new: str, complaint: str) -> None:
    assert old in TRAIN3
    (told,) = complaints(TRAIN3.replace(old, new, 1))
    line = TRAIN3[: TRAIN3.index(old)].count("\n") + 1
    assert complaint in told
    assert told.startswith("spec:")
    assert abs(int(told.split(":")[1]) - line) <= 13, "the place is that of the field, or of what it should stand in"


def test_hints() -> None:
    assert hint(TRAIN3.replace("0.88, 1.05]", "1.05]"))[1] == (
        "scales: one for each of the six feature maps, and a seventh for the extra square of the last map"
    )
    assert "efficientnet_b0 exists" in str(hint(TRAIN3.replace('"resnet"', '"efficientnet_b1"'))[1])


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (AUGMENT, "", "random_flip is not written: no image is mirrored"),
        ("clip_boxes: false", "pos_iou_thresh: 0.4 neg_iou_thresh: 0.5", "neg_iou_thresh 0.5 is above pos_iou_thresh"),
        ('key: "vest" value: "vest"', 'key: "Vest" value: "vest"', '"Vest": "vest" is read in lower case'),
        (
            'target_class_mapping { key: "vest" value: "vest" }',
            'target_class_mapping { key: "vest" value: "top" } target_class_mapping { key: "vest" value: "vest" }',
            "the class of this target_class_mapping is mapped once more below, and the last one counts",
        ),
        ("enable_qat: false", 'pruned_model_path: "a"', "pruned_model_path is read but has no effect: tlt-train takes"),
        ("enable_qat: false", "cost_scaling { enabled: true }", "cost_scaling is read but has no effect"),
        ("enable_qat: false", "optimizer { adam { } }", "max_learning_rate 0.015 is high for adam"),
        ("enable_qat: false", "optimizer { }", "optimizer names none of adam, sgd and rmsprop"),
        ("include_difficult_in_training", 'type: "kitti" include_difficult_in_training', "type is read but has no"),
        ('labels"\n', 'labels" root_path: "/"\n', "root_path is read but has no effect"),
        ('labels"\n', 'labels" tfrecords_path: "/t*"\n', "label_directory_path has no effect beside tfrecords_path"),
    ],
)
def test_warnings(old: str, new: str, warning: str) -> None:
    assert old in TRAIN3
    (told,) = parse(TRAIN3.replace(old, new, 1)).warnings
    assert warning in told


def test_crops_are_on_and_flips_off_when_nothing_is_said() -> None:
    told = parse(DEFAULT).warnings
    assert len(told) == 2
    assert "random_crop_* and zoom_out_* are not written, and on" in told[0]


def test_no_validation_is_told() -> None:
    start = TRAIN3.index("  validation_data_sources")
    text = TRAIN3[:start] + TRAIN3[TRAIN3.index("  include_difficult") :]
    (told,) = parse(text).warnings
    assert 'no "validation_data_sources": training will not be validated' in told
    stopping = text.replace("enable_qat: false", 'early_stopping { monitor: "val_loss" patience: 3 }')
    assert 'val_loss needs "validation_data_sources"' in complaints(stopping)[0]


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("clip_boxes: false", "neg_pos_ratio: 3", "neg_pos_ratio ends NVIDIA's training with a type error"),
        ("random_flip: 0.5", "random_flip: 1", "random_flip must be 0 or more and below 1, not 1"),
        ("enable_qat: false", 'early_stopping { monitor: "val_loss" patience: 3 }', "val_loss needs a validation"),
        (
            'label_directory_path: "/workspace/data/val/labels"',
            'tfrecords_path: "/workspace/val*"',
            "TFRecords do not validate: NVIDIA",
        ),
    ],
)
def test_refused_only_to_the_letter(old: str, new: str, refusal: str) -> None:
    text = TRAIN3.replace(old, new, 1)
    assert parse(text).warnings == ()
    (told,) = complaints(strictly(text))
    assert refusal in told


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("enable_qat: false", "optimizer { sgd { } }", "sgd is ignored: NVIDIA trains SSD with SGD"),
        (
            "include_difficult_in_training: true",
            "include_difficult_in_training: false",
            "include_difficult_in_training: false has no effect",
        ),
        ("enable_qat: false", "model_ema: true", "model_ema is read but has no effect"),
        ("checkpoint_interval: 5", "checkpoint_interval: 7", "checkpoint_interval 7 does not divide num_epochs 60:"),
        ("checkpoint_interval: 5", "checkpoint_interval: 70", "does not divide num_epochs 60: NVIDIA's saves none"),
    ],
)
def test_told_only_to_the_letter(old: str, new: str, warning: str) -> None:
    text = TRAIN3.replace(old, new, 1)
    assert parse(text).warnings == ()
    assert any(warning in told for told in parse(strictly(text)).warnings)


def test_records_to_the_letter() -> None:
    start, end = TRAIN3.index("  data_sources {"), TRAIN3.index("  validation_data_sources")
    text = TRAIN3[:start] + '  data_sources { tfrecords_path: "/d/train*" }\n' + TRAIN3[end:]
    text = text.replace("clip_boxes: false", "pos_iou_thresh: 0.6").replace("scale: 3.0", "scale: 2.5")
    assert parse(text).warnings == ()
    told = "\n".join(parse(strictly(text)).warnings)
    assert "pos_iou_thresh is ignored by NVIDIA's program with TFRecords: 0.5 is used" in told
    assert "zoom_out_max_scale 2.5 is cut to 2 by NVIDIA's program with TFRecords" in told


def test_a_source_without_paths_is_left_out_to_the_letter() -> None:
    text = TRAIN3.replace(
        "  validation_data_sources {\n", "  validation_data_sources { }\n  validation_data_sources {\n"
    )
    assert 'needs "label_directory_path" and "image_directory_path"' in complaints(text)[0]
    assert any("NVIDIA's program leaves this source out" in told for told in parse(strictly(text)).warnings)
