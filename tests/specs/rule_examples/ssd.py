"""S1: training specs of SSD."""

from typing import Any

from rule_example import TLT2, TLT3, Example, edited

ANNEALING = (
    "soft_start_annealing_schedule { min_learning_rate: 5e-5 max_learning_rate: 1.5e-2 soft_start: 0.1 annealing: 0.7 }"
)
COSINE = "soft_start_cosine_annealing_schedule { max_learning_rate: 0.01 min_learning_rate: 1e-5 }"
SOURCES = """  data_sources {
    image_directory_path: "/workspace/data/train/images"
    label_directory_path: "/workspace/data/train/labels"
  }
"""
VALIDATION = SOURCES.replace("data_sources", "validation_data_sources").replace("train", "val")
RECORDS = edited(
    TLT3, 'label_directory_path: "/workspace/data/train/labels"', 'tfrecords_path: "/workspace/data/train-fold-*"'
)
VEST = '{ key: "vest" value: "vest" }'


def tlt3(old: str, new: str, at: str, good: str = TLT3, **more: Any) -> Example:
    return Example("ssd", edited(good, old, new), good, at, **more)


def tlt2(old: str, new: str, at: str, **more: Any) -> Example:
    return Example("ssd", edited(TLT2, old, new), TLT2, at, **more)


def strictly(old: str, new: str, at: str, good: str = TLT3) -> Example:
    return tlt3(old, new, at, good, strict=True)


def optimizer(text: str, at: str, **more: Any) -> Example:
    return tlt3("enable_qat: false", f"optimizer {{ {text} }}", at, **more)


def stopping(text: str, at: str, **more: Any) -> Example:
    return tlt3("enable_qat: false", f"early_stopping {{ {text} }}", at, **more)


