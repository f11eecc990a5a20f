"""What NVIDIA's training of SSD and DSSD does otherwise with TFRecords, which it reads by DALI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from specs.checks import Finding, message_at
from specs.rulebook import LATER, Subject, rule
from specs.spec import Spec
from specs.ssd import strict_rules
from specs.ssd.portability_rules import as_nvidia
from specs.ssd.sections import AUGMENTATION, KINDS, TRAINING


@rule(
    "S521",
    "warning",
    title="IoU thresholds, which NVIDIA's SSD ignores when it trains from TFRecords: 0.5 is used",
    fix="train from folders, or leave them out",
    kinds=KINDS,
    toolkits=LATER,
)
def thresholds(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.ignored_thresholds)


@rule(
    "S522",
    "warning",
    title="a fraction of zoom_out_*_scale, which NVIDIA's SSD cuts off when it trains from TFRecords",
    fix="write whole numbers, or train from folders",
    kinds=KINDS,
    toolkits=LATER,
)
def zoom_out(subject: Subject) -> Iterable[Finding]:
    return as_nvidia(subject, strict_rules.cut_zooms)


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
        yield Finding(f"{TRAINING}[0].tfrecords_path", what, "train from folders of images and labels")


@rule(
    "S524",
    "warning",
    title="no image_mean with TFRecords: NVIDIA's SSD then trains with other means than it evaluates with",
    fix="write image_mean for b, g and r",
    kinds=KINDS,
    toolkits=LATER,
)
def means(subject: Subject) -> Iterator[Finding]:
    config = message_at(subject.spec, AUGMENTATION)
    if _from_records(subject.spec) and config is not None and config.output_channel == 3 and not config.image_mean:
        what = "without image_mean NVIDIA trains on 103.53, 116.28, 123.675 and evaluates on 103.939, 116.779, 123.68"
        yield Finding(AUGMENTATION, what, "write image_mean for b, g and r")


def _from_records(spec: Spec) -> bool:
    """Whether NVIDIA's training of TLT 3.0 and later reads TFRecords: the first source decides."""
    sources = spec.message.dataset_config.data_sources
    return spec.dialect == "tlt3" and bool(sources) and bool(sources[0].tfrecords_path)
