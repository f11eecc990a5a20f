"""Where each field of a text spec stands, and what is wrong with those that do not fit.

protobuf's own parser (``prototext``) decides what is valid and reads the values, but it tells no positions of fields
and speaks in its own terms. This second, smaller reader walks the same text along the message's descriptor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from specs import codes, values

CLOSERS = {"{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: word, number, text (a quoted string), open (a string without its end), symbol or end."""

    kind: str
    text: str
    line: int
    column: int

    @property
    def shown(self) -> str:
        if self.kind == "end":
            return "the end of the file"
        if self.kind == "symbol":
            return f'"{self.text}"'
        return self.text if len(self.text) <= 60 else f"{self.text[:57]}..."


class Misfit(Exception):
    """Something that does not fit, with its place (counted from 1) and perhaps what to do about it; ``code`` is its
    rule. ``meant`` is what is surely meant in place of the token, "" where there is no telling."""

    def __init__(
        self, what: str, token: Token, hint: str | None = None, *, code: str = codes.SYNTAX, meant: str = ""
    ) -> None:
        super().__init__(what)
        self.what, self.line, self.column, self.hint = what, token.line, token.column, hint
        self.code, self.token, self.meant = code, token, meant


class Structure(Misfit):
    """A misfit behind which there is no telling what belongs to what."""


