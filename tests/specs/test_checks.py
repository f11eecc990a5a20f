"""Values that make no sense: each is found, with its place, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from refusals import error_of

import specs
from tltpipe.errors import SpecError

SEEDS = Path(__file__).parents[1] / "data" / "seed-specs"
TRAIN = (SEEDS / "training.conf").read_bytes().decode().replace("\r\n", "\n")
CONVERT = (SEEDS / "KITTI_dataset_conversion.conf").read_bytes().decode().replace("\r\n", "\n")
GOLDEN = Path(__file__).parents[1] / "golden"

KITTI = "kitti_config { root_directory_path: '/d' image_dir_name: 'i' label_dir_name: 'l' %s }"
COCO = "coco_config { root_directory_path: '/d' %s }"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("KITTI-augmentation.conf", "augment"),
        ("KITTI_dataset_conversion.conf", "dataset_convert"),
        ("training.conf", "ssd"),
    ],
)
def test_the_seed_specs_stand_without_a_word(name: str, message: str) -> None:
    as_written = specs.parse(SEEDS / name, message)
    assert b"\r\n" in (SEEDS / name).read_bytes()
    assert as_written.warnings == ()
    unix = specs.parse_text((SEEDS / name).read_text(), message, source=name)
    assert unix.message == as_written.message
    assert unix.positions == as_written.positions


def complaints(text: str, message: str) -> list[str]:
    error = error_of(SpecError, specs.parse_text, text, message, source="spec")
    return str(error).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("num_epochs: 100", "num_epochs: 0", "18:3: num_epochs must be above 0, not 0"),
        ("  num_epochs: 100\n", "", '15:1: training_config needs "num_epochs", above 0'),
        ("batch_size_per_gpu: 2", "batch_size_per_gpu: 0", "17:3: batch_size_per_gpu must be above 0, not 0"),
        ("soft_start: 0.1", "soft_start: 1", "23:5: soft_start must be above 0 and below 1, not 1"),
        ("soft_start: 0.1", "soft_start: nan", "23:5: soft_start must be above 0 and below 1, not nan"),
        ("soft_start: 0.1", "soft_start: 0.3", "23:5: soft_start must be below annealing (0.3), not 0.3"),
        ("annealing: 0.3", "annealing: 0", "24:5: annealing must be above 0 and below 1, not 0"),
        ("max_learning_rate: 5e-3", "max_learning_rate: inf", "22:5: max_learning_rate must be above 0, not inf"),
        ("min_learning_rate: 5e-5", "min_learning_rate: 0", "21:5: min_learning_rate must be above 0, not 0"),
        ("weight: 3.00000002618e-09", "weight: 1", "29:5: weight must be above 0 and below 1, not 1"),
        ("top_k: 200", "top_k: 0", "41:3: top_k must be above 0, not 0"),
        ("confidence_threshold: 0.01", "confidence_threshold: 0", "39:3: confidence_threshold must be above 0 and"),
        ("clustering_iou_threshold: 0.6", "clustering_iou_threshold: 1", "40:3: clustering_iou_threshold must be"),
        ("matching_iou_threshold: 0.5", "", '32:1: eval_config needs "matching_iou_threshold", above 0 and below 1'),
        ("training: 10", "training: 0", "33:3: validation_period_during_training must be above 0, not 0"),
        ("mode: SAMPLE", "mode: 2", "34:3: average_precision_mode takes SAMPLE or INTEGRATE, not 2"),
        ("batch_size: 2\n", "batch_size: 0\n", "35:3: batch_size must be above 0, not 0"),
        ("output_image_width: 288", "output_image_width: 32", "45:5: output_image_width must be above 32, not 32"),
        ("channel: 3", "channel: 2", "47:5: output_image_channel must be 0, 1 or 3, not 2"),
        ("zoom_min: 0.7", "zoom_min: 2", "56:5: zoom_min 2 is above zoom_max 1.8"),
        ("hflip_probability: 0.5", "hflip_probability: 50", "54:5: hflip_probability must be from 0 to 1, not 50"),
        ('"mobilenet_v2"', '"mobilenet"', "11:3: arch must be resnet, vgg, darknet, mobilenet_v1, mobilenet_v2,"),
        ('  arch: "mobilenet_v2"\n', "", '2:1: ssd_config needs "arch"'),
        ('"mobilenet_v2"', '"resnet"', "2:1: nlayers of resnet must be 10, 18, 34, 50 or 101, not unset"),
        ('"mobilenet_v2"', '"vgg" nlayers: 18', "11:15: nlayers of vgg must be 16 or 19, not 18"),
        ("# freeze_blocks: 0", "freeze_blocks: [0, 14]", "13:3: freeze_blocks of mobilenet_v2 must be from 0 to 13"),
        ("0.05, 0.1", "0.05 0.1", "4:3: scales: this is not a list of numbers: [0.05 0.1"),
        ("[0.05, 0.1", "[a, 0.1", "4:3: scales: numbers and + - * / are expected, not a"),
        ("[0.05, 0.1,", "[0.1,", "4:3: scales needs 7 entries, not 6"),
        ("[0.05, 0.1", "[0, 0.1", "4:3: every entry of scales must be above 0, not 0"),
        ("[1.0, 2.0", "[-1.0, 2.0", "3:3: every entry of aspect_ratios_global must be above 0, not -1.0"),
        ("[1.0, 2.0", "[[1.0], 2.0", "3:3: every entry of aspect_ratios_global must be above 0, not [1.0]"),
        ("[1.0, 2.0, 0.5, 3.0, 1.0/3.0]", "[]", "3:3: aspect_ratios_global needs one or more entries, not 0"),
        ("0.1, 0.1, 0.2, 0.2", "0.1, 0.1, 0.2", "10:3: variances needs 4 entries, not 3"),
        ('  variances: "[0.1, 0.1, 0.2, 0.2]"\n', "", '2:1: ssd_config needs "variances", for example'),
        ("freeze_bn", 'steps: "[8, 16, 32, 64, 100, [300, 0]]" freeze_bn', "12:3: every entry of steps must be above"),
        ("freeze_bn", 'offsets: "[1, 1, 1, 1, 1, 1]" freeze_bn', "every entry of offsets must be above 0 and below 1"),
        ("freeze_bn", 'aspect_ratios: "[[1], [1], [1], [1], [1], 1]" freeze_bn', "must be a list of numbers above 0"),
        ("freeze_bn", "pred_num_channels: 100 freeze_bn", "pred_num_channels must be 0, 256, 512 or 1024, not 100"),
        ('    tfrecords_path: "/workspace/TFRecords/*"\n', "", '70:3: data_sources needs "tfrecords_path"'),
        ("validation_fold: 0", "validation_fold: 0 validation_data_source { tfrecords_path: 'v' }", "are both written"),
        ('value: "vest"\n', 'value: ""\n', '92:3: "vest": "" is no mapping of classes'),
        ("#tfrecords_path", "source_weight: 0 #", "71:5: source_weight must be above 0, not 0"),
        ("0.7, 0.85]", "1.7, 0.85]", "4:3: scale 6 is 1.7: only the seventh may be above 1, the size of the image"),
        ('"mobilenet_v2"', '"efficientnet_b1"', "11:3: arch must be resnet, vgg, darknet, mobilenet_v1, mobilenet_v2,"),
    ],
)
def test_training(old: str, new: str, complaint: str) -> None:
    assert old in TRAIN
    (told, *_) = complaints(TRAIN.replace(old, new, 1), "ssd")
    assert told.startswith("spec:")
    assert complaint in told


def test_the_cosine_schedule_is_refused_only_to_the_letter() -> None:
    head, _, rest = TRAIN.partition("  soft_start_annealing_schedule {")
    curve = "soft_start_cosine_annealing_schedule { max_learning_rate: 0.01 min_learning_rate: 1e-5 }"
    text = head + curve + rest.partition("}")[2]
    assert specs.parse_text(text, "ssd", source="spec").warnings == ()
    assert complaints(f"{text}\n# tltpipe: strict-tlt\n", "ssd") == [
        "spec:20:1: SSD trains with soft_start_annealing_schedule: NVIDIA's program refuses the cosine schedule"
    ]
    told = complaints(text.replace("max_learning_rate: 0.01", "max_learning_rate: 0"), "ssd")
    assert told == ["spec:20:40: max_learning_rate must be above 0, not 0"]
    both = text.replace(curve, f"{curve} soft_start_annealing_schedule {{ }}")
    assert "are both written: only one can be used" in "\n".join(complaints(both, "ssd"))


@pytest.mark.parametrize(
    "section",
    ["ssd_config", "training_config", "eval_config", "nms_config", "augmentation_config", "dataset_config"],
)
def test_every_section_is_needed(section: str) -> None:
    spec = specs.parse_text(TRAIN, "ssd", source="spec")
    spec.message.ClearField(section)
    assert complaints(specs.dump(spec), "ssd") == [f'spec: the spec needs "{section}"']


def test_an_empty_section_needs_everything() -> None:
    told = complaints(TRAIN.partition("nms_config")[0] + "nms_config { }", "ssd")
    assert len(told) == 5
    assert 'spec: the spec needs "augmentation_config"' in told
    assert 'spec:38:1: nms_config needs "top_k", above 0' in told


def test_all_problems_in_the_order_of_the_file() -> None:
    text = TRAIN.replace("top_k: 200", "top_k: 0").replace("num_epochs: 100", "num_epochs: 0").replace("0.85]", "-1]")
    assert complaints(text, "ssd") == [
        "spec:4:3: every entry of scales must be above 0, not -1",
        "spec:18:3: num_epochs must be above 0, not 0",
        "spec:41:3: top_k must be above 0, not 0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("freeze_bn: false", "nlayers: 18", "spec:12:3: nlayers has no effect: mobilenet_v2 comes in one depth"),
        ("crop_right: 288", "crop_right: 200", "spec:48:5: of every stored image only the pixels from 0, 0 to 200"),
        ("crop_right: 288", "crop_left: 288", "spec:48:5: crop 288, 0, 0, 288 (left, top, right, bottom)"),
        ("num_epochs: 100", "num_epochs: 1 enable_qat: true", "spec:18:17: enable_qat is read but has no effect"),
        ('key: "vest"\n', 'key: "Vest"\n', 'spec:92:3: "Vest": "vest" is read in lower case'),
        ("validation_fold: 0", "", 'spec:69:1: no "validation_fold" and no "validation_data_source": training will'),
        ("min_learning_rate: 5e-5", "min_learning_rate: 1", "spec:21:5: min_learning_rate 1 is above"),
        ('key: "vest"\n', 'key: "a vest"\n', 'spec:92:3: "a vest" matches nothing in KITTI labels'),
        ("random_seed", "# tltpipe: strict-tl\nrandom_seed", 'spec:1:1: "# tltpipe: strict-tl" is not understood; did'),
    ],
)
def test_training_warnings(old: str, new: str, warning: str) -> None:
    (told,) = specs.parse_text(TRAIN.replace(old, new, 1), "ssd", source="spec").warnings
    assert told.startswith(warning)


def test_scales_may_come_from_their_ends() -> None:
    text = TRAIN.replace('scales: "[0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85]"', "min_scale: 0.1 max_scale: 0.9")
    assert specs.parse_text(text, "ssd", source="spec").warnings == ()
    assert '"min_scale" and "max_scale"' in complaints(text.replace("0.9", "0.05"), "ssd")[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("image_directory_path: 'x'", "spec: the spec needs kitti_config or coco_config"),
        ("kitti_config { }\ncoco_config { }", "spec:2:1: kitti_config and coco_config are both written"),
        ("kitti_config { }", 'spec:1:1: kitti_config needs "root_directory_path"'),
        (KITTI % "", 'kitti_config needs "partition_mode", "random" or "sequence"'),
        (KITTI % "partition_mode: 'Random'", 'partition_mode must be "random" or "sequence", not "Random"'),
        (KITTI % "partition_mode: 'random'", 'num_partitions must be 2 with partition_mode "random", not unset'),
        (KITTI % "partition_mode: 'random' num_partitions: 3", "num_partitions must be 2"),
        (KITTI % "partition_mode: 'sequence'", 'needs "kitti_sequence_to_frames_file"'),
        (CONVERT.replace("val_split: 20", "val_split: 100"), "spec:8:3: val_split must be 0 or more and below 100"),
        (CONVERT.replace("val_split: 20", "val_split: -1"), "spec:8:3: val_split must be 0 or more and below 100"),
        (COCO % "", 'coco_config needs "num_partitions"'),
        (COCO % "num_partitions: 2 img_dir_names: 'a' annotation_files: ['a', 'b']", "img_dir_names needs one entry"),
        (
            COCO
            % "num_partitions: 3 img_dir_names: ['a', 'b', 'c'] annotation_files: ['a', 'b', 'c'] num_shards: [1, 2]",
            "num_shards needs one entry, or one for each of the 3 partitions, not 2",
        ),
        (CONVERT + "\nsample_modifier_config { dominant_target_classes: 'car' }", 'spec:12:26: "car" is no target'),
    ],
)
def test_conversion(text: str, complaint: str) -> None:
    assert complaint in complaints(text, "dataset_convert")[0]


def test_conversion_warnings() -> None:
    spec = specs.parse_text(CONVERT.replace('".jpg"', '"jpg"'), "dataset_convert", source="spec")
    assert spec.warnings == ('spec:5:3: image_extension "jpg" has no dot, which NVIDIA\'s converter needs',)
    modifier = "sample_modifier_config { source_to_target_class_mapping { key: 'Car' value: 'car' } }"
    (warning,) = specs.parse_text(f"{CONVERT}\n{modifier}", "dataset_convert", source="spec").warnings
    assert warning.startswith('spec:12:26: "Car" never matches')


def test_what_nvidias_converter_took_stands() -> None:
    cases = json.loads((GOLDEN / "kitti_convert.json").read_text())["cases"]
    for name, case in cases.items():
        spec = specs.parse_text(case["spec"], "dataset_convert", source=name)
        assert all('"Person" never matches' in warning for warning in spec.warnings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("output_image_width: -1 output_image_height: 10", "spec:1:1: output_image_width must be from 0 to 65500"),
        ("output_image_width: 10", "spec: output_image_height is missing or 0 while the other side is 10"),
        ("output_image_channel: 4", "spec:1:1: output_image_channel must be 0, 1 or 3, not 4"),
        ("blur_config { size: 2.5 }", "spec:1:15: size must be a whole number of pixels, not 2.5"),
        ("blur_config { std: -1 size: 3 }", "spec:1:15: std must be from 0 to 166, not -1"),
        ("blur_config { }", "spec:1:1: blur_config needs std or size above 0"),
        ("spatial_config { shear_config { shear_ratio_x: 2 shear_ratio_y: 0.5 } }", "spec:1:50: shear_ratio_x times"),
        ("color_config { hue_saturation_config { saturation_shift: -1 } }", "saturation_shift must be from 0 to"),
        ("spatial_config { shear_config { shear_ratio_x: 1e30 } }", "spec:1:33: shear_ratio_x must be from -1000000"),
        ("spatial_config { translation_config { translate_x: 2000000 } }", "spec:1:39: translate_x must be from"),
        ("color_config { brightness_config { offset: nan } }", "spec:1:36: offset must be from -1000000 to 1000000"),
    ],
)
def test_augmentation(text: str, complaint: str) -> None:
    assert complaint in complaints(text, "augment")[0]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("color_config { hue_saturation_config { } }", "spec:1:16: saturation_shift is not written and taken as 1.0"),
        ("spatial_config { rotation_config { angle: 1 } }", "spec:1:18: units is not written: degrees are meant"),
        ("spatial_config { rotation_config { angle: 1 units: 'rad' } }", 'spec:1:45: units is "rad": degrees are'),
        ("partition_config { }", "spec:1:1: partition_config is read but has no effect"),
    ],
)
def test_augmentation_warnings(text: str, warning: str) -> None:
    (told,) = specs.parse_text(text, "augment", source="spec").warnings
    assert told.startswith(warning)


def test_fields_that_do_not_fit_and_values_that_make_no_sense_at_once() -> None:
    """What is missing where something is misspelt is left unsaid, and the order is that of reading, then judging."""
    changes = {
        "random_seed: 42": "random_seed 42",
        "clip_boxes: false": "clip_boxes: [no, 3]",
        "num_epochs: 100": "num_epoch: 100",
        "hflip_probability: 0.5": "hflip_probability:",
        "eval_config {": "eval_config { extra { deep { a: [1, 2] } } more: < b: 1 >",
        'arch: "mobilenet_v2"': "arch: 'lenet",
        "top_k: 200": "top_k: 0",
        "annealing: 0.3": "annealing: 3",
    }
    text = TRAIN
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    places = [line.split(": ")[0] for line in complaints(text, "ssd")]
    assert places == [
        f"spec:{place}"
        for place in ("1:13", "6:15", "11:9", "18:3", "32:15", "32:44", "55:5", "24:5", "41:3")
    ]  # fmt: skip
    error = error_of(SpecError, specs.parse_text, text, "ssd", source="spec")
    assert {part.code for part in error.parts} == {"S002", "S004", "S005", "S123", "S146"}


def test_where_no_brace_closes_nothing_is_judged() -> None:
    for old, place in (("top_k: 200\n}", "spec:43:1: "), ("}\n\nvalidation_fold: 0\n}", "spec:69:1: ")):
        (told,) = complaints(edited_once(TRAIN, old, old.rpartition("}")[0]), "ssd")
        assert told.startswith(place)


def edited_once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)
