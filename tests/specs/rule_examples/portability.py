"""S5: what the programs of each generation refuse, ignore or read otherwise."""

from dataclasses import replace
from pathlib import Path

from rule_example import CONVERT, TLT2, TLT3, Example, edited

from specs.augment import tao5
from specs.rulebook import Subject
from specs.spec import Spec

OTHERWISE = "# by our programs, in a plain file\n"
AUGMENT = (
    "spatial_config { } color_config { hue_saturation_config { saturation_shift: 1.0 } } "
    'dataset_config { image_path: "i" label_path: "l" } image_extension: ".jpg"\n'
)
YAML = tao5.write_default().replace("???", "/data/set").replace("dataset_type: coco", "dataset_type: kitti")
YOLOX = "dataset: {train_data_sources: [{image_dir: /d, json_file: /d/a.json}], classes: [a]}\n"
FOLDERS = """\
    image_directory_path: "/workspace/data/train/images"
    label_directory_path: "/workspace/data/train/labels"
"""
RECORDS = edited(TLT3, FOLDERS, '    tfrecords_path: "/workspace/data/train*"\n')
MAPPED = CONVERT.replace("val_split: 20", "val_split: 0") + '\ntarget_class_mapping { key: "car" value: "car" }\n'
RATES = "min_learning_rate: 5e-5 max_learning_rate: 1.5e-2 soft_start: 0.1"
STOPPING = 'early_stopping { monitor: "val_loss" patience: 3 }'
EVERY_EPOCH = edited(
    edited(TLT3, "validation_period_during_training: 5", "validation_period_during_training: 1"),
    "enable_qat: false",
    STOPPING,
)


def by_our_programs(_: Path, spec: Spec) -> Subject:
    return Subject(spec, toolkit="embedded" if OTHERWISE in spec.text else "tao5")


def in_a_plain_file(_: Path, spec: Spec) -> Subject:
    return Subject(replace(spec, source="train.conf" if OTHERWISE in spec.text else "my train.conf"), toolkit="tao5")


def later(old: str, new: str, at: str, *also: str, text: str = TLT3) -> Example:
    return Example("ssd", edited(text, old, new), text, at, also=also, toolkit="tao5")


def older(old: str, new: str, at: str, *also: str) -> Example:
    return Example("ssd", edited(TLT2, old, new), TLT2, at, also=also, toolkit="tlt2")


def records(old: str, new: str, at: str) -> Example:
    return later(old, new, at, text=RECORDS)


def augment(text: str, old: str, new: str, at: str, toolkit: str, *also: str) -> Example:
    return Example("augment", edited(text, old, new), text, at, also=also, toolkit=toolkit)


def convert(old: str, new: str, at: str | None, *also: str) -> Example:
    return Example("dataset_convert", edited(MAPPED, old, new), MAPPED, at, also=also, toolkit="tlt3")


