"""Rules about the conversion of data to TFRecords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import Finding, Range, message_at, out_of_range, required, rewritten
from specs.extensions import dotted
from specs.rulebook import IN_RANGE, NVIDIA, Subject, rule
from specs.spec import Spec
from specs.yaml_nodes import quoted

KINDS = ("dataset_convert",)

# What the digits in file names are made for; and more copies of a frame than anybody can mean.
PARTITIONS, SHARDS, DUPLICATES = 999, 99_999, 1000

RANGES: tuple[Range, ...] = (
    Range("kitti_config.val_split", "0 or more and below 100", lambda value: 0 <= value < 100),
    Range("kitti_config.num_partitions", f"at most {PARTITIONS}", lambda value: value <= PARTITIONS),
    Range("kitti_config.num_shards", f"at most {SHARDS}", lambda value: value <= SHARDS),
    Range("coco_config.num_partitions", f"at most {PARTITIONS}", lambda value: value <= PARTITIONS),
    Range("coco_config.num_shards", f"at most {SHARDS}", lambda value: max(value, default=0) <= SHARDS),
    Range("sample_modifier_config.num_duplicates", f"at most {DUPLICATES}", lambda value: value <= DUPLICATES),
)

_PATHS = {
    "kitti_config": (
        *("root_directory_path", "image_dir_name", "label_dir_name", "point_clouds_dir", "calibrations_dir"),
        *("kitti_sequence_to_frames_file", "image_extension"),
    ),
    "coco_config": ("root_directory_path", "img_dir_names", "annotation_files"),
}
# Characters of a path, bytes of what is between two slashes; systems take twice the one and 255 of the other.
_LONGEST, _PART = 2000, 200


@rule("S221", "error", title="nothing is to be converted", fix="write kitti_config or coco_config", kinds=KINDS)
def nothing(subject: Subject) -> Iterator[Finding]:
    """Where the data are."""
    if not any(subject.spec.is_set(name) for name in _PATHS):
        yield Finding("", "the spec needs kitti_config or coco_config: what is to be converted")


@rule(
    "S222",
    "error",
    title="kitti_config and coco_config are both written",
    fix="write a spec for each of them",
    kinds=KINDS,
)
def both(subject: Subject) -> Iterator[Finding]:
    """protobuf would silently keep the last one."""
    if _both(subject.spec):
        yield Finding("coco_config", "kitti_config and coco_config are both written: only one can be converted")


@rule(
    "S223",
    "error",
    title="a number of the conversion is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def conversion_numbers(subject: Subject) -> Iterator[Finding]:
    """Folds, shards and copies."""
    if not _both(subject.spec):
        yield from out_of_range(subject.spec, RANGES)


@rule("S224", "error", title="no file can be called so", fix="correct the path", kinds=KINDS)
def impossible_paths(subject: Subject) -> Iterator[Finding]:
    """Whichever the system."""
    for config, fields in _PATHS.items():
        message = _config(subject.spec, config)
        for name in fields if message is not None else ():
            value = getattr(message, name)
            for text in [value] if isinstance(value, str) else value:
                if "\0" in text or len(text) > _LONGEST or any(len(part.encode()) > _PART for part in text.split("/")):
                    yield Finding(f"{config}.{name}", f"{name} is nothing that a file or folder can be called")


@rule(
    "S225",
    "error",
    title="a path of kitti_config is missing",
    fix="write root_directory_path, image_dir_name and label_dir_name",
    kinds=KINDS,
)
def missing_folders(subject: Subject) -> Iterator[Finding]:
    """Where images and labels are."""
    names = ("root_directory_path", "image_dir_name", "label_dir_name")
    yield from required(subject.spec, *(f"kitti_config.{name}" for name in names))


@rule(
    "S226",
    "error",
    title="partition_mode is neither random nor sequence",
    fix='write partition_mode: "random", or "sequence" with kitti_sequence_to_frames_file',
    kinds=KINDS,
)
def partition_mode(subject: Subject) -> Iterator[Finding]:
    """How frames are divided into folds."""
    kitti, path = _config(subject.spec, "kitti_config"), "kitti_config.partition_mode"
    if kitti is None or kitti.partition_mode in ("random", "sequence"):
        return
    if kitti.partition_mode:
        yield Finding(path, f'partition_mode must be "random" or "sequence", not {quoted(kitti.partition_mode)}')
    else:
        yield Finding(path, 'kitti_config needs "partition_mode", "random" or "sequence"')


@rule(
    "S227",
    "error",
    title="partition_mode lacks what goes with it",
    fix='write num_partitions: 2 for "random", kitti_sequence_to_frames_file for "sequence"',
    kinds=KINDS,
)
def partitions(subject: Subject) -> Iterator[Finding]:
    """Random division makes two folds; sequences need to be listed."""
    kitti = _config(subject.spec, "kitti_config")
    if kitti is None:
        return
    if kitti.partition_mode == "random" and kitti.num_partitions != 2:
        given = kitti.num_partitions if subject.spec.is_set("kitti_config.num_partitions") else "unset"
        what = f'num_partitions must be 2 with partition_mode "random", not {given}'
        yield Finding("kitti_config.num_partitions", what)
    if kitti.partition_mode == "sequence" and not kitti.kitti_sequence_to_frames_file:
        what = 'kitti_config needs "kitti_sequence_to_frames_file" with partition_mode "sequence"'
        yield Finding("kitti_config.kitti_sequence_to_frames_file", what)


@rule(
    "S228",
    "warning",
    title="image_extension has no dot",
    fix='write it with its dot: ".jpg"',
    kinds=KINDS,
)
def extension(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's converter needs it (S556); ours does not."""
    kitti = _config(subject.spec, "kitti_config") if subject.toolkit not in NVIDIA else None
    if kitti is not None and dotted(kitti.image_extension) and not kitti.image_extension.startswith("."):
        what = f'image_extension "{kitti.image_extension}" has no dot, which NVIDIA\'s converter needs'
        edit = rewritten(subject.spec, "kitti_config.image_extension", f'".{kitti.image_extension}"')
        yield Finding("kitti_config.image_extension", what, edit=edit)


