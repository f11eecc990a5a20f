"""The spec of a network of NVIDIA's on its way to one of ours: fields taken, values put, differences noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specs.migration.changes import Change
from specs.migration.targets import Data
from specs.migration.tree import Field, Scalar, Section, Value, written
from specs.values import did_you_mean
from tltpipe.errors import Location, SpecError

LARGEST = 1e18
"""Of a number in a spec."""
SECRET = frozenset(("enc_key",))
"""Fields whose values are not repeated."""


@dataclass(frozen=True)
class Row:
    """What becomes of the field at ``theirs``: ``how`` of its value at ``ours``, or nothing where that is "".

    ``how`` raises ValueError for what has no counterpart. ``effect`` is what that does to the result; of a field
    without counterpart nothing where its value is among ``same``.
    """

    theirs: str
    ours: str = ""
    effect: str = ""
    how: Callable[[Any], Any] | None = None
    same: tuple[Any, ...] = ()


class Rewriting:
    """One migration. ``tree`` is theirs; ``made`` becomes ours, with the comments of the fields that it comes from."""

    def __init__(
        self, tree: Section, *, source: Path | str, data: Data | None = None, renamed: Mapping[str, str] | None = None
    ) -> None:
        """``renamed``: sections that an older generation called otherwise, and where they belong."""
        self.tree, self.source, self.data = tree, source, data
        self.made, self.changes = Section(""), list[Change]()
        self.origins: dict[str, tuple[str, Field]] = {}
        """The field that a value of ours comes from, and its path."""
        self.missing: list[str] = []
        """What the spec does not hold and its user has to fill in."""
        self.files: dict[str, list[str]] = {}
        """Lines of files that are needed beside the data, by their paths."""
        self.dropped: list[tuple[str, Field]] = []
        """Fields without counterpart that make a difference, or have a comment."""
        self.head = _head(tree)
        for old, new in (renamed or {}).items():
            _move(tree, old, new)
        _lower_comments(tree)
        self.fields = [(_generic(path), each) for path, each in tree.walk() if isinstance(each, Field)]
        self.handled: set[int] = set()

    def all(self, path: str) -> list[Field]:
        """The fields at ``path``, of whatever section of a list, in their order."""
        return [field for own, field in self.fields if own == path]

    def has(self, path: str) -> bool:
        """Whether a field or section is written there."""
        return any(own == path or own.startswith(f"{path}.") for own, _ in self.fields)

    def sections(self, path: str) -> list[Section]:
        """The sections at ``path``, of a list all of them."""
        return [each for own, each in self.tree.walk() if isinstance(each, Section) and _generic(own) == path]

    def value(self, path: str, default: Any = None) -> Any:
        """The last value at ``path``: text, a number, true or false."""
        found = self.all(path)
        return plain(found[-1].value) if found else default

    def number(self, path: str, default: float | None = None) -> Any:
        """The same where it is a number. Raises SpecError where it is none."""
        found = self.numbers(path)
        return found[-1] if found else default

    def whole(self, path: str, default: int) -> int:
        """The same where it is a whole number."""
        value = self.number(path, default)
        if not isinstance(value, int):
            raise self.error(path, f"{_name(path)} takes a whole number, not {value}")
        return value

    def numbers(self, path: str) -> list[Any]:
        """All values at ``path``, which are numbers that are finite. Raises SpecError with the place of one that is
        none."""
        found = []
        for field in self.all(path):
            value = plain(field.value)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
                where = Location(self.source, field.line, field.column)
                raise SpecError(f"{_name(path)} takes a number, not {shown(field.value)}", where=where)
            found.append(value)
        return found

    def error(self, path: str, what: str, *, hint: str | None = None) -> SpecError:
        """A SpecError at the last field at ``path``."""
        found = self.all(path) or [field for own, field in self.fields if own.startswith(f"{path}.")]
        where = Location(self.source, found[-1].line, found[-1].column) if found else self.source
        return SpecError(what, where=where, hint=hint)

    def put(self, ours: str, value: Any, *theirs: str, effect: str = "") -> None:
        """Set ``ours``, which the fields at ``theirs`` become."""
        made = self.made.put(ours, _written(value))
        for path in theirs:
            fields = self.all(path)
            for field in fields:
                if id(field) not in self.handled:
                    _carry(field, made)
                self.handled.add(id(field))
            if fields:
                self.origins.setdefault(ours, (path, fields[0]))
                what = f"becomes {ours}: {shown(made.value)}"
                self.changes.append(Change(path, ours, fields[0].line, what, effect or None))

    def also(self, ours: str, value: Any, *theirs: str) -> None:
        """Set ``ours`` to what follows from those at ``theirs``, which are moved elsewhere."""
        self.made.put(ours, _written(value))
        fields = [(path, field) for path in theirs for field in self.all(path)]
        if fields:
            self.origins.setdefault(ours, fields[0])

    def listed(self, ours: str, sections: Sequence[Mapping[str, Any]], *theirs: Section, effect: str = "") -> None:
        """Set ``ours`` to a list of sections, which those at ``theirs`` become, one each where they are as many."""
        parent, _, name = ours.rpartition(".")
        home = self.made.section(parent)
        made = [Section(name, [Field(key, written(value)) for key, value in each.items()], listed=True)
                for each in sections]  # fmt: skip
        home.fields = [each for each in home.fields if each.name != name] + [*made]
        entry = ", ".join(f"{key}: {value}" for key, value in (sections[0] if sections else {}).items())
        if not theirs:
            self.changes.append(Change("", ours, 0, f"{ours}: {entry}", effect or None))
        for index, section in enumerate(theirs):
            fields = [each for _, each in section.walk() if isinstance(each, Field)]
            first = next(iter(made[min(index, len(made) - 1)].fields), None) if made else None
            for field in fields:
                if isinstance(first, Field) and id(field) not in self.handled:
                    _carry(field, first)
                self.handled.add(id(field))
            path = _generic(next(path for path, each in self.tree.walk() if each is section))
            self.changes.append(Change(path, ours, section.line, f"is part of {ours}", effect or None))

    def moved(self, theirs: str, ours: str, effect: str) -> None:
        """Note that the fields at ``theirs`` are in what stands at ``ours`` already."""
        fields = [field for field in self.all(theirs) if id(field) not in self.handled]
        self.handled.update(map(id, fields))
        if fields:
            self.changes.append(Change(theirs, ours, fields[0].line, f"is part of {ours}", effect or None))

    def carried(self, theirs: str, ours: str) -> None:
        """The same for a list of sections, whose first field takes the comments."""
        section = self.made.find(ours)
        first = section.fields[0] if isinstance(section, Section) else None
        for field in self.all(theirs):
            if isinstance(first, Field) and id(field) not in self.handled:
                _carry(field, first)
        self.moved(theirs, ours, "")

    def assume(self, ours: str, value: Any, effect: str) -> None:
        """Set ``ours`` to what their program does whatever its spec says, where that is not our default."""
        made = self.made.put(ours, _written(value))
        self.changes.append(Change("", ours, 0, f"{ours}: {shown(made.value)}", effect))

    def note(self, about: str, effect: str) -> None:
        """A difference that is of no field."""
        self.changes.append(Change("", None, 0, about, effect))

    def need(self, ours: str, what: str) -> None:
        """The value at ``ours`` stands for one that the spec does not hold."""
        self.missing.append(f"{ours}: {what}")

    def drop(self, theirs: str, effect: str = "") -> None:
        """Note that the fields at ``theirs``, or in that section, have no counterpart."""
        noted = set[str]()
        for path, field in self.fields:
            if (path == theirs or path.startswith(f"{theirs}.")) and id(field) not in self.handled:
                self.handled.add(id(field))
                if effect or any(field.comments.above) or field.comments.behind:
                    self.dropped.append((path, field))
                if path not in noted:
                    self.changes.append(Change(path, None, field.line, "has no counterpart", effect or None))
                noted.add(path)

    def table(self, rows: Sequence[Row]) -> None:
        """Move what ``rows`` say, but for fields that have been."""
        for row in rows:
            fields = [field for field in self.all(row.theirs) if id(field) not in self.handled]
            if not fields:
                continue
            if not row.ours:
                value = plain(fields[-1].value)
                self.drop(row.theirs, "" if value in row.same else row.effect)
                continue
            try:
                value = (row.how or (lambda value: value))(plain(fields[-1].value))
            except (ValueError, TypeError) as problem:
                raise self.error(row.theirs, f"{_name(row.theirs)}: {problem}") from None
            self.put(row.ours, value, row.theirs, effect=row.effect)

    def rest(self, rows: Sequence[Row], whole: Sequence[str]) -> None:
        """Note fields that no row names. Raises SpecError for one that is near to one that there is.

        ``whole`` are sections that have no counterpart, whatever is in them.
        """
        for path in whole:
            self.drop(path)
        known = {row.theirs for row in rows}
        for path, field in self.fields:
            if id(field) in self.handled:
                continue
            parent, _, name = path.rpartition(".")
            siblings = sorted({each[len(parent) :].lstrip(".").partition(".")[0]
                               for each in known if not parent or each.startswith(f"{parent}.")})  # fmt: skip
            if meant := did_you_mean(name, siblings):
                place = Location(self.source, field.line, field.column)
                raise SpecError(f'{parent or "the spec"} has no field "{name}"; {meant}', where=place)
            self.drop(path, "no field of this name is known: whether it matters cannot be told")


def plain(value: Value) -> Any:
    """A value as Python has it: text, a number, true or false, or the name of an enum's value; a list of these."""
    if not isinstance(value, Scalar):
        return [plain(each) for each in value]
    text = value.text
    if value.quoted:
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text.lower().removesuffix("f"))
        except ValueError:
            continue
    return text


