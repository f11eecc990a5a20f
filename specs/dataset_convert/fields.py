"""Every field of a conversion spec: what it is for, and what NVIDIA's converter does with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from specs.dataset_convert.rules import RANGES
from specs.fields import NO, YES, Field

GENERATIONS: Mapping[str, str] = {"tlt2": "TLT 2.0 to TAO 5"}

_NEEDED: Mapping[str, str] = {each.path: each.needed for each in RANGES}
_ROOT = "a relative one is looked for below DATA_BASE_PATH or ~/datasets"
UNORDERED = ("filter_samples_containing_only", "dominant_target_classes")
_NEVER = "never in records for SSD, DSSD and RetinaNet (TLT 3.0 on)"


def _field(path: str, unset: str, meaning: str, nvidia: str = "", *, honoured: str = YES, unit: str = "") -> Field:
    return Field(path, unset, meaning, honoured, ("tlt2",), unit=unit, nvidia=nvidia)


_KITTI = (
    _field("root_directory_path", "needed", "folder of the data set", _ROOT),
    _field("image_dir_name", "needed", "folder of the images, below the root"),
    _field("label_dir_name", "needed", "folder of the labels, below the root"),
    _field("point_clouds_dir", "", "folder of point clouds, whose names go into the records", _NEVER),
    _field("calibrations_dir", "", "folder of calibrations, which go into the records", _NEVER),
    _field("kitti_sequence_to_frames_file", "needed for sequence", "JSON file, below the root: sequence to its frames"),
    _field("image_extension", ".png", "extension of the images; auto: any", "needs its dot; knows no auto"),
    _field("num_partitions", "0", "number of folds; 2 with random, 0 or 1 with sequence: one", "random: exactly 2"),
    _field("num_shards", "0", "files for each fold; 0: one, without a number", unit="files"),
    _field(
        "partition_mode",
        "needed",
        "random or sequence: how frames are dealt out to folds",
        "random takes the first frames by name to validate on, and shuffles within the folds alone",
    ),
    _field("val_split", "0", "share of the images in fold 0, to validate on; 0: one fold of all", unit="per cent"),
)
_COCO = (
    _field("root_directory_path", "needed", "folder of the data set", _ROOT),
    _field("img_dir_names", "needed", "folders of images below the root, one for each partition"),
    _field("annotation_files", "needed", "COCO files below the root, one for each partition"),
    _field("num_partitions", "needed", "number of folds"),
    _field("num_shards", "0", "files for each fold, one number for all or one for each", unit="files"),
)
_MODIFIER = (
    _field("filter_samples_containing_only", "none", "frames with these classes alone are left out", _NEVER),
    _field("dominant_target_classes", "none", "classes that others are rare beside", _NEVER),
    _field(
        "minimum_target_class_imbalance", "1 for each", "from which count beside a dominant class one is rare", _NEVER
    ),
    _field("num_duplicates", "0", "further copies of a frame with a rare class", _NEVER, unit="frames"),
    _field("max_training_samples", "0", "most frames in all training folds together; 0: no limit", unit="frames"),
    _field("source_to_target_class_mapping", "none", "class in the labels, in lower case, to class that counts here"),
)


def _section(name: str, *fields: Field) -> tuple[Field, ...]:
    def path(field: Field) -> str:
        return f"{name}.{field.path}"

    return tuple(
        replace(field, path=path(field), range=_NEEDED.get(path(field), ""), unordered=field.path in UNORDERED)
        for field in fields
    )


FIELDS: tuple[Field, ...] = (
    *_section("kitti_config", *_KITTI),
    *_section("coco_config", *_COCO),
    *_section("sample_modifier_config", *_MODIFIER),
    _field("image_directory_path", "", "the root once more; never read", "never read", honoured=NO),
    _field(
        "target_class_mapping",
        "none",
        "class in the labels to class in the records, of those with class numbers (--dali)",
        "of records for SSD alone, which need it or -c; numbers go by the sorted values; others are dropped in silence",
    ),
)
