"""Trees of proto-text from one message to another: fields stay, move, or become comments that bring them back."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from specs import values
from specs.migration import notes
from specs.migration.changes import Change
from specs.migration.tree import Comments, Field, Scalar, Section, Value
from specs.spec import generic
from tltpipe.errors import SpecError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

Convert = Callable[[str | None], str | None]
"""The text of a value with its quotes, None where it is not written, to that of another."""

Item = str | tuple[str | None, Field | Section]
"""A line of comment, or what stands in a spec, with its path where that is new."""

LOST = "has no counterpart, and becomes a comment"


def same(text: str | None) -> str | None:
    return text


@dataclass(frozen=True)
class Move:
    """A field that is called ``new`` and has another meaning in the message that a spec goes to.

    ``convert`` makes its value; ``back`` the old one of it, as the way back will do. ``effect``: what that does.
    """

    old: str
    new: str
    convert: Convert = same
    back: Convert = same
    effect: str | None = None

    @property
    def reversed(self) -> Move:
        return Move(self.new, self.old, self.back, self.convert, self.effect)


def normalise(root: Section, descriptor: Descriptor) -> None:
    """Leave one of each field that is not repeated, as protobuf reads them: the last value, sections merged."""
    single: list[Field | Section] = []
    for each in root.fields:
        field_ = descriptor.fields_by_name[each.name]
        earlier = next((other for other in single if other.name == each.name), None)
        if earlier is None or values.repeated(field_):
            single.append(each)
        elif isinstance(each, Section) and isinstance(earlier, Section):
            _join(earlier, each)
        else:
            each.comments.above = [*earlier.comments.lines, *each.comments.above]
            single[single.index(earlier)] = each
    root.fields = single
    for each in single:
        below = descriptor.fields_by_name[each.name].message_type
        if isinstance(each, Section) and below is not None:
            normalise(each, below)


def _join(first: Section, second: Section) -> None:
    lines = [*first.below, *second.comments.lines]
    first.fields += second.fields
    first.below = [*lines, *second.last_lines]


def paths(descriptor: Descriptor, above: str = "") -> dict[str, bool]:
    """Every field below a message by path, and whether it is repeated."""
    found: dict[str, bool] = {}
    for each in descriptor.fields:
        path = f"{above}.{each.name}" if above else each.name
        found[path] = values.repeated(each)
        if each.message_type is not None:
            found |= paths(each.message_type, path)
    return found


@dataclass
class Moving:
    """One move of ``root``, a spec with the fields ``old``, to one with those of ``new`` (``paths``), which is ``yaml``
    or proto-text; ``taken`` is what ``notes.take`` made of its comments.

    ``generations``: the names of the one that it is of, which comments get, and of that it goes to. ``effects``: what
    the loss of a field, or of a section, does to the result, by path. ``gone``: fields of both messages that go.
    """

    root: Section
    old: Mapping[str, bool]
    new: Mapping[str, bool]
    generations: tuple[str, str]
    moves: Sequence[Move]
    taken: Mapping[str, str]
    effects: Mapping[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    gone: AbstractSet[str] = frozenset()
    yaml: bool = False

    def run(self) -> Section:
        """The new tree; ``changes`` says what happened."""
        self.by_path = {move.old: move for move in self.moves}
        self.ours = self.new.keys() - self.gone
        made = Section("")
        self._fill(self.root, "", made)
        for move in self.by_path.values():  # of fields that are not written
            if (value := self._converted(move, None, 0)) is not None:
                notes.place(made, move.new, value)
        return made

    def _fill(self, old: Section, above: str, made: Section) -> list[Item]:
        """Put into ``made`` what stays of ``old``, and what comes to be in it; the rest is for sections further up."""
        pending: list[str] = []
        further: list[Item] = []
        for item in self._items(old, above):
            if isinstance(item, str):
                pending.append(item)
                continue
            path, node = item
            if above and path is not None and not path.startswith(f"{above}."):
                further += [*pending, item]
            else:
                node.comments.above[:0] = pending
                if path is None:
                    made.fields.append(node)
                elif not notes.place(made, path.removeprefix(f"{above}." if above else ""), node):
                    pending = [*node.comments.above, self._stuck(path, node)]
                    continue
            pending = []
        made.below = [*pending, *old.below]
        return further

    def _items(self, old: Section, above: str) -> Iterator[Item]:
        """What becomes of the fields of ``old``: those that stay, those with a new path, lines of comments."""
        counts = Counter[str]()
        for each in old.fields:
            path = f"{above}.{each.name}" if above else each.name
            if self.old.get(generic(path)):
                path, counts[each.name] = f"{path}[{counts[each.name]}]", counts[each.name] + 1
            if isinstance(each, notes.Restored):
                yield from self._restored(each)
            elif isinstance(each, Field):
                yield from [(None, each)] if self._stays(path) else self._moved(each, path)
            elif self._stays(path):
                copy = replace(each, fields=[], below=[])
                further = self._fill(each, path, copy)
                yield None, copy
                yield from further
            else:
                yield from each.comments.lines
                if not each.fields:
                    yield self._lost(path, notes.EMPTY, each.line)
                yield from self._items(each, path)
                yield from each.last_lines

    def _stays(self, path: str) -> bool:
        plain = generic(path)
        return plain in self.ours and path not in self.by_path and self.gone.isdisjoint(_above(plain))

    def _moved(self, each: Field, path: str) -> Iterator[Item]:
        """``each`` under its new name; where it has none its comments, and a note."""
        move = self.by_path.pop(path, None)
        value = self._converted(move, each, each.line) if move is not None else None
        if move is not None and value is not None:
            made = value.comments
            value.comments = Comments([*each.comments.above, *made.above], each.comments.behind or made.behind)
            if each.comments.behind and made.behind:
                value.comments.above.append(made.behind)
            yield move.new, value
            return
        yield from each.comments.lines
        if move is None or move.new not in self.taken:
            yield self._lost(path, _text(each.value), each.line)

    def _lost(self, path: str, text: str, line: int) -> str:
        plain = generic(path)
        effect = next((self.effects[key] for key in (plain, *_above(plain)) if key in self.effects), None)
        if text != notes.EMPTY or effect:
            self.changes.append(Change(path, None, line, LOST, effect))
        return notes.note(self.generations[0], path, text)

    def _converted(self, move: Move, each: Field | None, line: int) -> Field | None:
        """The field at the end of ``move``, with a note where the way back would not find what it was."""
        given = None if each is None else _text(each.value)
        if move.new in self.taken:
            earlier = None if self.taken[move.new] == notes.UNSET else self.taken[move.new]
            if alike(move.back(earlier), given):  # nobody changed it in between
                self.changes.append(Change(move.old, move.new, line, f"is {move.new}: {earlier or notes.UNSET} again"))
                return None if earlier is None else Field(_name(move.new), notes.value(earlier, yaml=self.yaml))
        made = move.convert(given)
        if made is None:
            return None
        field_ = Field(_name(move.new), notes.value(made, yaml=self.yaml))
        if not alike(move.back(made), given):
            notes.attach(field_, notes.note(self.generations[0], move.old, given or notes.UNSET))
        what = f"becomes {move.new}: {made}" if given is not None else f"{move.new}: {made} is written for it"
        self.changes.append(Change(move.old, move.new, line, what, move.effect))
        return field_

    def _restored(self, held: notes.Restored) -> Iterator[Item]:
        """What the note ``held`` holds; where that has no place any more, the note."""
        try:
            node = notes.restored(held, yaml=self.yaml) if generic(held.name) in self.ours else None
        except SpecError:
            node = None
        if node is None:
            yield from held.comments.above
            yield self._stuck(held.name, held)
        else:
            self.changes.append(Change(held.name, held.name, 0, "is written again, by its comment"))
            yield held.name, node

    def _stuck(self, path: str, node: Field | Section) -> str:
        text = _text(node.value) if isinstance(node, Field) else notes.EMPTY
        self.changes[:] = [change for change in self.changes if change.new_path != path]
        self.changes.append(Change(path, None, 0, "cannot be written again, and stays a comment"))
        return notes.note(self.generations[1], path, text)


def alike(one: str | None, other: str | None) -> bool:
    """Whether two texts are the same value, or the same list of them: of numbers, the same number of 32 bits."""
    if one is None or other is None or one == other:
        return one == other
    parts, others = ([part.strip() for part in text.strip("[]").split(",")] for text in (one, other))
    try:
        return [struct.pack("f", number(part)) for part in parts] == [struct.pack("f", number(part)) for part in others]
    except (ValueError, OverflowError):
        return False


def number(text: str) -> float:
    """A number as protobuf reads it: 3, 0x10, 1e-3, 1.5f. Raises ValueError for what is none."""
    from google.protobuf import text_format

    try:
        return float(text_format.ParseInteger(text, is_signed=True))
    except ValueError:
        return float(text_format.ParseFloat(text))


def _text(value: Value) -> str:
    return value.shown if isinstance(value, Scalar) else f"[{', '.join(map(_text, value))}]"


def _above(path: str) -> list[str]:
    """The paths of the sections around ``path``, the nearest first."""
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def _name(path: str) -> str:
    return path.rpartition(".")[2]
