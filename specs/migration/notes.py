"""Comments by which a migration can be undone: ``# tltpipe: was tlt2 ssd_config.focal_loss_alpha: 0.25``.

They hold what a field was in a generation that has it, "unset" for one that was not written: where that is a field of
no other name, the one that the comment stands behind goes on the way back.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from specs.migration import reading
from specs.migration.changes import Change
from specs.migration.tree import Comments, Field, Scalar, Section, Value
from tltpipe.errors import SpecError

UNSET, EMPTY = "unset", "{}"
_NOTE = re.compile(r"#[ \t]*tltpipe:[ \t]*was[ \t]+(\w+)[ \t]+([\w.\[\]]+):[ \t]*(.*\S)")


def note(generation: str, path: str, value: str) -> str:
    """The comment; ``value`` is as the generation spells it."""
    return f"# tltpipe: was {generation} {path}: {value}"


def attach(node: Field | Section, comment: str) -> None:
    """Put a note behind ``node``, above it where another comment stands behind it."""
    if node.comments.behind:
        node.comments.above.append(comment)
    else:
        node.comments.behind = comment


@dataclass
class Restored(Field):
    """A field that a note holds, in the place of the note: its name is the whole path, its value the note's text."""

    @property
    def text(self) -> str:
        return self.value.text if isinstance(self.value, Scalar) else ""


def take(root: Section, generation: str, changes: list[Change], *, renamed: Collection[str] = ()) -> dict[str, str]:
    """Take the notes for ``generation`` out of the comments: those of paths among ``renamed`` are returned with their
    values, the others come as fields in their places. Nodes that were not written in that generation go, as
    ``changes`` says."""
    taken: dict[str, str] = {}

    def split(lines: list[str]) -> tuple[list[Field | Section], list[str]]:
        """The fields that ``lines`` hold, each with the lines above it, and the lines behind the last of them."""
        fields: list[Field | Section] = []
        above: list[str] = []
        for line in lines:
            found = _NOTE.fullmatch(line)
            if found is None or found[1] != generation:
                above.append(line)
            elif found[2] in renamed:
                taken[found[2]] = found[3]
            elif found[3] != UNSET:
                fields.append(Restored(found[2], Scalar(found[3]), comments=Comments(above)))
                above = []
        return fields, above

    def added(comments: Comments) -> bool:
        notes = [found for line in (*comments.above, comments.behind) if (found := _NOTE.fullmatch(line))]
        return any(found[1] == generation and found[3] == UNSET and found[2] not in renamed for found in notes)

    def strip(section: Section) -> None:
        fields: list[Field | Section] = []
        pending: list[str] = []
        for each in section.fields:
            if goes := added(each.comments):
                changes.append(Change(each.name, None, each.line, "goes again: it was written by a migration"))
            before, above = split(each.comments.above)
            after, behind = split([each.comments.behind] if each.comments.behind else [])
            each.comments = Comments([*pending, *above], "".join(behind))
            if isinstance(each, Section):
                strip(each)
            fields += [*before, *([] if goes else [each]), *after]
            pending = each.comments.lines if goes else []
        before, below = split(section.below)
        section.fields, section.below = [*fields, *before], [*pending, *below]

    strip(root)
    return taken


def value(text: str, *, yaml: bool = False) -> Value:
    """The value that a note holds. Raises SpecError where it is none."""
    read = reading.yaml_text if yaml else reading.proto_text
    found = read(f"value: {text}", source="note").value("value")
    if found is None:
        raise SpecError(f"{text} is no value")
    return found


def place(root: Section, path: str, node: Field | Section) -> bool:
    """Put ``node`` at ``path`` below ``root``; whether the lists that it belongs to are as long as that."""
    *parents, name = [_step(part) for part in path.split(".")]
    here, made = root, list[tuple[Section, Section]]()
    for parent, index in parents:
        sections = [each for each in here.named(parent) if isinstance(each, Section)]
        number = len(sections) - 1 if index is None and sections else index or 0
        if number > len(sections):
            return False
        if number == len(sections):
            sections.append(Section(parent))
            made.append((here, sections[-1]))
        here = sections[number]
    for above, section in made:
        above.fields.append(section)
    node.name = name[0]
    earlier = here.named(node.name) if name[1] is None else []
    if isinstance(node, Section) and earlier:
        return True
    here.fields = [each for each in here.fields if each not in earlier]
    here.fields.append(node)
    return True


def restored(held: Restored, *, yaml: bool = False) -> Field | Section:
    """The field, or the section that nothing is in, that a note holds. Raises SpecError where its value is none."""
    if held.text == EMPTY:
        return Section(held.name, comments=held.comments)
    return Field(held.name, value(held.text, yaml=yaml), comments=held.comments)


def _step(part: str) -> tuple[str, int | None]:
    name, _, index = part.partition("[")
    return name, int(index.removesuffix("]")) if index else None


def held(root: Section) -> dict[str, Restored]:
    """What ``take`` left in the place of notes, by path."""
    return {each.name: each for _, each in root.walk() if isinstance(each, Restored)}
