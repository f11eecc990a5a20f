"""A spec as written: sections, fields and comments in their order, without the schema of any message.

Proto-text and YAML are read into the same tree, and either is written from it (``writing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Comments:
    """``above``: whole lines before a field, "" for a blank one; ``behind``: the one on its own line, "" for none.
    Comments begin with "#"."""

    above: list[str] = field(default_factory=list)
    behind: str = ""

    @property
    def lines(self) -> list[str]:
        """All of them as whole lines."""
        return [*self.above, *filter(None, [self.behind])]


@dataclass(frozen=True)
class Scalar:
    """One value: its text without quotes, escapes resolved; ``quoted`` where it is text and no number or word.

    ``refers``: what ``${...}`` in it stands for is another key of the YAML that it comes from.
    """

    text: str
    quoted: bool = False
    refers: bool = field(default=False, compare=False)

    @property
    def shown(self) -> str:
        """As proto-text has it."""
        from specs.templating import quoted

        return quoted(self.text) if self.quoted else self.text or "null"


Value = Scalar | list["Value"]


@dataclass
class Field:
    """A name and its value; of a repeated field, proto-text has one for each value. Line and column are those of the
    name, from 1; 0 where it is written nowhere yet."""

    name: str
    value: Value
    line: int = 0
    column: int = 0
    comments: Comments = field(default_factory=Comments)


@dataclass
class Section:
    """Fields and sections below a name ("" for the whole spec); ``listed``: one of a list of sections in YAML.

    ``below``: comments after the last of its fields; ``end``: the one behind its closing brace.
    """

    name: str
    fields: list[Field | Section] = field(default_factory=list)
    line: int = 0
    column: int = 0
    comments: Comments = field(default_factory=Comments)
    listed: bool = False
    below: list[str] = field(default_factory=list)
    end: str = ""

    @property
    def last_lines(self) -> list[str]:
        """The comments behind its fields as whole lines."""
        return [*self.below, *filter(None, [self.end])]

    def named(self, name: str) -> list[Field | Section]:
        """All that have this name, in their order."""
        return [each for each in self.fields if each.name == name]

    def find(self, path: str) -> Field | Section | None:
        """The last field or section at ``path``, names joined with dots; None where there is none."""
        here: Field | Section | None = self
        for name in path.split("."):
            same = here.named(name) if isinstance(here, Section) else []
            here = same[-1] if same else None
        return here

    def value(self, path: str) -> Value | None:
        """The value of the last field at ``path``, None where there is none."""
        found = self.find(path)
        return found.value if isinstance(found, Field) else None

    def text(self, path: str) -> str:
        """The text of the last field at ``path``, "" where there is none."""
        value = self.value(path)
        return value.text if isinstance(value, Scalar) else ""

    def walk(self, path: str = "") -> Iterator[tuple[str, Field | Section]]:
        """Every field and section with its path, those of one name counted where there are several:
        ``data_sources[1].tfrecords_path``."""
        written, counts = Counter(each.name for each in self.fields), Counter[str]()
        for each in self.fields:
            here = f"{path}.{each.name}" if path else each.name
            if written[each.name] > 1 or getattr(each, "listed", False):
                here = f"{here}[{counts[each.name]}]"
                counts[each.name] += 1
            yield here, each
            if isinstance(each, Section):
                yield from each.walk(here)

    def section(self, path: str) -> Section:
        """The last section at ``path``, made with those above it where it is missing."""
        here = self
        for name in path.split(".") if path else []:
            found = [each for each in here.named(name) if isinstance(each, Section)]
            if not found:
                found = [Section(name)]
                here.fields.append(found[0])
            here = found[-1]
        return here

    def put(self, path: str, value: Value) -> Field:
        """Set the last field at ``path`` to ``value``; it is made where it is missing, with the sections above it."""
        parent, _, name = path.rpartition(".")
        section = self.section(parent)
        found = [each for each in section.named(name) if isinstance(each, Field)]
        if not found:
            found = [Field(name, value)]
            section.fields.append(found[0])
        found[-1].value = value
        return found[-1]


def written(value: object) -> Value:
    """A value of Python's as one of a tree: texts in quotes, true, 3, 0.5, lists. Raises ValueError for others."""
    from specs.templating import Word, literal

    if isinstance(value, (list, tuple)):
        return [written(each) for each in value]
    if isinstance(value, str) and not isinstance(value, Word):
        return Scalar(value, quoted=True)
    return Scalar("null" if value is None else literal(value))
