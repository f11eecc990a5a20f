"""What NVIDIA's augmentation and conversion of data refuse, ignore or do otherwise than the spec reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import Finding
from specs.extensions import dotted
from specs.rulebook import Subject, rule
from specs.rules.portability import LATER, NVIDIA, section

AUGMENT, CONVERT = ("augment",), ("dataset_convert",)
SATURATION = "color_config.hue_saturation_config.saturation_shift"
MODIFIER = "sample_modifier_config"
SOURCES = ("kitti_config", "coco_config")
FIXED = (
    "spatial_aug.shear.shear_ratio_x",
    "spatial_aug.shear.shear_ratio_y",
    "spatial_aug.translation.translate_x",
    "spatial_aug.translation.translate_y",
    "color_aug.contrast.center",
)
"""Parameters of TAO 5 that take a list and can only be one value."""


@rule(
    "S541",
    "error",
    title="a blur whose `size` is even, by which NVIDIA's augmentation ends",
    fix="write an odd number of pixels",
    kinds=AUGMENT,
    toolkits=("tlt3",),
)
def even_blur(subject: Subject) -> Iterator[Finding]:
    blur = section(subject.spec, "blur_config")
    if blur is not None and blur.size > 0 and not blur.size % 2:
        what = f"size {blur.size:g} is even: NVIDIA's blur takes an odd window only"
        yield Finding("blur_config.size", what, f"write {blur.size + 1:g}")


@rule(
    "S542",
    "warning",
    title="`hue_saturation_config` without `saturation_shift`, which reads as 0: grey images",
    fix="write `saturation_shift: 1.0`",
    kinds=AUGMENT,
    toolkits=("tlt2", "tlt3"),
)
def grey(subject: Subject) -> Iterator[Finding]:
    parent = SATURATION.rpartition(".")[0]
    if section(subject.spec, parent) is not None and not subject.spec.is_set(SATURATION):
        what = "saturation_shift is not written: NVIDIA reads 0, by which images come out grey"
        yield Finding(parent, what, "write saturation_shift: 1.0")


@rule(
    "S543",
    "error",
    title="a blur with `std` and `size` 0, by which TAO 5's augmentation ends",
    fix="leave `blur_aug` out for no blur",
    kinds=AUGMENT,
    toolkits=("tao5",),
)
def no_blur(subject: Subject) -> Iterator[Finding]:
    std, size = (_drawn(subject, f"blur_aug.{name}") for name in ("std", "size"))
    if std is not None and not any(std) and not any(size or ()):
        hint = "leave blur_aug out: its defaults, 0.1 and 3, change nothing"
        yield Finding("blur_aug.std", "std and size are both 0, by which NVIDIA's augmentation ends", hint)


@rule(
    "S544",
    "error",
    title="several values for a shear, a translation or the centre of a contrast, by which TAO 5's augmentation ends",
    fix="write one value",
    kinds=AUGMENT,
    toolkits=("tao5",),
)
def ranges(subject: Subject) -> Iterator[Finding]:
    for path in FIXED:
        if len(_drawn(subject, path) or ()) > 1:
            what = f"{path.rpartition('.')[2]} is drawn from several values, which ends NVIDIA's augmentation"
            yield Finding(path, what, "write one value: [0.1]")


@rule(
    "S545",
    "error",
    title="`dataset_type: coco`, whose boxes TAO 5's augmentation moves to wrong places",
    fix="augment in the KITTI format",
    kinds=AUGMENT,
    toolkits=("tao5",),
)
def coco_boxes(subject: Subject) -> Iterator[Finding]:
    if _value(subject, "data.dataset_type") == "coco":
        what = "NVIDIA's augmentation takes x, y, width and height of COCO's boxes for corners: all come out wrong"
        yield Finding("data.dataset_type", what, "write dataset_type: kitti, and convert: tltpipe convert --to kitti")


def _value(subject: Subject, key: str) -> Any:
    """What TAO 5's YAML sets ``key`` to; None in a spec that is proto-text."""
    return subject.spec.message[key] if subject.spec.dialect == "tao5" else None


def _drawn(subject: Subject, key: str) -> tuple[float, ...] | None:
    values: tuple[float, ...] | None = _value(subject, key)
    return values


