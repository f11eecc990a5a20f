"""What NVIDIA's training of SSD and DSSD does otherwise with TFRecords, which it reads by DALI."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding
from specs.rulebook import Subject, rule
from specs.rules.portability import LATER, section
from specs.rules.portability_training import AUGMENTATION, DATA, KINDS, network, written
from specs.spec import Spec


def _from_records(spec: Spec) -> bool:
    """Whether NVIDIA's training reads TFRecords: the first source decides."""
    sources = spec.message.dataset_config.data_sources
    return spec.dialect == "tlt3" and bool(sources) and bool(sources[0].tfrecords_path)


@rule(
    "S513",
    "error",
    title="TFRecords to validate on, which NVIDIA's SSD does not read",
    fix="name folders of images and labels in `validation_data_sources`",
    kinds=KINDS,
    toolkits=LATER,
)
def validation_records(subject: Subject) -> Iterator[Finding]:
    for index, source in enumerate(getattr(subject.spec.message.dataset_config, "validation_data_sources", ())):
        if source.tfrecords_path:
            path = f"{DATA}.validation_data_sources[{index}].tfrecords_path"
            hint = "write label_directory_path and image_directory_path in its place"
            yield Finding(path, "NVIDIA's SSD validates on folders only, not on TFRecords", hint)


@rule(
    "S521",
    "warning",
    title="IoU thresholds, which NVIDIA's SSD ignores when it trains from TFRecords: 0.5 is used",
    fix="train from folders, or leave them out",
    kinds=KINDS,
    toolkits=LATER,
)
def thresholds(subject: Subject) -> Iterator[Finding]:
    for name in ("pos_iou_thresh", "neg_iou_thresh") if _from_records(subject.spec) else ():
        path = f"{network(subject.spec)}.{name}"
        if subject.spec.is_set(path) and written(subject.spec, path) != 0.5:
            yield Finding(path, f"{name} is ignored in training from TFRecords: 0.5 is used")


@rule(
    "S522",
    "warning",
    title="a fraction of `zoom_out_*_scale`, which NVIDIA's SSD cuts off when it trains from TFRecords",
    fix="write whole numbers, or train from folders",
    kinds=KINDS,
    toolkits=LATER,
)
def zoom_out(subject: Subject) -> Iterator[Finding]:
    for name in ("zoom_out_min_scale", "zoom_out_max_scale") if _from_records(subject.spec) else ():
        if (value := written(subject.spec, f"{AUGMENTATION}.{name}")) % 1:
            yield Finding(f"{AUGMENTATION}.{name}", f"{name} {value:g} is cut to {int(value)} with TFRecords")


@rule(
    "S523",
    "warning",
    title="training from TFRecords, which NVIDIA's SSD does not shuffle",
    fix="train from folders, or convert records of frames in random order",
    kinds=KINDS,
    toolkits=LATER,
)
def unshuffled(subject: Subject) -> Iterator[Finding]:
    if _from_records(subject.spec):
        what = "NVIDIA's SSD reads TFRecords in the order of the files, without shuffling"
        yield Finding(f"{DATA}.data_sources[0].tfrecords_path", what, "train from folders of images and labels")


@rule(
    "S524",
    "warning",
    title="no `image_mean` with TFRecords: NVIDIA's SSD then trains with other means than it evaluates with",
    fix="write `image_mean` for b, g and r",
    kinds=KINDS,
    toolkits=LATER,
)
def means(subject: Subject) -> Iterator[Finding]:
    config = section(subject.spec, AUGMENTATION)
    if _from_records(subject.spec) and config is not None and config.output_channel == 3 and not config.image_mean:
        what = "without image_mean NVIDIA trains on 103.53, 116.28, 123.675 and evaluates on 103.939, 116.779, 123.68"
        yield Finding(AUGMENTATION, what, "write image_mean for b, g and r")
