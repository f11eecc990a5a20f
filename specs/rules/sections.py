"""Rules about the sections that specs in YAML share: data, classes, the curve of the learning rate."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from specs import kinds
from specs.checks import Finding
from specs.rulebook import Subject, rule
from specs.spec import Spec
from specs.values import did_you_mean

if TYPE_CHECKING:
    from specs.sections import Mapped, Source, Train

CURVES = ("poly", "cosine")


@rule("S241", "error", title="there is nothing to train on", fix="write a source of data")
def no_sources(subject: Subject) -> Iterator[Finding]:
    """An empty list of sources."""
    dataset = _dataset(subject.spec)
    if dataset is not None and dataset.train_data_sources == ():
        what = "train_data_sources is empty: there is nothing to train on"
        yield Finding("dataset.train_data_sources", what)


@rule("S242", "error", title="a source of data has no path", fix="write json_file with image_dir, or path")
def no_path(subject: Subject) -> Iterator[Finding]:
    """COCO's annotations with their images, or a data set of any format."""
    for path, source in _sources(subject.spec):
        if not source.json_file and not source.path:
            yield Finding(path, "a source needs json_file with image_dir, or path")
        elif source.json_file and not source.path and not source.image_dir:
            yield Finding(path, 'a source with json_file needs "image_dir", the folder of its images')


@rule("S243", "error", title="a source of data has two paths", fix="write json_file or path")
def two_paths(subject: Subject) -> Iterator[Finding]:
    """One of them would be passed over."""
    for path, source in _sources(subject.spec):
        if source.json_file and source.path:
            yield Finding(path, "json_file and path are both written: only one can be used")


@rule("S244", "error", title="json_file is of another format", fix="write path for formats other than COCO")
def other_format(subject: Subject) -> Iterator[Finding]:
    """The format is that of path."""
    for path, source in _sources(subject.spec):
        if source.json_file and not source.path and source.image_dir and source.format not in ("auto", "coco"):
            what = f'json_file is COCO, not "{source.format}"'
            yield Finding(f"{path}.format", what, "write path for other formats")


@rule("S246", "error", title="a class is named twice", fix="leave one of the two out")
def class_twice(subject: Subject) -> Iterator[Finding]:
    """Whatever the case."""
    classes = getattr(_dataset(subject.spec), "classes", ())
    known: set[str] = set()
    for name in classes:
        if name.lower() in known:
            yield Finding("dataset.classes", f'classes names "{name}" twice')
        known.add(name.lower())


@rule("S247", "error", title="there is no class to train", fix="write the names of the classes")
def no_classes(subject: Subject) -> Iterator[Finding]:
    """Of networks that do not take them from the data."""
    dataset = _dataset(subject.spec)
    if dataset is None:
        return
    defaults = {field.name: field.default for field in dataclasses.fields(dataset)}
    if defaults.get("classes") is dataclasses.MISSING and not dataset.classes:
        yield Finding("dataset.classes", "classes is empty: there is no class to train")


@rule(
    "S248",
    "error",
    title="a class is trained as one that there is not",
    fix="write mapping_class as one of dataset.classes",
)
def unknown_target(subject: Subject) -> Iterator[Finding]:
    """Of the mapping of classes of the data to those that are trained."""
    classes = getattr(_dataset(subject.spec), "classes", ())
    known = {name.lower() for name in classes}
    for index, each in _mapping(subject.spec):
        if each.mapping_class.lower() not in known:
            hint = did_you_mean(each.mapping_class, [*classes]) or "write it in dataset.classes, too"
            what = f'classes does not name "{each.mapping_class}"'
            yield Finding(f"dataset.class_mapping[{index}].mapping_class", what, hint)


@rule("S249", "error", title="a class is trained as two others", fix="leave one of the two out")
def mapped_twice(subject: Subject) -> Iterator[Finding]:
    """Whatever the case."""
    seen = set[str]()
    for index, each in _mapping(subject.spec):
        if each.name.lower() in seen:
            yield Finding(f"dataset.class_mapping[{index}].name", f'class_mapping names "{each.name}" twice')
        seen.add(each.name.lower())


@rule("S250", "error", title="nesterov without sgd and momentum", fix="write optimizer: sgd and a momentum above 0")
def nesterov(subject: Subject) -> Iterator[Finding]:
    """Nesterov's momentum is one of SGD's."""
    for path, train in _trains(subject.spec):
        if train.optim.nesterov and (train.optim.optimizer != "sgd" or not train.optim.momentum):
            yield Finding(f"{path}.optim.nesterov", "nesterov needs optimizer: sgd and a momentum above 0")


