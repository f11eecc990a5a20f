"""KITTI labels as NVIDIA's programs read them, and as ours do."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding
from specs.rulebook import NVIDIA, TRAINED, Subject, rule
from specs.rules.facts import Examples, readable

READERS = ("dataset_convert", *TRAINED)
"""Kinds whose programs stop at a line that they cannot read; augmentation can leave its image out."""


def _tell(subject: Subject, name: str, what: str) -> Iterator[Finding]:
    for each in readable(subject.data, "kitti"):
        places: Examples = getattr(each, name)
        if places.count:
            yield Finding(each.source.annotations_field, f"{what} ({places.count:,}): {places}")


@rule(
    "S451",
    "error",
    title="label lines whose class has a blank in it",
    fix="write an underscore in its place: short_sleeved_shirt",
    kinds=READERS,
    needs=("data",),
)
def blanks(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "blanks", "lines whose class has a blank")


@rule(
    "S452",
    "error",
    title="lines that are no labels",
    fix="write 15 columns, separated by blanks: class truncation occlusion alpha left top right bottom and seven",
    kinds=READERS,
    needs=("data",),
)
def odd(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "odd", "lines that are no labels")


@rule(
    "S453",
    "error",
    title="label lines with a 16th column, a score, which conversion refuses",
    fix="leave the column out; ours drops it: tlt-dataset-convert --drop-scores",
    kinds=("dataset_convert",),
    needs=("data",),
)
def scores(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "scores", "lines with 16 columns")


@rule(
    "S454",
    "error",
    title="an occlusion that is no integer, at which NVIDIA's programs stop",
    fix="write 0, 1, 2 or 3, not 0.00",
    kinds=("augment", *TRAINED),
    toolkits=NVIDIA,
    needs=("data",),
)
def fractions(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "fractions", "lines with an occlusion that is no integer")


@rule(
    "S455",
    "error",
    title="double or trailing blanks, tabs or blank lines in labels, at which NVIDIA's augmentation stops",
    fix="write one blank between columns and none behind the last",
    kinds=("augment",),
    toolkits=NVIDIA,
    needs=("data",),
)
def spacing(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "spacing", "files with double or trailing blanks, tabs or blank lines")


@rule(
    "S456",
    "error",
    title="class names with other letters than ASCII, at which NVIDIA's conversion stops when all is written",
    fix="write class names with ASCII letters alone",
    kinds=("dataset_convert",),
    toolkits=NVIDIA,
    needs=("data",),
)
def not_ascii(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "kitti"):
        names = sorted(name for name in each.amount("training").objects if not name.isascii())
        if names:
            yield Finding(
                each.source.annotations_field, f"classes with other letters than ASCII: {', '.join(names[:5])}"
            )


@rule(
    "S457",
    "warning",
    title="fewer frames than shards: many record files stay empty",
    fix="lower num_shards",
    kinds=("dataset_convert",),
    toolkits=NVIDIA,
    needs=("data",),
)
def empty_shards(subject: Subject) -> Iterator[Finding]:
    shards = subject.spec.message.kitti_config.num_shards
    for each in readable(subject.data, "kitti"):
        frames = each.amount("training").frames
        if 0 < frames < shards:
            what = f"{frames} frames for {shards} shards: all but one of them stay empty"
            yield Finding("kitti_config.num_shards", what)


@rule(
    "S458",
    "error",
    title="label lines without the 15 columns that conversion needs",
    fix="write all columns: class truncation occlusion alpha left top right bottom and seven that may be 0",
    kinds=("dataset_convert",),
    needs=("data",),
)
def widths(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "widths", "lines without the 15 columns")


@rule(
    "S459",
    "warning",
    title="boxes that are empty in whole pixels, which conversion leaves out",
    fix="leave such objects out, or convert larger images",
    kinds=("dataset_convert",),
    needs=("data",),
)
def flat(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "flat", "boxes without area in whole pixels")


@rule(
    "S460",
    "error",
    title="label files with nothing in them, at which TAO 5's augmentation stops",
    fix="Leave images without objects out, or augment by our own programs: --toolkit embedded.",
    kinds=("augment",),
    toolkits=("tao5",),
    needs=("data",),
)
def empty(subject: Subject) -> Iterator[Finding]:
    yield from _tell(subject, "empty", "label files with nothing in them")