EXAMPLES = {
    "S501": Example("ssd", TLT2, TLT3, "random_seed", toolkit="tao5"),
    "S502": Example("yolox", YOLOX, f"{YOLOX}{OTHERWISE}", None, about=by_our_programs),
    "S503": Example("ssd", TLT3, f"{TLT3}{OTHERWISE}", None, about=in_a_plain_file),
    "S504": older('image_extension: "jpg"', 'image_extension: "auto"', "image_extension"),
    "S511": later("clip_boxes: false", "neg_pos_ratio: 3", "neg_pos_ratio"),
    "S512": later(
        f"soft_start_annealing_schedule {{ {RATES} annealing: 0.7 }}",
        f"soft_start_cosine_annealing_schedule {{ {RATES} }}",
        "soft_start_cosine_annealing_schedule",
    ),
    "S513": later(
        'label_directory_path: "/workspace/data/val/labels"', 'tfrecords_path: "/workspace/val*"', "tfrecords_path"
    ),
    "S514": Example("ssd", edited(TLT3, "enable_qat: false", STOPPING), EVERY_EPOCH, "monitor", toolkit="tao5"),
    "S515": later("random_flip: 0.5", "random_flip: 1", "random_flip"),
    "S516": later("enable_qat: false", "optimizer { sgd { } }", "sgd"),
    "S517": later("enable_qat: false", "model_ema: true", "model_ema"),
    "S518": later("include_difficult_in_training: true", "include_difficult_in_training: false", "include_difficult"),
    "S519": older("checkpoint_interval: 20", "checkpoint_interval: 30", "checkpoint_interval"),
    "S520": later("clip_boxes: false", 'offsets: "[0.5, 0.5, 0.5, 0.5, 0.5, 0.4]"', "offsets"),
    "S521": later(
        "pos_iou_thresh: 0.5",
        "pos_iou_thresh: 0.6",
        "pos_iou_thresh",
        text=edited(RECORDS, "clip_boxes: false", "pos_iou_thresh: 0.5"),
    ),
    "S522": records("zoom_out_max_scale: 3.0", "zoom_out_max_scale: 2.5", "zoom_out_max_scale"),
    "S523": later(FOLDERS, '    tfrecords_path: "/workspace/data/train*"\n', "tfrecords_path"),
    "S524": records(
        'image_mean { key: "b" value: 103.939 }\n  image_mean { key: "g" value: 116.779 }\n'
        '  image_mean { key: "r" value: 123.68 }\n',
        "",
        "augmentation_config",
    ),
    "S525": later(
        'key: "vest" value: "vest"', 'key: "vest" value: "Vest"', 'target_class_mapping { key: "vest"', "S162"
    ),
    "S526": older('key: "vest"\n', 'key: "Vest"\n', "target_class_mapping", "S162"),
    "S527": later("enable_qat: false", "enable_qat: true", "enable_qat"),
    "S528": later("clip_boxes: false", "clip_boxes: true", "clip_boxes"),
    "S529": later("patience: 3", "patience: 3 min_delta: 0.1", "min_delta", text=EVERY_EPOCH),
    "S530": older("output_image_height: 288", "output_image_height: 300", "output_image_height", "S152"),
    "S541": augment(AUGMENT, "image_extension", "blur_config { size: 4 } image_extension", "size", "tlt3"),
    "S542": augment(AUGMENT, "saturation_shift: 1.0", "hue_rotation_angle: 3", "hue_saturation_config", "tlt3"),
    "S543": Example(
        "augment", edited(edited(YAML, "std: [0.1]", "std: [0]"), "size: [3]", "size: [0]"), YAML, "std", toolkit="tao5"
    ),
    "S544": augment(YAML, "shear_ratio_y: [0]", "shear_ratio_y: [0, 0.1]", "shear_ratio_y", "tao5"),
    "S545": augment(YAML, "dataset_type: kitti", "dataset_type: coco", "dataset_type", "tao5"),
    "S551": convert('root_directory_path: "/workspace/', 'root_directory_path: "workspace/', "root_directory_path"),
    "S552": convert('target_class_mapping { key: "car" value: "car" }\n', "", None),
    "S553": convert('value: "car"', 'value: "vehicle"', "target_class_mapping"),
    "S554": convert(
        "target_class_mapping",
        'sample_modifier_config { dominant_target_classes: "car" '
        'source_to_target_class_mapping { key: "car" value: "car" } } target_class_mapping',
        "dominant_target_classes",
    ),
    "S555": convert("kitti_config {", 'kitti_config { point_clouds_dir: "velodyne"', "point_clouds_dir"),
    "S556": convert('image_extension: ".jpg"', 'image_extension: "jpg"', "image_extension"),
    "S557": convert("val_split: 0", "val_split: 20", "val_split"),
    "S558": convert('key: "car" value: "car"', 'key: "bücher" value: "bücher"', "target_class_mapping"),
}
