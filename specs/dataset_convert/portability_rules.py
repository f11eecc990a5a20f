"""What NVIDIA's converter refuses, ignores or does otherwise than the spec reads."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding, message_at, rewritten
from specs.extensions import dotted
from specs.rulebook import LATER, NVIDIA, Subject, rule

KINDS = ("dataset_convert",)
MODIFIER = "sample_modifier_config"
SOURCES = ("kitti_config", "coco_config")


@rule(
    "S551",
    "warning",
    title="a relative root_directory_path, which NVIDIA's converter looks for below DATA_BASE_PATH or ~/datasets",
    fix="write an absolute path",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def relative_root(subject: Subject) -> Iterator[Finding]:
    for name in SOURCES:
        source = message_at(subject.spec, name)
        root = source.root_directory_path if source is not None else ""
        if root and not root.startswith("/"):
            what = f'NVIDIA looks for "{root}" below DATA_BASE_PATH or ~/datasets, not in the current folder'
            yield Finding(f"{name}.root_directory_path", what, "write an absolute path of the container")


@rule(
    "S552",
    "warning",
    title="no target_class_mapping, without which NVIDIA's ssd dataset_convert ends with a type error",
    fix="write a target_class_mapping of all classes, as in the training spec, or pass a file of them by -c",
    kinds=KINDS,
    toolkits=LATER,
)
def no_mapping(subject: Subject) -> Iterator[Finding]:
    if not subject.spec.message.target_class_mapping:
        what = "NVIDIA's ssd dataset_convert needs target_class_mapping, or -c FILE, and else ends with a type error"
        yield Finding("", what, 'add target_class_mapping { key: "car" value: "car" } for each class')


@rule(
    "S553",
    "note",
    title="a value of target_class_mapping that is no key: labels of that name are dropped",
    fix="map the name to itself, too, where labels have it",
    kinds=KINDS,
    toolkits=LATER,
)
def unmapped_target(subject: Subject) -> Iterator[Finding]:
    mapping = subject.spec.message.target_class_mapping
    keys, told = {key.lower() for key in mapping}, set[str]()
    for source, target in sorted(mapping.items()):
        name = target.lower()
        if name not in keys and name not in told:
            told.add(name)
            what = f'"{name}" is a target only: objects that labels call so are dropped'
            yield Finding(f'target_class_mapping["{source}"]', what, f'map "{name}" to itself, too, if labels have it')


@rule(
    "S554",
    "warning",
    title="sample_modifier_config by classes, which never takes effect in records for SSD",
    fix="leave it out",
    kinds=KINDS,
    toolkits=LATER,
)
def modifier(subject: Subject) -> Iterator[Finding]:
    config = message_at(subject.spec, MODIFIER)
    for name in ("filter_samples_containing_only", "dominant_target_classes"):
        if config is not None and getattr(config, name):
            what = f"{name} never takes effect in records for SSD, which hold no names of classes"
            yield Finding(f"{MODIFIER}.{name}[0]", what)


@rule(
    "S555",
    "warning",
    title="point clouds or calibrations, which records for SSD never hold",
    fix="leave them out",
    kinds=KINDS,
    toolkits=LATER,
)
def point_clouds(subject: Subject) -> Iterator[Finding]:
    for name in ("point_clouds_dir", "calibrations_dir"):
        if subject.spec.is_set(path := f"kitti_config.{name}"):
            yield Finding(path, f"{name} has no effect: records for SSD hold images and boxes alone")


@rule(
    "S556",
    "error",
    title="image_extension without its dot, by which NVIDIA's converter looks for files without a dot",
    fix="write it with the dot",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def no_dot(subject: Subject) -> Iterator[Finding]:
    kitti = message_at(subject.spec, "kitti_config")
    written = kitti.image_extension if kitti is not None else ""
    if dotted(written) is not None and not written.startswith("."):
        what = f'NVIDIA looks for files called "000001{written}", without a dot'
        path = "kitti_config.image_extension"
        yield Finding(path, what, f'write ".{written}"', edit=rewritten(subject.spec, path, f'".{written}"'))


@rule(
    "S557",
    "note",
    title='partition_mode: "random", which takes the first images by name to validate on, none at random',
    fix="name images so that their order says nothing, or split the data before (tltpipe split)",
    kinds=KINDS,
    toolkits=("tlt3", "tao5", "embedded"),
)
def by_name(subject: Subject) -> Iterator[Finding]:
    kitti = message_at(subject.spec, "kitti_config")
    if kitti is not None and kitti.partition_mode == "random" and kitti.val_split > 0:
        what = f"the first {kitti.val_split:g} % of the images by name are to validate on: the split is not random"
        yield Finding("kitti_config.val_split", what, "split the data before (tltpipe split), with val_split: 0")


@rule(
    "S558",
    "warning",
    title="a class outside ASCII, at which NVIDIA's converter ends when all records are written",
    fix="call the class by letters of ASCII",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def not_ascii(subject: Subject) -> Iterator[Finding]:
    for source, target in sorted(subject.spec.message.target_class_mapping.items()):
        if not (source + target).isascii():
            what = f'"{source}": "{target}" is not ASCII, at which NVIDIA\'s converter ends when all is written'
            yield Finding(f'target_class_mapping["{source}"]', what, "call the class by letters of ASCII")