EXAMPLES = {
    "S101": Example("ssd", TLT3.replace("nms_config {", "# nms_config {"), TLT3, None),
    "S102": tlt3("freeze_bn: false", "pred_num_channels: 100", "pred_num_channels"),
    "S103": tlt2('"mobilenet_v2"', '"mobilenet"', "arch"),
    "S104": tlt3("nlayers: 18", "nlayers: 17", "nlayers"),
    "S105": tlt2("freeze_bn: false", "nlayers: 18", "nlayers"),
    "S106": tlt2('"mobilenet_v2"', '"squeezenet" freeze_blocks: 0', "freeze_blocks"),
    "S107": tlt3("freeze_blocks: 0", "freeze_blocks: [0, 7]", "freeze_blocks"),
    "S108": tlt2("[1.0, 2.0", "[-1.0, 2.0", "aspect_ratios_global"),
    "S109": tlt2("[0.05, 0.1,", "[0.1,", "scales"),
    "S110": tlt3("0.88, 1.05", "1.01, 1.05", "scales"),
    "S111": tlt3("0.1, 0.1, 0.2, 0.2", "0.1, 0.2, 0.2", "variances"),
    "S112": tlt3("freeze_bn: false", 'offsets: "[1, 1, 1, 1, 1, 1]"', "offsets"),
    "S113": tlt3("freeze_bn: false", "pos_iou_thresh: 0.4 neg_iou_thresh: 0.5", "neg_iou_thresh"),
    "S114": tlt3("training_config {", "dssd_config { }\ntraining_config {", "dssd_config"),
    "S115": tlt3("ssd_config {", "dssd_config { }\nssd_config {", "dssd_config"),
    "S120": tlt3("num_epochs: 60", "num_epochs: 0", "num_epochs"),
    "S121": tlt3("    soft_start_annealing", "    # soft_start_annealing", "learning_rate"),
    "S122": tlt3("    soft_start_annealing", f"    {COSINE} soft_start_annealing", "soft_start_annealing"),
    "S123": tlt3("min_learning_rate: 5e-5", "min_learning_rate: 0", "min_learning_rate"),
    "S124": tlt3("min_learning_rate: 5e-5", "min_learning_rate: 1", "min_learning_rate"),
    "S125": tlt3("soft_start: 0.1", "soft_start: 0.7", "soft_start:"),
    "S126": tlt3("type: L2 weight: 5e-5", "type: L2 weight: 1", "weight"),
    "S127": strictly(ANNEALING, COSINE, "soft_start_cosine"),
    "S128": strictly("checkpoint_interval: 5", "checkpoint_interval: 7", "checkpoint_interval"),
    "S129": optimizer("adam { } sgd { }", "sgd"),
    "S130": optimizer("sgd { momentum: 1 }", "momentum"),
    "S131": optimizer("", "optimizer"),
    "S132": strictly("enable_qat: false", "optimizer { sgd { } }", "sgd"),
    "S133": optimizer("adam { }", "adam"),
    "S134": optimizer("sgd { momentum: 0 nesterov: true }", "nesterov"),
    "S135": stopping('monitor: "mAP"', "monitor"),
    "S136": stopping('monitor: "loss" min_delta: -1', "min_delta"),
    "S137": tlt3(
        VALIDATION,
        "",
        "monitor",
        edited(TLT3, "enable_qat: false", 'early_stopping { monitor: "validation_loss" }'),
        also=("S170",),
    ),
    "S138": strictly("enable_qat: false", 'early_stopping { monitor: "val_loss" }', "monitor"),
    "S139": tlt3("enable_qat: false", "enable_qat: true", "enable_qat"),
    "S140": tlt3("enable_qat: false", 'pruned_model_path: "/m"', "pruned_model_path"),
    "S141": strictly("freeze_bn: false", "neg_pos_ratio: 3", "neg_pos_ratio"),
    "S142": strictly("enable_qat: false", "model_ema: true", "model_ema"),
    "S145": tlt3("matching_iou_threshold: 0.5", "matching_iou_threshold: 1", "matching_iou_threshold"),
    "S146": tlt3("top_k: 200", "top_k: 0", "top_k"),
    "S150": tlt3("output_width: 320", "output_width: 32", "output_width"),
    "S151": tlt2("zoom_min: 0.7", "zoom_min: 2", "zoom_min"),
    "S152": tlt2("crop_right: 288", "crop_right: 200", "crop_right"),
    "S154": tlt3("random_crop_min_scale: 0.4", "random_crop_min_scale: 1.1", "random_crop_min_scale"),
    "S155": Example(
        "ssd",
        "\n".join(line for line in TLT3.split("\n") if "random_crop" not in line and "zoom_out" not in line),
        TLT3,
        "augmentation_config",
    ),
    "S156": tlt3("  random_flip: 0.5\n", "", "augmentation_config"),
    "S157": tlt3('  image_mean { key: "r" value: 123.68 }\n', "", "image_mean"),
    "S160": tlt3(VEST, '{ key: "vest" }', "target_class_mapping"),
    "S161": tlt3(VEST, '{ key: "vest" value: "Background" }', "target_class_mapping"),
    "S162": tlt3(VEST, '{ key: "Vest" value: "vest" }', "target_class_mapping"),
    "S163": tlt3(VEST, '{ key: "a vest" value: "vest" }', "target_class_mapping"),
    "S164": tlt3(
        VEST, f'{VEST} target_class_mapping {{ key: "Vest" value: "top" }}', "target_class_mapping", also=("S162",)
    ),
    "S165": tlt3(VEST, f"{VEST} target_class_mapping {VEST}", "target_class_mapping"),
    "S166": tlt3(SOURCES, "", "dataset_config"),
    "S167": tlt3('    label_directory_path: "/workspace/data/train/labels"\n', "", "data_sources"),
    "S168": tlt2("#tfrecords_path", "source_weight: 0 #", "source_weight"),
    "S169": tlt2(
        "validation_fold: 0",
        'validation_fold: 0 validation_data_source { tfrecords_path: "v" }',
        "validation_data_source",
    ),
    "S170": tlt2("validation_fold: 0", "", "dataset_config"),
    "S171": tlt3(
        "  validation_data_sources {",
        '  data_sources { tfrecords_path: "/workspace/t-*" }\n  validation_data_sources {',
        "data_sources",
    ),
    "S172": tlt3(
        'tfrecords_path: "/workspace/data/train-fold-*"',
        'tfrecords_path: "/workspace/data/train-fold-*" label_directory_path: "/l"',
        "label_directory_path",
        RECORDS,
    ),
    "S173": strictly('    label_directory_path: "/workspace/data/val/labels"\n', "", "validation_data_sources"),
    "S174": strictly(
        'label_directory_path: "/workspace/data/val/labels"', 'tfrecords_path: "/workspace/val-*"', "tfrecords_path"
    ),
    "S175": strictly("freeze_bn: false", "pos_iou_thresh: 0.6", "pos_iou_thresh", RECORDS),
    "S176": strictly("zoom_out_max_scale: 3.0", "zoom_out_max_scale: 2.5", "zoom_out_max_scale", RECORDS),
    "S177": strictly(
        "include_difficult_in_training: true",
        "include_difficult_in_training: false",
        "include_difficult_in_training",
    ),
}
