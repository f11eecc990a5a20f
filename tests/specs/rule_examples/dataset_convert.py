"""S22 and S23: conversion to TFRecords."""

from rule_example import CONVERT, Example, edited

COCO = """coco_config {
  root_directory_path: "/d" num_partitions: 1 img_dir_names: "a" annotation_files: "a.json"
}
"""
MODIFIER = 'sample_modifier_config { source_to_target_class_mapping { key: "car" value: "car" } }\n'


def changed(old: str, new: str, at: str | None, good: str = CONVERT) -> Example:
    return Example("dataset_convert", edited(good, old, new), good, at)


EXAMPLES = {
    "S221": Example("dataset_convert", 'image_directory_path: "/d"\n', CONVERT, None),
    "S222": Example("dataset_convert", f"{CONVERT}\n{COCO}", CONVERT, "coco_config"),
    "S223": changed("val_split: 20", "val_split: 100", "val_split"),
    "S224": changed('"train/images"', f'"{"n" * 201}"', "image_dir_name"),
    "S225": changed('image_dir_name: "train/images"', "", "kitti_config"),
    "S226": changed('"random"', '"Random"', "partition_mode"),
    "S227": changed("num_partitions: 2", "num_partitions: 3", "num_partitions"),
    "S228": changed('".jpg"', '"jpg"', "image_extension"),
    "S229": changed("num_partitions: 1", "num_partitions: 2", "img_dir_names", COCO),
    "S230": changed("source_to", 'dominant_target_classes: "bus" source_to', "dominant", MODIFIER + CONVERT),
    "S231": changed('key: "car"', 'key: "Car"', "source_to", MODIFIER + CONVERT),
}
