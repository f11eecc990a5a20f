"""The spec of tlt-dataset-convert: KITTI or COCO in, TFRecord shards out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from specs.checks import Finding, Rule, examine, message_at, required, warn
from specs.data_sources import ClassField, DataSource
from specs.extensions import AUTO, dotted
from specs.spec import Spec

MESSAGE = "DatasetExportConfig"
SCHEMA = "specs.schema.tlt2.dataset_export_pb2"


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Conversion of one KITTI folder; with the defaults all of it goes into one fold."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}

    val_split: Annotated[float, Ge(0), Lt(100)] = 0.0
    """Percentage of the images, first by name, that go into fold 0 for validation; 0 makes one fold of all."""
    num_shards: Annotated[int, Ge(0)] = 10
    """Files per fold; 0 writes one without a number."""
    image_extension: str = AUTO
    """auto: every image that can be read. An extension with its dot: those images alone, in all stages."""


TUNABLES = Convert

ELSEWHERE: Mapping[str, str] = {}

IMAGE_SIZE = None
SIZE = None

# What the digits in file names are made for; and more copies of a frame than anybody can mean.
PARTITIONS, SHARDS, DUPLICATES = 999, 99_999, 1000

RULES: tuple[Rule, ...] = (
    Rule("kitti_config.val_split", "0 or more and below 100", lambda value: 0 <= value < 100),
    Rule("kitti_config.num_partitions", f"at most {PARTITIONS}", lambda value: value <= PARTITIONS),
    Rule("kitti_config.num_shards", f"at most {SHARDS}", lambda value: value <= SHARDS),
    Rule("coco_config.num_partitions", f"at most {PARTITIONS}", lambda value: value <= PARTITIONS),
    Rule("coco_config.num_shards", f"at most {SHARDS}", lambda value: max(value, default=0) <= SHARDS),
    Rule("sample_modifier_config.num_duplicates", f"at most {DUPLICATES}", lambda value: value <= DUPLICATES),
)


def check(spec: Spec) -> Iterator[Finding]:
    """What makes no sense in a DatasetExportConfig, and what deserves a word."""
    if not spec.is_set("kitti_config") and not spec.is_set("coco_config"):
        yield Finding("", "the spec needs kitti_config or coco_config: what is to be converted")
    if spec.is_set("kitti_config") and spec.is_set("coco_config"):
        # protobuf would silently keep the last one.
        yield Finding("coco_config", "kitti_config and coco_config are both written: only one can be converted")
        return
    yield from examine(spec, RULES)
    yield from _paths(spec)
    yield from _kitti(spec)
    yield from _coco(spec)
    yield from _modifier(spec)


_PATHS = {
    "kitti_config": (
        *("root_directory_path", "image_dir_name", "label_dir_name", "point_clouds_dir", "calibrations_dir"),
        *("kitti_sequence_to_frames_file", "image_extension"),
    ),
    "coco_config": ("root_directory_path", "img_dir_names", "annotation_files"),
}


def _paths(spec: Spec) -> Iterator[Finding]:
    """What no file can be called, whichever the system."""
    for config, fields in _PATHS.items():
        message: Any = message_at(spec, config)
        for name in fields if message is not None else ():
            value = getattr(message, name)
            for text in [value] if isinstance(value, str) else value:
                if "\0" in text or len(text) > _LONGEST or any(len(part.encode()) > _PART for part in text.split("/")):
                    yield Finding(f"{config}.{name}", f"{name} is nothing that a file or folder can be called")


# Characters of a path, bytes of what is between two slashes; systems take twice the one and 255 of the other.
_LONGEST, _PART = 2000, 200


def data_sources(spec: Spec) -> Iterator[DataSource]:
    """The KITTI folders, or the COCO files with theirs."""
    if (kitti := message_at(spec, "kitti_config")) is not None:
        root, here = kitti.root_directory_path.rstrip("/"), "kitti_config"
        labels, images = f"{root}/{kitti.label_dir_name}", f"{root}/{kitti.image_dir_name}"
        fields = (f"{here}.label_dir_name", f"{here}.image_dir_name")
        yield DataSource(here, "training", "kitti", labels, images, *fields, extension=kitti.image_extension or _UNSET)
    if (coco := message_at(spec, "coco_config")) is not None:
        root, here = coco.root_directory_path.rstrip("/"), "coco_config"
        for index, (file, folder) in enumerate(zip(coco.annotation_files, coco.img_dir_names, strict=False)):
            fields = (f"{here}.annotation_files[{index}]", f"{here}.img_dir_names[{index}]")
            yield DataSource(here, "training", "coco", f"{root}/{file}", f"{root}/{folder}", *fields)


_UNSET = ".png"
"""The extension of images where a spec names none."""


def class_fields(spec: Spec) -> Iterator[ClassField]:
    """The entries of ``target_class_mapping``, which records for DALI are made by."""
    for name, target in sorted(spec.message.target_class_mapping.items()):
        yield ClassField(f'target_class_mapping["{name}"]', name, target)


def _kitti(spec: Spec) -> Iterator[Finding]:
    kitti = message_at(spec, "kitti_config")
    if kitti is None:
        return
    names = ("root_directory_path", "image_dir_name", "label_dir_name")
    yield from required(spec, *(f"kitti_config.{name}" for name in names))
    mode = "kitti_config.partition_mode"
    match kitti.partition_mode:
        case "random":
            if kitti.num_partitions != 2:
                told = kitti.num_partitions if spec.is_set("kitti_config.num_partitions") else "unset"
                what = f'num_partitions must be 2 with partition_mode "random", not {told}'
                yield Finding("kitti_config.num_partitions", what)
        case "sequence":
            if not kitti.kitti_sequence_to_frames_file:
                what = 'kitti_config needs "kitti_sequence_to_frames_file" with partition_mode "sequence"'
                yield Finding("kitti_config.kitti_sequence_to_frames_file", what)
        case "":
            yield Finding(mode, 'kitti_config needs "partition_mode", "random" or "sequence"')
        case other:
            yield Finding(mode, f'partition_mode must be "random" or "sequence", not "{other}"')
    if dotted(kitti.image_extension) and not kitti.image_extension.startswith("."):
        what = f'image_extension "{kitti.image_extension}" has no dot, which NVIDIA\'s converter needs'
        yield warn("kitti_config.image_extension", what)


def _coco(spec: Spec) -> Iterator[Finding]:
    coco = message_at(spec, "coco_config")
    if coco is None:
        return
    yield from required(spec, *(f"coco_config.{name}" for name in ("root_directory_path", "num_partitions")))
    for name in ("img_dir_names", "annotation_files"):
        count = len(getattr(coco, name))
        if count != coco.num_partitions:
            yield Finding(
                f"coco_config.{name}",
                f"{name} needs one entry for each of the {coco.num_partitions} partitions, not {count}",
            )
    if len(coco.num_shards) not in (0, 1, coco.num_partitions):
        what = f"num_shards needs one entry, or one for each of the {coco.num_partitions} partitions"
        yield Finding("coco_config.num_shards", f"{what}, not {len(coco.num_shards)}")


def _modifier(spec: Spec) -> Iterator[Finding]:
    modifier: Any = message_at(spec, "sample_modifier_config")
    if modifier is None:
        return
    targets = set(modifier.source_to_target_class_mapping.values())
    for name in ("filter_samples_containing_only", "dominant_target_classes"):
        for index, label in enumerate(getattr(modifier, name)):
            if label not in targets:
                what = f'"{label}" is no target class: it is not a value of source_to_target_class_mapping'
                yield Finding(f"sample_modifier_config.{name}[{index}]", what)
    for source in sorted(modifier.source_to_target_class_mapping):
        if source != source.lower():
            path = f'sample_modifier_config.source_to_target_class_mapping["{source}"]'
            yield warn(path, f'"{source}" never matches: class names are lower-cased first, so write the key that way')