@rule(
    "S551",
    "warning",
    title="a relative `root_directory_path`, which NVIDIA's converter looks for below DATA_BASE_PATH or ~/datasets",
    fix="write an absolute path",
    kinds=CONVERT,
    toolkits=NVIDIA,
)
def relative_root(subject: Subject) -> Iterator[Finding]:
    for name in SOURCES:
        source = section(subject.spec, name)
        root = source.root_directory_path if source is not None else ""
        if root and not root.startswith("/"):
            what = f'NVIDIA looks for "{root}" below DATA_BASE_PATH or ~/datasets, not in the current folder'
            yield Finding(f"{name}.root_directory_path", what, "write an absolute path of the container")


@rule(
    "S552",
    "warning",
    title="no `target_class_mapping`, without which NVIDIA's `ssd dataset_convert` ends with a type error",
    fix="write a `target_class_mapping` of all classes, as in the training spec, or pass a file of them by `-c`",
    kinds=CONVERT,
    toolkits=LATER,
)
def no_mapping(subject: Subject) -> Iterator[Finding]:
    if not subject.spec.message.target_class_mapping:
        what = "NVIDIA's ssd dataset_convert needs target_class_mapping, or -c FILE, and else ends with a type error"
        yield Finding("", what, 'add target_class_mapping { key: "car" value: "car" } for each class')


@rule(
    "S553",
    "note",
    title="a value of `target_class_mapping` that is no key: labels of that name are dropped",
    fix="map the name to itself, too, where labels have it",
    kinds=CONVERT,
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
    title="`sample_modifier_config` by classes, which never takes effect in records for SSD",
    fix="leave it out",
    kinds=CONVERT,
    toolkits=LATER,
)
def modifier(subject: Subject) -> Iterator[Finding]:
    config = section(subject.spec, MODIFIER)
    for name in ("filter_samples_containing_only", "dominant_target_classes"):
        if config is not None and getattr(config, name):
            what = f"{name} never takes effect in records for SSD, which hold no names of classes"
            yield Finding(f"{MODIFIER}.{name}[0]", what)


@rule(
    "S555",
    "warning",
    title="point clouds or calibrations, which records for SSD never hold",
    fix="leave them out",
    kinds=CONVERT,
    toolkits=LATER,
)
def point_clouds(subject: Subject) -> Iterator[Finding]:
    for name in ("point_clouds_dir", "calibrations_dir"):
        if subject.spec.is_set(path := f"kitti_config.{name}"):
            yield Finding(path, f"{name} has no effect: records for SSD hold images and boxes alone")


@rule(
    "S556",
    "error",
    title="`image_extension` without its dot, by which NVIDIA's converter looks for files without a dot",
    fix="write it with the dot",
    kinds=CONVERT,
    toolkits=NVIDIA,
)
def no_dot(subject: Subject) -> Iterator[Finding]:
    kitti = section(subject.spec, "kitti_config")
    written = kitti.image_extension if kitti is not None else ""
    if dotted(written) is not None and not written.startswith("."):
        what = f'NVIDIA looks for files called "000001{written}", without a dot'
        yield Finding("kitti_config.image_extension", what, f'write ".{written}"')


@rule(
    "S557",
    "note",
    title='`partition_mode: "random"`, which takes the first images by name to validate on, none at random',
    fix="name images so that their order says nothing, or split the data before (`tltpipe split`)",
    kinds=CONVERT,
    toolkits=("tlt3", "tao5", "embedded"),
)
def by_name(subject: Subject) -> Iterator[Finding]:
    kitti = section(subject.spec, "kitti_config")
    if kitti is not None and kitti.partition_mode == "random" and kitti.val_split > 0:
        what = f"the first {kitti.val_split:g} % of the images by name are to validate on: the split is not random"
        yield Finding("kitti_config.val_split", what, "split the data before (tltpipe split), with val_split: 0")


@rule(
    "S558",
    "warning",
    title="a class outside ASCII, at which NVIDIA's converter ends when all records are written",
    fix="call the class by letters of ASCII",
    kinds=CONVERT,
    toolkits=NVIDIA,
)
def not_ascii(subject: Subject) -> Iterator[Finding]:
    for source, target in sorted(subject.spec.message.target_class_mapping.items()):
        if not (source + target).isascii():
            what = f'"{source}": "{target}" is not ASCII, at which NVIDIA\'s converter ends when all is written'
            yield Finding(f'target_class_mapping["{source}"]', what, "call the class by letters of ASCII")
