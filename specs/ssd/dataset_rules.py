"""Rules about the section of SSD's data: its classes and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.checks import Finding, message_at, only_one, required
from specs.rulebook import Subject, rule
from specs.spec import Spec
from specs.ssd.sections import DATA, KINDS, MAPPING, TRAINING, VALIDATION
from specs.ssd.sources import messages

BACKGROUND = "background"
FOLDERS = ("label_directory_path", "image_directory_path")


@rule(
    "S160",
    "error",
    title="an entry of target_class_mapping lacks its key or its value",
    fix='write target_class_mapping { key: "car" value: "car" }',
    kinds=KINDS,
)
def empty_entry(subject: Subject) -> Iterator[Finding]:
    """A class without a name."""
    for source, target in _classes(subject.spec):
        if not source or not target:
            what = f'"{source}": "{target}" is no mapping of classes: key and value must be written'
            yield Finding(_entry(source), what)


@rule(
    "S161",
    "error",
    title="background is mapped as a class",
    fix="leave the mapping out, or give the class another name",
    kinds=KINDS,
)
def background(subject: Subject) -> Iterator[Finding]:
    """What every part of an image without an object is."""
    for source, target in _classes(subject.spec):
        if source and target.lower() == BACKGROUND:
            what = f'"{BACKGROUND}" is what every part of an image without an object is: it is no class to train'
            yield Finding(_entry(source), what, "leave the mapping out, or give the class another name")


@rule(
    "S162",
    "warning",
    title="a class is mapped in mixed case",
    fix="write keys and values of target_class_mapping in lower case",
    kinds=KINDS,
)
def mixed_case(subject: Subject) -> Iterator[Finding]:
    """Class names are lower-cased on their way into records, and when they are read."""
    for source, target in _classes(subject.spec):
        if _usable(source, target) and (source != source.lower() or target != target.lower()):
            what = f'"{source}": "{target}" is read in lower case, as the records hold class names'
            yield Finding(_entry(source), what)


@rule(
    "S163",
    "warning",
    title="a class name holds blanks, which no KITTI label can",
    fix="name the class as the labels do, without blanks",
    kinds=KINDS,
)
def blanks(subject: Subject) -> Iterator[Finding]:
    """Columns of a KITTI label are separated by blanks."""
    for source, target in _classes(subject.spec):
        lower = source == source.lower() and target == target.lower()
        if _usable(source, target) and lower and len(source.split()) > 1:
            what = f'"{source}" matches nothing in KITTI labels, whose class names hold no blanks'
            yield Finding(_entry(source), what)


@rule(
    "S164",
    "error",
    title="one class is mapped to two",
    fix="leave one of the two spellings out",
    kinds=KINDS,
)
def two_spellings(subject: Subject) -> Iterator[Finding]:
    """Two keys that are one in lower case."""
    mapping = dict(_classes(subject.spec))
    for source, target in mapping.items():
        other = source.lower()
        if other != source and mapping.get(other, target).lower() != target.lower():
            what = f'"{source}" and "{other}" are one class in lower case: "{target}" or "{mapping[other]}"?'
            yield Finding(_entry(source), what)


@rule(
    "S165",
    "warning",
    title="a class is mapped twice",
    fix="leave one of the entries out; the last one counts",
    kinds=KINDS,
)
def mapped_again(subject: Subject) -> Iterator[Finding]:
    """Of a map protobuf keeps the last entry of a key, and says nothing."""
    spec = subject.spec
    kept = {spec.positions.get(_entry(source)) for source, _ in _classes(spec)}
    for index in range(len(spec.positions)):
        path = f"{MAPPING}[{index}]"
        if path not in spec.positions:
            return
        if spec.positions[path] not in kept and None not in kept:
            what = "the class of this target_class_mapping is mapped once more below, and the last one counts"
            yield Finding(path, what)


@rule(
    "S166",
    "error",
    title="data_sources or target_class_mapping is missing",
    fix="write both: what to train on, and which classes",
    kinds=KINDS,
)
def missing_data(subject: Subject) -> Iterator[Finding]:
    """What no training goes without."""
    yield from required(subject.spec, TRAINING, MAPPING)


@rule(
    "S167",
    "error",
    title="a source of data lacks its paths",
    fix="write tfrecords_path, or, in TLT 3.0 and later, label_directory_path and image_directory_path",
    kinds=KINDS,
)
def missing_paths(subject: Subject) -> Iterator[Finding]:
    """Records, or folders of labels and images."""
    for path, source in messages(subject.spec):
        if source.tfrecords_path or (subject.spec.strict and path.startswith(VALIDATION)):
            continue
        name = path.rpartition(".")[2].partition("[")[0]
        missing = [each for each in FOLDERS if not getattr(source, each, "")]
        if "label_directory_path" not in source.DESCRIPTOR.fields_by_name:
            yield Finding(f"{path}.tfrecords_path", f'{name} needs "tfrecords_path"')
        elif len(missing) == 2:
            what = f'{name} needs "label_directory_path" and "image_directory_path", or "tfrecords_path"'
            yield Finding(path, what)
        elif missing:
            yield Finding(f"{path}.{missing[0]}", f'{name} needs "{missing[0]}"')


@rule("S168", "error", title="source_weight is not above 0", fix="leave source_weight out; 1 is meant", kinds=KINDS)
def weights(subject: Subject) -> Iterator[Finding]:
    """How often a source is shown, in TLT 2.0."""
    for path, source in messages(subject.spec):
        weight = f"{path}.source_weight"
        if subject.spec.is_set(weight) and not 0 < source.source_weight < float("inf"):
            yield Finding(weight, f"source_weight must be above 0, not {source.source_weight:g}")


@rule(
    "S169",
    "error",
    title="validation_fold and validation_data_source are both written",
    fix="write one of them",
    kinds=KINDS,
)
def two_validations(subject: Subject) -> Iterator[Finding]:
    """protobuf would keep the last one and say nothing."""
    yield from only_one(subject.spec, f"{DATA}.validation_fold", f"{DATA}.validation_data_source")


@rule(
    "S170",
    "warning",
    title="training is not validated",
    fix="write validation_fold (TLT 2.0) or validation_data_sources (TLT 3.0 and later)",
    kinds=KINDS,
)
def no_validation(subject: Subject) -> Iterator[Finding]:
    """A training that nobody measures."""
    config = message_at(subject.spec, DATA)
    if config is None:
        return
    fields = config.DESCRIPTOR.fields_by_name
    if "validation_data_sources" in fields and not config.validation_data_sources:
        yield Finding(DATA, 'no "validation_data_sources": training will not be validated')
    if "validation_fold" in fields and config.WhichOneof("dataset_split_type") is None:
        yield Finding(DATA, 'no "validation_fold" and no "validation_data_source": training will not be validated')


@rule(
    "S171",
    "error",
    title="sources are records in one place and folders in another",
    fix="convert the folders, or write folders everywhere",
    kinds=KINDS,
)
def mixed_sources(subject: Subject) -> Iterator[Finding]:
    """Sources of one training are of one kind."""
    training = [source for path, source in messages(subject.spec) if path.startswith(f"{TRAINING}[")]
    recorded = [bool(source.tfrecords_path) for source in training]
    if len(set(recorded)) > 1 and "label_directory_path" in training[0].DESCRIPTOR.fields_by_name:
        odd = recorded.index(not recorded[0])
        what = "data_sources are TFRecords in one place and folders in another: all must be of one kind"
        yield Finding(f"{TRAINING}[{odd}]", what)


@rule(
    "S172",
    "warning",
    title="label_directory_path has no effect beside tfrecords_path",
    fix="leave one of the two out",
    kinds=KINDS,
)
def labels_beside_records(subject: Subject) -> Iterator[Finding]:
    """Records hold the labels."""
    for path, source in messages(subject.spec):
        if source.tfrecords_path and getattr(source, "label_directory_path", ""):
            what = "label_directory_path has no effect beside tfrecords_path"
            yield Finding(f"{path}.label_directory_path", what)


def _classes(spec: Spec) -> list[tuple[str, str]]:
    mapping: Mapping[str, str] = spec.message.dataset_config.target_class_mapping
    return sorted(mapping.items())


def _entry(source: str) -> str:
    return f'{MAPPING}["{source}"]'


def _usable(source: str, target: str) -> bool:
    return bool(source and target) and target.lower() != BACKGROUND
