"""Rules about the training of the multi-task network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from specs.checks import Finding
from specs.rulebook import Subject, rule

KINDS = ("multitask",)


@rule("S290", "error", title="a list names something twice", fix="leave one of the two out", kinds=KINDS)
def twice(subject: Subject) -> Iterator[Finding]:
    """Attributes, tasks and the values of a task."""
    dataset = subject.spec.message.dataset
    if name := _repeated(dataset.attributes or ()):
        yield Finding("dataset.attributes", f'attributes names "{name}" twice')
    if name := _repeated(dataset.tasks):
        yield Finding("dataset.tasks", f'tasks names "{name}" twice')
    for task, values in zip(dataset.tasks[1:], dataset.values, strict=False):
        if name := _repeated(values):
            yield Finding("dataset.values", f'values of {task} has "{name}" twice')


@rule(
    "S291",
    "error",
    title="lists that belong together differ in length",
    fix="write an entry for each of what the message names",
    kinds=KINDS,
)
def lengths(subject: Subject) -> Iterator[Finding]:
    """Attributes and their groups, classes and their types, tasks and their values."""
    dataset = subject.spec.message.dataset
    groups, types, attributes = dataset.attribute_groups, dataset.category_types, len(dataset.attributes or ())
    if groups and len(groups) != attributes:
        what = f"attribute_groups needs one for each of attributes, {attributes}, not {len(groups)}"
        yield Finding("dataset.attribute_groups", what)
    if types and len(types) != len(dataset.classes):
        what = f"category_types needs one for each of classes, {len(dataset.classes)}, not {len(types)}"
        yield Finding("dataset.category_types", what)
    if dataset.values and len(dataset.values) != len(dataset.tasks) - 1:
        what = f"values needs a list for each of tasks but the first, not {len(dataset.values)}"
        yield Finding("dataset.values", what, "leave values out: they are those that occur in the training data")


@rule("S292", "error", title="resize is below width", fix="write resize: 0, or width or more", kinds=KINDS)
def resize(subject: Subject) -> Iterator[Finding]:
    """The input is cut out of the resized image."""
    dataset = subject.spec.message.dataset
    if dataset.resize and dataset.resize < dataset.width:
        what = f"resize must be 0 or width, {dataset.width}, or more, not {dataset.resize}"
        yield Finding("dataset.resize", what, "the input is cut out of the resized image")


@rule("S293", "error", title="local features without a box", fix="write local_features: false", kinds=KINDS)
def local_features(subject: Subject) -> Iterator[Finding]:
    """They are those within the predicted box."""
    model = subject.spec.message.model
    if model.local_features and not model.box:
        what = "local_features are those within the predicted box, but box is false"
        yield Finding("model.local_features", what, "write local_features: false")


@rule(
    "S294",
    "error",
    title="heads per type without the type of each category",
    fix="write heads: joint, or a type for each of the classes",
    kinds=KINDS,
)
def types(subject: Subject) -> Iterator[Finding]:
    """A head for each type has to know which categories are its own."""
    types = subject.spec.message.dataset.category_types
    if subject.spec.message.model.heads == "per_type" and types is not None and not (types and all(types)):
        what = "heads: per_type needs the type of every category (category_types)"
        yield Finding("model.heads", what, "write heads: joint, or a type for each of the classes")


@rule(
    "S295",
    "error",
    title="the best epoch is picked by a figure that is not measured",
    fix="write a primary of a head that the network has",
    kinds=KINDS,
)
def primary(subject: Subject) -> Iterator[Finding]:
    """A network without a head has no figure of it."""
    figure, attributes = subject.spec.message.evaluate.primary, subject.spec.message.dataset.attributes
    boxless = figure.startswith("box") and not subject.spec.message.model.box
    if boxless or (figure.startswith("recall") and attributes == ()):
        yield Finding("evaluate.primary", f"primary is {figure}, which a network without that head does not have")


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)