@rule("S251", "error", title="multistep lacks its steps", fix="write lr_steps: epochs in rising order")
def missing_steps(subject: Subject) -> Iterator[Finding]:
    """A rate that falls in steps has to know when."""
    for path, train in _trains(subject.spec):
        steps = train.optim.lr_steps
        if train.optim.lr_scheduler == "multistep" and (not steps or list(steps) != sorted(set(steps))):
            what = "multistep needs lr_steps, epochs in rising order"
            yield Finding(f"{path}.optim.lr_steps", what, "for example lr_steps: [16, 22]")


@rule("S252", "error", title="lr_steps has no effect", fix="write lr_scheduler: multistep, or leave lr_steps out")
def useless_steps(subject: Subject) -> Iterator[Finding]:
    """Steps of another curve."""
    for path, train in _trains(subject.spec):
        if train.optim.lr_scheduler != "multistep" and train.optim.lr_steps:
            yield Finding(f"{path}.optim.lr_steps", "lr_steps is only used by lr_scheduler: multistep")


@rule("S253", "error", title="lr_min is above lr", fix="write an lr_min of at most lr")
def high_end(subject: Subject) -> Iterator[Finding]:
    """A rate that is meant to fall would climb."""
    for path, train in _trains(subject.spec):
        optim = train.optim
        if optim.lr_scheduler in CURVES and optim.lr_min > optim.lr:
            what = f"lr_min must be at most lr, {optim.lr:g}, not {optim.lr_min:g}"
            yield Finding(f"{path}.optim.lr_min", what)


@rule("S254", "error", title="lr_flat_epochs are all there are", fix="write lr_flat_epochs below num_epochs")
def flat_curve(subject: Subject) -> Iterator[Finding]:
    """A rate that stays at its end from the start."""
    for path, train in _trains(subject.spec):
        flat, epochs = train.optim.lr_flat_epochs, train.num_epochs
        if train.optim.lr_scheduler in CURVES and flat >= epochs and not train.num_iterations:
            what = f"lr_flat_epochs must be below num_epochs, {epochs}, not {flat}"
            yield Finding(f"{path}.optim.lr_flat_epochs", what)


@rule(
    "S255",
    "error",
    title="epochs are counted in a training by iterations",
    fix="leave the field out, or train by num_epochs",
)
def epochs_of_iterations(subject: Subject) -> Iterator[Finding]:
    """With num_iterations nothing is counted in epochs."""
    for path, train in _trains(subject.spec):
        written = subject.spec.message.train.optim  # defaults that are worked out count epochs, too
        for name in ("lr_flat_epochs", "warmup_epochs") if train.num_iterations else ():
            if getattr(written, name):
                what = f"{name} counts epochs, but num_iterations is {train.num_iterations}"
                hint = "leave it out, or train by num_epochs; warmup_steps are iterations"
                yield Finding(f"{path}.optim.{name}", what, hint)


def _dataset(spec: Spec) -> Any | None:
    """The section of the data, None in specs of other forms."""
    dataset = getattr(spec.message, "dataset", None) if dataclasses.is_dataclass(spec.message) else None
    return dataset if hasattr(dataset, "train_data_sources") else None


def _mapping(spec: Spec) -> Iterator[tuple[int, Mapped]]:
    """Classes of the data that are trained as another one."""
    yield from enumerate(getattr(_dataset(spec), "class_mapping", ()))


def _sources(spec: Spec) -> Iterator[tuple[str, Source]]:
    """Sources of data in any section, with their paths."""
    if not dataclasses.is_dataclass(spec.message):
        return
    from specs.sections import Source

    def walk(part: Any, path: str) -> Iterator[tuple[str, Source]]:
        for name in (field.name for field in dataclasses.fields(part)):
            value, here = getattr(part, name), f"{path}.{name}" if path else name
            if dataclasses.is_dataclass(value):
                yield from walk(value, here)
            for index, entry in enumerate(value if isinstance(value, tuple) else ()):
                if isinstance(entry, Source):
                    yield f"{here}[{index}]", entry

    yield from walk(spec.message, "")


def _trains(spec: Spec) -> Iterator[tuple[str, Train]]:
    """The section of the training, with numbers in place of defaults that depend on its length."""
    if not dataclasses.is_dataclass(spec.message):
        return
    from specs.sections import Train

    train = kinds.settled_training(spec)
    if isinstance(train, Train):
        yield "train", train
