"""The classes that a spec trains against those that its data have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from specs import kinds
from specs.checks import Finding
from specs.data_sources import ClassField, Role
from specs.rulebook import Subject, rule
from specs.rules.facts import SourceFacts, amount, readable
from specs.values import did_you_mean

_ROLES: tuple[Role, ...] = ("training", "validation")
_SHOWN = 8
_IGNORED = ("dontcare", "don't care", "ignore")


def _fields(subject: Subject) -> tuple[ClassField, ...]:
    return kinds.class_fields(subject.spec)


def _targets(source: SourceFacts, fields: Sequence[ClassField]) -> dict[str, str]:
    """The class to train by the class that ``source`` has, both in lower case."""
    if source.layout != "dali":
        return {field.name.lower(): field.target.lower() for field in fields}
    targets = sorted({field.target.lower() for field in fields})
    numbers = {str(number): target for number, target in enumerate(targets, start=1)}
    return numbers | {target: target for target in targets}


def _objects(subject: Subject, role: Role) -> tuple[Counter[str], Counter[str]]:
    """Objects of the data by the class that they are trained as, and those of other classes as the data call them."""
    trained, others = Counter[str](), Counter[str]()
    for source in readable(subject.data):
        targets = _targets(source, _fields(subject))
        for name, count in source.amount(role).objects.items():
            target = targets.get(name.lower())
            if target is not None:
                trained[target] += count
            else:
                others[name] += count
    return trained, others


def _present(subject: Subject) -> set[str]:
    """The classes that any of the data have, in lower case; of records with numbers the classes to train."""
    result = set()
    for source in readable(subject.data):
        names = {name for role in _ROLES for name in source.amount(role).objects}
        names |= set() if source.counted else set(source.categories)
        targets = _targets(source, _fields(subject)) if source.layout == "dali" else {}
        result |= {targets.get(name.lower(), name.lower()) for name in names}
    return result


def _named(subject: Subject, field: ClassField) -> bool:
    """Whether any of the data have the class of ``field``."""
    present = _present(subject)
    dali = all(source.layout == "dali" for source in readable(subject.data))
    return (field.target if dali else field.name).lower() in present


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _as_far(subject: Subject) -> str:
    """What to add where not all of the data were read."""
    return " in the part of the data that was read" if any(source.unread for source in readable(subject.data)) else ""


def _frames(subject: Subject, role: Role) -> int:
    return amount(subject.data, role).frames


def _complete(subject: Subject, role: Role) -> bool:
    """Whether there are data for ``role``, all counted."""
    return bool(_frames(subject, role)) and all(source.counted for source in readable(subject.data))


@rule(
    "S401",
    "warning",
    title="classes of the data that the spec does not name: their objects are left out",
    fix="name them in the spec, or leave them out on purpose",
    needs=("data",),
)
def unnamed(subject: Subject) -> Iterator[Finding]:
    fields = _fields(subject)
    if not fields:
        return
    others = sum((_objects(subject, role)[1] for role in _ROLES), Counter[str]())
    message = [f"{name} ({count:,})" for name, count in others.most_common() if name.lower() not in _IGNORED]
    if message:
        field = fields[0].field.partition("[")[0]
        yield Finding(field, f"objects of classes that are not named here are left out: {_listed(message)}")


@rule(
    "S402",
    "warning",
    title="a class of the spec that the data do not have",
    fix="correct its name, or leave it out",
    needs=("data",),
)
def absent(subject: Subject) -> Iterator[Finding]:
    present = _present(subject)
    if not present or not any(source.source.role == "training" for source in readable(subject.data)):
        return
    fields = _fields(subject)
    known = {field.name.lower() for field in fields}
    lacking = [field for field in fields if not _named(subject, field)]
    others = sorted(present - known)
    plain = []
    for field in lacking:
        meant = did_you_mean(field.name.lower(), others)
        if meant:
            what = f'the data have no object of class "{field.name}"{_as_far(subject)}'
            yield Finding(field.field, what, meant)
        else:
            plain.append(field)
    if plain:
        names = _listed([field.name for field in plain])
        yield Finding(plain[0].field, f"the data have no object of {names}{_as_far(subject)}")


@rule(
    "S403",
    "error",
    title="training data without an object of any class of the spec",
    fix="name the classes that the data have",
    needs=("data",),
)
def none_fits(subject: Subject) -> Iterator[Finding]:
    fields = _fields(subject)
    if not fields or not _complete(subject, "training") or _as_far(subject):
        return
    trained, others = _objects(subject, "training")
    if not trained:
        result = [name for name, _ in others.most_common()]
        what = f"no object of the training data is of a class that is named here; they have {_listed(result)}"
        yield Finding(fields[0].field.partition("[")[0], what if result else "the training data have no objects")


@rule(
    "S404",
    "warning",
    title="a class without objects to train on, which validation has",
    fix="add some to the training data, or leave the class out",
    needs=("data",),
)
def untrained(subject: Subject) -> Iterator[Finding]:
    yield from _without(subject, "training", "validation", "no object to train on: {}")


@rule(
    "S405",
    "warning",
    title="a class without objects to validate on, whose figures say nothing",
    fix="add some to the validation data, or leave the class out",
    needs=("data",),
)
def unvalidated(subject: Subject) -> Iterator[Finding]:
    message = "no object to validate on: {}; NVIDIA's programs count such a class in the mean with an AP of 0"
    yield from _without(subject, "validation", "training", message)


def _without(subject: Subject, role: Role, other: Role, message: str) -> Iterator[Finding]:
    """Classes without objects for ``role`` that have some for the ``other``."""
    if not _complete(subject, role) or not _complete(subject, other):
        return
    there = {each: _objects(subject, each)[0] for each in (role, other)}
    if not there[role]:
        return  # one word about all of them is enough
    lacking = {field.target.lower(): field for field in _fields(subject)}
    lacking = {name: field for name, field in lacking.items() if not there[role][name] and there[other][name]}
    if lacking:
        names = _listed([field.target for field in lacking.values()])
        yield Finding(next(iter(lacking.values())).field, message.format(names) + _as_far(subject))


@rule(
    "S406",
    "error",
    title="validation data without an object of any class of the spec: nothing can be measured",
    fix="name validation data that have the classes that are trained",
    needs=("data",),
)
def nothing_to_measure(subject: Subject) -> Iterator[Finding]:
    if subject.spec.strict or not _fields(subject) or _as_far(subject) or not _complete(subject, "validation"):
        return
    trained, _ = _objects(subject, "validation")
    if not trained:
        frames = _frames(subject, "validation")
        what = f"none of the {frames:,} validation images has an object of a class that is trained"
        yield Finding(_validation_field(subject), what)


def _validation_field(subject: Subject) -> str:
    for source in readable(subject.data):
        if source.source.role == "validation":
            return source.source.annotations_field
    return next((each.source.field for each in readable(subject.data)), "")


@rule(
    "S411",
    "error",
    title="class numbers in records that stand for other classes than the spec's",
    fix="convert again with the target_class_mapping of this spec",
    needs=("data",),
)
def other_numbers(subject: Subject) -> Iterator[Finding]:
    """Records for DALI hold numbers, which the conversion spec settled."""
    targets = sorted({field.target.lower() for field in _fields(subject)})
    for each in readable(subject.data):
        if each.layout != "dali" or not targets:
            continue
        listed = [name for name, _ in sorted(each.categories.items(), key=lambda item: item[1])]
        numbers = [int(name) for role in _ROLES for name in each.amount(role).objects if name.isdecimal()]
        largest = max(numbers, default=0)
        place = each.source.annotations_field
        if listed and listed != targets:
            what = f"numbers in these records stand for {_listed(listed)}; the spec trains {_listed(targets)}"
            yield Finding(place, what)
        elif largest > len(targets):
            yield Finding(place, f"these records have a class number {largest}, and the spec has {len(targets)}")


@rule(
    "S412",
    "warning",
    title="training and validation files that number their categories differently",
    fix="write both with one list of categories",
    needs=("data",),
)
def other_order(subject: Subject) -> Iterator[Finding]:
    """Training goes by names, but whoever compares results by number is misled."""
    first = next((each for each in readable(subject.data) if each.source.format == "coco" and each.categories), None)
    for each in readable(subject.data):
        if first is None or each.source.format != "coco" or each is first:
            continue
        differ = [name for name, number in each.categories.items() if first.categories.get(name, number) != number]
        if differ:
            name = differ[0]
            what = f'"{name}" is category {each.categories[name]} here and {first.categories[name]} in '
            yield Finding(each.source.annotations_field, f"{what}{first.source.annotations}")