_WORD = re.compile(r"(?!(?:on|off|yes|no|true|false|null|y|n)$)[a-z_][\w-]*")


def _written(value: Any) -> Value:
    """``value`` in a tree; one word, the name of a choice, without quotes."""
    from specs.templating import Word

    return written(Word(value) if isinstance(value, str) and _WORD.fullmatch(value) else value)


def shown(value: Value) -> str:
    """A value in a line of a report."""
    text = value.shown if isinstance(value, Scalar) else f"[{', '.join(map(shown, value))}]"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _generic(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def _carry(field: Field, to: Field) -> None:
    """Give the comments of ``field`` to one of ours."""
    to.comments.above += [line for line in field.comments.above if line]
    if field.comments.behind and to.comments.behind:
        to.comments.above.append(field.comments.behind)
    else:
        to.comments.behind = to.comments.behind or field.comments.behind


def _head(tree: Section) -> list[str]:
    """Comments at the top that a blank line parts from the first field, taken from it."""
    if not tree.fields:
        return []
    above = tree.fields[0].comments.above
    end = max((number for number, line in enumerate(above, start=1) if not line), default=0)
    head, tree.fields[0].comments.above = above[:end], above[end:]
    return head


def _move(tree: Section, old: str, new: str) -> None:
    """Put the field or section at ``old`` where ``new`` says, under that name."""
    above, _, _ = old.rpartition(".")
    home = tree.find(above) if above else tree
    node = tree.find(old)
    if node is None or not isinstance(home, Section):
        return
    home.fields.remove(node)
    above, _, node.name = new.rpartition(".")
    target = tree.section(above)
    if isinstance(node, Section) and (there := [each for each in target.named(node.name) if isinstance(each, Section)]):
        there[0].fields += node.fields
    else:
        target.fields.append(node)


def _lower_comments(section: Section) -> None:
    """Give the comments of sections, which come apart, to the first and last of their fields."""
    for each in section.fields:
        if not isinstance(each, Section):
            continue
        _lower_comments(each)
        leaves = list(_leaves(each))
        if leaves:
            first, last = leaves[0].comments, leaves[-1].comments
            first.above = [*each.comments.above, *filter(None, [each.comments.behind]), *first.above]
            last.above += [*each.below, *filter(None, [each.end])]


def _leaves(section: Section) -> Iterator[Field]:
    return (each for _, each in section.walk() if isinstance(each, Field))