_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<word>[a-zA-Z_][0-9a-zA-Z_+-]*)
      | (?P<number>(?:[0-9+-]|\.[0-9])[0-9a-zA-Z_.+-]*)
      | (?P<text>"(?:[^"\n\\]|\\.)*"|'(?:[^'\n\\]|\\.)*')
      | (?P<open>["'][^\n]*)
      | (?P<symbol>.)""",
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``, an ``end`` token last."""
    line, start = 1, 0
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "symbol", match.group()
        if kind != "space":
            yield Token(kind, found.rstrip("\r") if kind == "open" else found, line, match.start() - start + 1)
        breaks = found.count("\n")
        if breaks:
            line, start = line + breaks, match.start() + found.rindex("\n") + 1
    yield Token("end", "", line, len(text) - start + 1)


_UNQUOTED = re.compile(r"""[^\s,;{}<>\[\]"'#]+""")


class Walk:
    """One reading of ``text`` as ``descriptor``; ``positions`` fills up as it goes (field path to line and column).

    Fields that do not fit are passed over: ``misfits`` has what is wrong with them, ``spans`` the first token of each
    and the first behind it. ``again`` has the names of single values that are written once more, each with the line of
    the one before it. ``elsewhere`` says of field names that other generations have what to write instead.
    """

    def __init__(self, text: str, descriptor: Descriptor, elsewhere: Mapping[str, str]) -> None:
        self.text, self.root, self.elsewhere = text, descriptor, elsewhere
        self.tokens = list(tokens(text))
        self.place = 0
        self.positions: dict[str, tuple[int, int]] = {}
        self.counts: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.misfits: list[Misfit] = []
        self.spans: list[tuple[Token, Token]] = []
        self.again: list[tuple[Token, int]] = []
        self.in_list = False

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def run(self) -> None:
        """Read to the end. Raises Misfit where there is no telling any more what belongs to what."""
        self.fields(self.root, path="", closer="")

    def advance(self) -> Token:
        token = self.token
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def take(self, symbol: str) -> bool:
        if self.token.kind == "symbol" and self.token.text in symbol:
            self.advance()
            return True
        return False

    def fields(self, descriptor: Descriptor, *, path: str, closer: str) -> None:
        opened = self.token
        while not (closer and self.take(closer)):
            token = self.token
            if token.kind == "end":
                if not closer:
                    return
                owner = path.rpartition(".")[2]
                line, column = self.positions.get(path, (opened.line, opened.column))
                raise Structure(f'{owner} is never closed: a "{closer}" is missing', Token("end", "", line, column))
            if token.kind != "word":
                self.not_a_name()
            try:
                self.field(descriptor, path)
            except Structure:
                raise
            except Misfit as misfit:
                self.misfits.append(misfit)
                self.positions.pop(self.below(path, token.text), None)
                self.pass_over()
                self.spans.append((token, self.token))
            self.take(",;")

    def pass_over(self) -> None:
        """Go to the end of a field that does not fit, from where that was noticed."""
        while self.in_list and self.token.kind != "end":
            if self.advance().text == "]":
                self.in_list = False
        if self.starts_a_field():
            return  # its value is missing
        self.take(":")
        if self.starts_a_field() or self.token.text in ("}", ">") or self.token.kind == "end":
            return
        depth = 0
        while self.token.kind != "end":
            token = self.advance()
            if token.kind == "symbol":
                depth += (token.text in "{<[") - (token.text in "}>]")
            if depth <= 0:
                break
        while token.kind == "text" and self.token.kind == "text":
            token = self.advance()

    def rest(self) -> str:
        """The text with blanks in place of the fields that do not fit."""
        lines = self.text.split("\n")
        for first, behind in self.spans:
            for number in range(first.line, min(behind.line, len(lines)) + 1):
                line = lines[number - 1]
                start = first.column - 1 if number == first.line else 0
                end = behind.column - 1 if number == behind.line else len(line)
                lines[number - 1] = line[:start] + " " * (end - start) + line[end:]
        return "\n".join(lines)

    def starts_a_field(self) -> bool:
        """Whether the token is a name, by what stands behind it."""
        after = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        return self.token.kind == "word" and after.kind == "symbol" and after.text in ":{<"

    def not_a_name(self) -> NoReturn:
        token = self.token
        if token.kind == "symbol" and token.text in "}>":
            raise Structure(f'there is nothing to close here: one "{token.text}" too many', token)
        if token.kind == "open":
            raise Structure("a quotation mark is missing: this text has no end", token)
        hint = None
        if token.text == "/":
            hint = 'comments start with #; arithmetic works only inside a quoted list: "[1.0/3.0]"'
        raise Structure(f"a field name is expected here, not {token.shown}", token, hint)

    def field(self, descriptor: Descriptor, parent: str) -> None:
        name = self.advance()
        field = descriptor.fields_by_name.get(name.text)
        if field is None:
            raise self.unknown(descriptor, parent, name)
        path = self.below(parent, name.text)
        if path in self.positions and field.message_type is None and not values.repeated(field):
            self.again.append((name, self.positions[path][0]))
        self.positions.setdefault(path, (name.line, name.column))
        if field.message_type is not None:
            self.take(":")
        elif not self.take(":"):
            raise Misfit(f'{name.text} needs a ":" before its value', self.token)
        if values.repeated(field) and self.take("["):
            self.several(field, path, name)
        else:
            self.one(field, path, name)

    @staticmethod
    def below(parent: str, name: str) -> str:
        return f"{parent}.{name}" if parent else name

    def several(self, field: FieldDescriptor, path: str, name: Token) -> None:
        if self.take("]"):
            return
        while True:
            self.in_list = field.message_type is None
            self.one(field, path, name)
            if self.take("]"):
                self.in_list = False
                return
            if not self.take(","):
                raise Misfit(f'"," or "]" is expected in the list of {name.text}, not {self.token.shown}', self.token)

    def one(self, field: FieldDescriptor, path: str, name: Token) -> None:
        if values.repeated(field):
            index = self.counts.get(path, 0)
            self.counts[path] = index + 1
            path = f"{path}[{index}]"
            self.positions[path] = (name.line, name.column)
        if field.message_type is None:
            self.scalar(field, path, name)
            return
        opener = self.token
        if not self.take("{<"):
            raise Misfit(
                f'{name.text} takes fields in braces, "{{ ... }}", not {opener.shown}', opener, code=codes.VALUE
            )
        self.fields(field.message_type, path=path, closer=CLOSERS[opener.text])
        key = self.keys.pop(path, None)
        if key is not None:  # a map entry can be asked for by its key as well
            self.positions[f'{path.rpartition("[")[0]}["{key}"]'] = (name.line, name.column)

    def scalar(self, field: FieldDescriptor, path: str, name: Token) -> None:
        token = self.token
        if token.kind == "open":
            raise Misfit(f"the text of {name.text} has no closing quotation mark on its line", token)
        if not values.fits(field, token):
            token = self.without_quotes(token) if field.cpp_type == field.CPPTYPE_STRING else token
            what = f"{name.text} takes {values.expected(field)}, not {token.shown}"
            meant = None if token is self.token and self.starts_a_field() else values.correction(field, token)
            raise Misfit(what, token, values.advice(field, token), code=codes.VALUE, meant=meant or "")
        self.positions[path] = (name.line, name.column)
        text = self.advance().text[1:-1]
        while token.kind == "text" and self.token.kind == "text":
            text += self.advance().text[1:-1]  # adjacent texts are one
        if name.text == "key" and values.in_map_entry(field):
            self.keys[path.rpartition(".")[0]] = text

    def without_quotes(self, token: Token) -> Token:
        """All of a text that stands here without its quotes, such as a path, and go to the end of it; ``token`` where
        there is none."""
        row = self.text.split("\n")[token.line - 1] if token.kind in ("word", "number", "symbol") else ""
        found = _UNQUOTED.match(row, token.column - 1)
        if found is None or found.group() == token.text:
            return token
        if self.starts_a_field() and row[found.start() + len(token.text) + 1 : found.end()][:1] not in ("/", "\\"):
            return token  # its value is missing
        while self.token.line == token.line and self.token.column <= found.end() and self.token.kind != "end":
            self.advance()
        return Token("word", found.group(), token.line, token.column)

    def unknown(self, descriptor: Descriptor, parent: str, name: Token) -> Misfit:
        owner = re.sub(r"\[\d+\]$", "", parent.rpartition(".")[2]) or "the spec"
        what = f'{owner} has no field "{name.text}"'
        known = [field.name for field in descriptor.fields]
        homes = _homes(self.root, name.text)
        meant = values.did_you_mean(name.text, known) if values.nearer(name.text, known, at_home=bool(homes)) else None
        if meant:
            what = f"{what}; {meant}"
        elif homes:
            what = f"{what}; it belongs {_at(homes)}"
        if name.text in self.elsewhere:
            hint: str | None = f"{name.text} is {self.elsewhere[name.text]}"
        elif homes and meant:
            hint = f'"{name.text}" belongs {_at(homes)}'
        elif parent and "" in homes:
            hint = f'is the "}}" that closes {owner} missing before it?'
        else:
            hint = None if meant else f"fields of {owner}: {', '.join(sorted(known))}"
        section = self.root.fields_by_name.get(name.text) if parent else None
        kind = Structure if section is not None and section.message_type is not None else Misfit  # a "}" may be missing
        return kind(what, name, hint, code=codes.UNKNOWN, meant=self.meant(parent, name, known))

    def meant(self, parent: str, name: Token, known: list[str]) -> str:
        """The field that ``name`` is a slip of the pen for, where it is followed by a value and not written yet."""
        meant = values.surely(name.text, known)
        if meant is None or self.token.text not in (":", *CLOSERS) or self.below(parent, meant) in self.positions:
            return ""
        return meant


def _at(homes: list[str]) -> str:
    return values.choice([f"in {home}" if home else "at the top level" for home in homes])


def _homes(descriptor: Descriptor, name: str, path: str = "") -> list[str]:
    """Paths of the messages below ``descriptor`` that have a field of this name; the root's own path is empty."""
    found = [path] if name in descriptor.fields_by_name else []
    for field in descriptor.fields:
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            found += _homes(field.message_type, name, f"{path}.{field.name}" if path else field.name)
    return found
