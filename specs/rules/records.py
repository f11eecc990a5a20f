"""Record files as the trainers of each generation need them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from specs.checks import Finding
from specs.rulebook import LATER, TRAINED, Subject, rule
from specs.rules.facts import readable


@rule(
    "S413",
    "error",
    title="validation_fold names a fold that the records do not have",
    fix="name one that they have, or name validation data of their own",
    needs=("data",),
)
def no_such_fold(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        fold = each.source.held_out
        if fold is not None and each.folds and fold not in each.folds:
            there = ", ".join(str(number) for number in sorted(number for number in each.folds if number is not None))
            what = f"the records have no fold {fold}; " + (f"they have {there}" if there else "they have no folds")
            yield Finding("dataset_config.validation_fold", what)


@rule(
    "S414",
    "error",
    title="validation_fold takes the only fold: nothing is left to train on",
    fix="convert with val_split above 0, or name validation data of their own",
    needs=("data",),
)
def only_fold(subject: Subject) -> Iterator[Finding]:
    held = [each for each in readable(subject.data, "tfrecord") if each.source.held_out is not None]
    if held and all(set(each.folds) == {each.source.held_out} for each in held):
        what = f"every record file is of fold {held[0].source.held_out}, which validates; none is left to train on"
        yield Finding("dataset_config.validation_fold", what)


@rule(
    "S415",
    "error",
    title="record files without a record, or a folder without a labelled image",
    fix="see what wrote them",
    needs=("data",),
)
def no_frames(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.counted and not sum(part.frames for part in each.folds.values()):
            yield Finding(each.source.annotations_field, f"{each.source.annotations} holds no image with annotations")


@rule(
    "S416",
    "error",
    title="records of detectnet_v2's layout, which SSD of TLT 3.0 and later cannot read",
    fix="convert with the dataset_convert of the network itself (ours: tlt-dataset-convert --dali)",
    toolkits=LATER,
    kinds=TRAINED,
    needs=("data",),
)
def not_for_dali(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        if each.layout == "detectnet_v2":
            what = "these records are of another network's converter: class names, no images, no index files"
            yield Finding(each.source.annotations_field, what)


@rule(
    "S417",
    "error",
    title="records for DALI, which TLT 2.0 cannot read",
    fix="convert with tlt-dataset-convert of TLT 2.0 (ours: without --dali)",
    toolkits=("tlt2",),
    needs=("data",),
)
def for_dali(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        if each.layout == "dali":
            yield Finding(
                each.source.annotations_field, "these records are for DALI: TLT 2.0 needs class names in them"
            )


@rule(
    "S418",
    "error",
    title="index files (idx-...) that are missing beside records for DALI",
    fix="convert again, and move index files along with records",
    toolkits=LATER,
    needs=("data",),
)
def no_index(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        if each.layout == "dali" and each.no_index.count:
            yield Finding(each.source.annotations_field, f"no index file beside {each.no_index}")


@rule(
    "S419",
    "error",
    title="index files (idx-...) of an earlier conversion: DALI would read garbage",
    fix="delete the index files and convert again, since NVIDIA's converter keeps those that are there",
    toolkits=LATER,
    needs=("data",),
)
def old_index(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        if each.layout == "dali" and each.old_index.count:
            yield Finding(each.source.annotations_field, f"the index file does not fit its records: {each.old_index}")


@rule(
    "S420",
    "error",
    title="a pattern that matches index files, too: the reader then needs idx-idx-...",
    fix="name the prefix of the records in the pattern: .../train*",
    toolkits=LATER,
    needs=("data",),
)
def matches_index(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data, "tfrecord"):
        if each.strays.count:
            yield Finding(
                each.source.annotations_field, f"the pattern matches files that are no records: {each.strays}"
            )


@rule(
    "S421",
    "warning",
    title="a pattern that matches files that are no records",
    fix="name the prefix of the records in the pattern: .../train-*",
    toolkits=("tlt2",),
    needs=("data",),
)
def matches_others(subject: Subject) -> Iterator[Finding]:
    yield from matches_index(subject)


@rule(
    "S422",
    "warning",
    title="images that are both trained on and validated on",
    fix="split the data again: what is measured on known images says nothing of new ones",
    needs=("data",),
)
def leak(subject: Subject) -> Iterator[Finding]:
    trained = [each for each in readable(subject.data) if each.source.role == "training"]
    for each in readable(subject.data):
        beside = [other for other in trained if other.source.images == each.source.images]
        if each.source.role == "training" or not beside:
            continue
        both = set(each.frame_ids).intersection(chain.from_iterable(other.frame_ids for other in beside))
        if both:
            some = ", ".join(sorted(both)[:3])
            what = f"{len(both):,} of {len(each.frame_ids):,} images are trained on, too: {some} ..."
            yield Finding(each.source.annotations_field, what)


@rule(
    "S423",
    "error",
    title="data that cannot be read",
    fix="see what wrote them; `tltpipe check` looks at all of a data set",
    needs=("data",),
)
def unreadable(subject: Subject) -> Iterator[Finding]:
    for each in subject.data.sources() if subject.data is not None else ():
        if each.problem is not None and not each.source.below_data:
            yield Finding(each.source.annotations_field, str(each.problem), each.problem.hint)


@rule(
    "S424",
    "note",
    title="data of which a part was not read for these checks",
    fix="`tltpipe check` and `tltpipe stats` read all of a data set; records of tlt-dataset-convert have a summary",
    needs=("data",),
)
def unread(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.unread:
            what, _, more = each.unread.partition(": ")
            nothing = each.source.below_data and not each.counted
            hint = "name the workspace, whose Original-Data has a folder for each split" if nothing else more or None
            yield Finding(each.source.annotations_field, what, hint)
