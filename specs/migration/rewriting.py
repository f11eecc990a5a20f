"""The spec of a network of NVIDIA's on its way to one of ours: fields taken, values put, differences noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specs.migration.changes import Change
from specs.migration.reshaping import (
    carry_comments,
    field_name,
    first_field,
    has_comments,
    lower_comments,
    move,
    of_ours,
    plain,
    shown,
    take_head,
)
from specs.migration.targets import Data
from specs.migration.tree import Field, Section, written
from specs.spec import generic
from specs.values import surely
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
        self.head = take_head(tree)
        for old, new in (renamed or {}).items():
            move(tree, old, new)
        lower_comments(tree)
        self.fields = [(generic(path), each) for path, each in tree.walk() if isinstance(each, Field)]
        self.handled: set[int] = set()

    def all(self, path: str) -> list[Field]:
        """The fields at ``path``, of whatever section of a list, in their order."""
        return [field for own, field in self.fields if own == path]

    def has(self, path: str) -> bool:
        """Whether a field or section is written there."""
        return any(own == path or own.startswith(f"{path}.") for own, _ in self.fields)

    def sections(self, path: str) -> list[Section]:
        """The sections at ``path``, of a list all of them."""
        return [each for own, each in self.tree.walk() if isinstance(each, Section) and generic(own) == path]

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
            raise self.error(path, f"{field_name(path)} takes a whole number, not {value}")
        return value

    def numbers(self, path: str) -> list[Any]:
        """All values at ``path``, which are numbers that are finite. Raises SpecError with the place of one that is
        none."""
        found = []
        for field in self.all(path):
            value = plain(field.value)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST < value < LARGEST:
                where = Location(self.source, field.line, field.column)
                raise SpecError(f"{field_name(path)} takes a number, not {shown(field.value)}", where=where)
            found.append(value)
        return found

    def error(self, path: str, what: str, *, hint: str | None = None) -> SpecError:
        """A SpecError at the last field at ``path``."""
        found = self.all(path) or [field for own, field in self.fields if own.startswith(f"{path}.")]
        where = Location(self.source, found[-1].line, found[-1].column) if found else self.source
        return SpecError(what, where=where, hint=hint)

    def put(self, ours: str, value: Any, *theirs: str, effect: str = "") -> None:
        """Set ``ours``, which the fields at ``theirs`` become."""
        made = self.made.put(ours, of_ours(value))
        for path in theirs:
            fields = self.all(path)
            for field in fields:
                if id(field) not in self.handled:
                    carry_comments(field, made)
                self.handled.add(id(field))
            if fields:
                self.origins.setdefault(ours, (path, fields[0]))
                what = f"becomes {ours}: {shown(made.value)}"
                self.changes.append(Change(path, ours, fields[0].line, what, effect or None))

    def also(self, ours: str, value: Any, *theirs: str) -> None:
        """Set ``ours`` to what follows from those at ``theirs``, which are moved elsewhere."""
        self.made.put(ours, of_ours(value))
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
                    carry_comments(field, first)
                self.handled.add(id(field))
            path = generic(next(path for path, each in self.tree.walk() if each is section))
            self.changes.append(Change(path, ours, section.line, f"is part of {ours}", effect or None))

    def moved(self, theirs: str, ours: str, effect: str = "") -> None:
        """Note that the fields at ``theirs`` are in what stands at ``ours`` already, which takes their comments."""
        fields = [field for field in self.all(theirs) if id(field) not in self.handled]
        self.handled.update(map(id, fields))
        home = first_field(self.made, ours)
        for field in fields:
            if home is not None:
                carry_comments(field, home)
            elif has_comments(field):
                self.dropped.append((theirs, field))
        if fields:
            self.changes.append(Change(theirs, ours, fields[0].line, f"is part of {ours}", effect or None))

    def assume(self, ours: str, value: Any, effect: str) -> None:
        """Set ``ours`` to what their program does whatever its spec says, where that is not our default."""
        made = self.made.put(ours, of_ours(value))
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
                if effect or has_comments(field):
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
                raise self.error(row.theirs, f"{field_name(row.theirs)}: {problem}") from None
            self.put(row.ours, value, row.theirs, effect=row.effect)

    def rest(self, rows: Sequence[Row], whole: Sequence[str]) -> None:
        """Note fields that no row names. Raises SpecError for one that is a slip of the pen.

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
            if meant := surely(name, siblings):
                place = Location(self.source, field.line, field.column)
                raise SpecError(f'{parent or "the spec"} has no field "{name}"; did you mean "{meant}"?', where=place)
            self.drop(path, "no field of this name is known: whether it matters cannot be told")
