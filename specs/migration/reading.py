"""Trees from text: proto-text without a schema, and YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from specs import yaml_nodes
from specs.layout import CLOSERS, Token, tokens
from specs.migration.remarks import Mark, attach, between
from specs.migration.tree import Field, Scalar, Section, Value
from tltpipe.errors import Location, SpecError

if TYPE_CHECKING:
    import yaml

DEEPEST = 100
"""Sections in sections: what protobuf reads."""


def proto_text(text: str, *, source: Path | str) -> Section:
    """The tree of a spec in proto-text. Raises SpecError with line and column at what is none."""
    read = _ProtoText(text, source)
    root = read.fields(Section(""), closer="")
    attach(root, read.marks, between(text, read.spans))
    return root


def yaml_text(text: str, *, source: Path | str) -> Section:
    """The tree of a spec in YAML. Raises SpecError with line and column: no YAML, no mapping at its top, a list of
    sections and values."""
    import yaml

    top = yaml_nodes.compose(text, lambda line, column: Location(source, line, column))
    root, marks = Section(""), list[Mark]()
    if top is not None:
        _Yaml(source, marks).section(top, root)
    following = len(text)  # more than lines
    for number, mark in reversed([*enumerate(marks)]):
        marks[number] = replace(mark, line=following) if mark.closes else mark
        following = marks[number].line
    spans = ((token.start_mark.index, token.end_mark.index) for token in yaml.scan(text))
    attach(root, sorted(marks, key=lambda mark: mark.line), between(text, spans))
    return root


class _ProtoText:
    """One reading; ``marks`` and ``spans`` fill up as it goes."""

    def __init__(self, text: str, source: Path | str) -> None:
        self.source = source
        self.tokens = list(tokens(text))
        starts = [0]
        for line in text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        places = [starts[token.line - 1] + token.column - 1 for token in self.tokens]
        self.spans = [(place, place + len(token.text)) for place, token in zip(places, self.tokens, strict=True)][:-1]
        self.marks: list[Mark] = []
        self.index = self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def take(self, symbols: str) -> bool:
        taken = self.token.kind == "symbol" and self.token.text in symbols
        self.index += taken
        return taken

    def fail(self, what: str, token: Token | None = None) -> NoReturn:
        token = token or self.token
        raise SpecError(what, where=Location(self.source, token.line, token.column))

    def fields(self, section: Section, *, closer: str) -> Section:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"sections are nested more than {DEEPEST} deep")
        while not (closer and self.token.kind == "symbol" and self.token.text == closer):
            if self.token.kind == "end" and not closer:
                break
            if self.token.kind != "word":
                self.fail(f"a field name is expected here, not {self.token.shown}")
            self.field(section)
            self.take(",;")
        if closer:
            self.marks.append(Mark(self.token.line, section, closes=True))
            self.index += 1
        self.depth -= 1
        return section

    def field(self, parent: Section) -> None:
        name = self.token
        self.index += 1
        colon = self.take(":")
        if self.take("["):
            while not self.take("]"):
                self.one(parent, name, colon=colon)
                if not self.take(",") and self.token.text != "]":
                    self.fail(f'"," or "]" is expected in the list of {name.text}, not {self.token.shown}')
        else:
            self.one(parent, name, colon=colon)

    def one(self, parent: Section, name: Token, *, colon: bool) -> None:
        opener = self.token
        node: Field | Section
        if opener.kind == "symbol" and opener.text in CLOSERS:
            self.index += 1
            node = Section(name.text, line=name.line, column=name.column)
            self.marks.append(Mark(name.line, node))
            self.fields(node, closer=CLOSERS[opener.text])
        else:
            if not colon:
                self.fail(f'{name.text} needs a ":" before its value')
            node = Field(name.text, self.scalar(name), name.line, name.column)
            self.marks.append(Mark(name.line, node))
        parent.fields.append(node)

    def scalar(self, name: Token) -> Scalar:
        from google.protobuf import text_encoding

        first = self.token
        if first.kind not in ("word", "number", "text"):
            self.fail(f"{name.text} needs a value here, not {first.shown}")
        self.index += 1
        if first.kind != "text":
            return Scalar(first.text)
        parts = [first]
        while self.token.kind == "text":  # adjacent texts are one
            parts.append(self.token)
            self.index += 1
        try:
            read = b"".join(text_encoding.CUnescape(part.text[1:-1]) for part in parts)
            return Scalar(read.decode(), quoted=True)
        except ValueError as problem:
            self.fail(f"the text of {name.text} cannot be read: {problem}", first)


class _Yaml:
    """One reading of composed nodes; aliases are written out, as many as a person would write."""

    def __init__(self, source: Path | str, marks: list[Mark]) -> None:
        self.source, self.marks = source, marks
        self.count = self.depth = 0

    def within_bounds(self, node: yaml.Node) -> None:
        self.count += 1
        if self.count > yaml_nodes.MOST_NODES or self.depth > yaml_nodes.DEEPEST:
            self.fail("its aliases stand for too many values", node)

    def fail(self, what: str, node: yaml.Node) -> NoReturn:
        raise SpecError(what, where=Location(self.source, node.start_mark.line + 1, node.start_mark.column + 1))

    def section(self, node: yaml.Node, section: Section) -> None:
        """Fill ``section`` with what is in ``node``."""
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self.fail("keys and values are expected here: key: value", node)
        self.depth += 1
        for key, below in node.value:
            if not isinstance(key, yaml.ScalarNode) or "." in key.value:
                self.fail("the name of a key is expected here", key)
            section.fields += self.nodes(key, below)
        self.depth -= 1

    def nodes(self, key: yaml.ScalarNode, below: yaml.Node) -> list[Field | Section]:
        """What ``key`` stands for: a field, a section, or the sections of a list."""
        import yaml

        self.within_bounds(below)
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        listed = isinstance(below, yaml.SequenceNode)
        parts = below.value if isinstance(below, yaml.SequenceNode) else [below]
        mappings = [part for part in parts if isinstance(part, yaml.MappingNode)]
        if not mappings:
            field = Field(key.value, self.value(below), line, column)
            self.marks.append(Mark(line, field))
            return [field]
        if len(mappings) < len(parts):
            self.fail(f"{key.value} is a list of sections and of values", below)
        found: list[Field | Section] = []
        for part in mappings:
            at = part.start_mark
            place = (at.line + 1, at.column + 1) if listed else (line, column)
            section = Section(key.value, [], *place, listed=listed)
            self.marks.append(Mark(line if not found else place[0], section))
            self.section(part, section)
            self.marks.append(Mark(0, section, closes=True, column=place[1]))
            found.append(section)
        return found

    def value(self, node: yaml.Node) -> Value:
        import yaml

        self.within_bounds(node)
        if isinstance(node, yaml.SequenceNode):
            self.depth += 1
            parts = [self.value(part) for part in node.value]
            self.depth -= 1
            return parts
        if not isinstance(node, yaml.ScalarNode):
            self.fail("a value is expected here, not keys and values", node)
        return Scalar(node.value, quoted=node.style is not None, refers="${" in node.value)