@rule(
    "S229",
    "error",
    title="coco_config lacks an entry for each partition",
    fix="write root_directory_path, num_partitions, and as many img_dir_names and annotation_files",
    kinds=KINDS,
)
def coco(subject: Subject) -> Iterator[Finding]:
    """A partition is a folder of images and a file of annotations."""
    config = _config(subject.spec, "coco_config")
    if config is None:
        return
    yield from required(subject.spec, *(f"coco_config.{name}" for name in ("root_directory_path", "num_partitions")))
    for name in ("img_dir_names", "annotation_files"):
        count = len(getattr(config, name))
        if count != config.num_partitions:
            what = f"{name} needs one entry for each of the {config.num_partitions} partitions, not {count}"
            yield Finding(f"coco_config.{name}", what)
    if len(config.num_shards) not in (0, 1, config.num_partitions):
        what = f"num_shards needs one entry, or one for each of the {config.num_partitions} partitions"
        yield Finding("coco_config.num_shards", f"{what}, not {len(config.num_shards)}")


@rule(
    "S230",
    "error",
    title="a class of sample_modifier_config is no target class",
    fix="name values of its source_to_target_class_mapping",
    kinds=KINDS,
)
def modified_classes(subject: Subject) -> Iterator[Finding]:
    """Samples are picked by the classes that they are mapped to."""
    modifier = _config(subject.spec, "sample_modifier_config")
    if modifier is None:
        return
    targets = set(modifier.source_to_target_class_mapping.values())
    for name in ("filter_samples_containing_only", "dominant_target_classes"):
        for index, label in enumerate(getattr(modifier, name)):
            if label not in targets:
                what = f'"{label}" is no target class: it is not a value of source_to_target_class_mapping'
                yield Finding(f"sample_modifier_config.{name}[{index}]", what)


@rule(
    "S231",
    "warning",
    title="a mapped class never matches",
    fix="write keys of source_to_target_class_mapping in lower case",
    kinds=KINDS,
)
def never_matched(subject: Subject) -> Iterator[Finding]:
    """Class names are lower-cased first."""
    modifier = _config(subject.spec, "sample_modifier_config")
    for source in sorted(modifier.source_to_target_class_mapping) if modifier is not None else ():
        if source != source.lower():
            path = f'sample_modifier_config.source_to_target_class_mapping["{source}"]'
            what = f'"{source}" never matches: class names are lower-cased first, so write the key that way'
            yield Finding(path, what)


def _both(spec: Spec) -> bool:
    return all(spec.is_set(name) for name in ("kitti_config", "coco_config"))


def _config(spec: Spec, name: str) -> Any | None:
    """The section, None where it is not written, or where there is no telling which one is meant."""
    return None if _both(spec) else message_at(spec, name)
