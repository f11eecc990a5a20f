"""YAML specs and ``key=value`` overrides: known keys in, what was written for each and where; nothing is constructed.

A spec is read as text with places. What a text means, its key decides (``3`` is a number, or the name of a folder).
Keys are dotted; ``[]`` ends the name of one that holds a list of sections, or of lists: ``dataset.sources[].path``.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from specs import codes, prototext, values
from specs.checks import together
from specs.values import did_you_mean
from specs.yaml_nodes import Place, compose, quoted
from tltpipe.errors import Location, SpecError

if TYPE_CHECKING:
    import yaml

LARGEST = 1 << 20
"""Bytes of a file."""
MOST_WRONG = 1000
"""Errors about the keys of a file."""
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset({f"{_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")})


@dataclass(frozen=True)
class Scalar:
    """One value as written, without its quotes; ``null`` is YAML's nothing."""

    text: str
    null: bool = False


Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True)
class Written:
    """Values and places by dotted key, entries of lists by their index; sections and such entries have places, too."""

    values: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


def positions(written: Written) -> dict[str, tuple[int, int]]:
    """Line and column of all that is written in the file."""
    return {
        path: (place.line or 1, place.column or 1)
        for path, place in written.places.items()
        if isinstance(place, Location)
    }


def read(path: Path) -> str:
    """The text of a YAML file. Raises SpecError: missing, no file, too large, not UTF-8."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return prototext.read(path)  # which says what is wrong
    if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):
        raise SpecError("this is not an ordinary file", where=path)
    if facts.st_size > LARGEST:
        raise SpecError(f"{facts.st_size:,} bytes are too many for a spec", where=path, hint="is it another file?")
    return prototext.read(path).removeprefix("\N{BYTE ORDER MARK}")


def parse(text: str, known: Collection[str], *, source: Path | str) -> Written:
    """What ``text`` says about the ``known`` dotted keys.

    Raises SpecError with line and column: the first fault of the syntax, or every key that is unknown, written twice
    or has the wrong form of value.
    """
    written, errors = walk(text, known, source=source)
    if errors:
        raise together(errors)
    return written


def walk(
    text: str, known: Collection[str], *, source: Path | str, most: int = MOST_WRONG
) -> tuple[Written, list[SpecError]]:
    """``parse`` that hands over what is wrong with ``most`` keys, beside what is right. Raises SpecError for the syntax
    only."""
    top = compose(text, lambda line, column: Location(source, line, column))
    written = Written()
    if top is None:
        return written, []
    walking = _Walk(known, source, written).section(top, "", Location(source, 1, 1))
    return written, list(islice(walking, most))


def in_order(errors: Iterable[SpecError]) -> list[SpecError]:
    """By their places in the file; those of overrides come after it."""

    def place(error: SpecError) -> tuple[bool, int, int]:
        where = error.where
        return (False, where.line or 0, where.column or 0) if isinstance(where, Location) else (True, 0, 0)

    return sorted(errors, key=place)


def override(text: str, known: Collection[str], *, texts: Collection[str]) -> tuple[str, Value, str]:
    """``key=value`` of a command line: the key, the value, and what to call the place.

    Keys among ``texts`` take the value as it stands, quotes apart: a path may hold ``#`` and ``: ``.
    Raises SpecError.
    """
    where = f"override {quoted(text, 200)}"
    dotted, equals, value = text.partition("=")
    dotted = dotted.strip().removeprefix("++")
    if not equals or not dotted:
        raise SpecError("this is not key=value", where=where, hint="for example data.output_image_width=288")
    if dotted[0] in "+~":
        raise SpecError(f'"{dotted[0]}" is not read here', where=where, hint="write key=value; any key can be set")
    if dotted not in known:
        raise _not_a_key(dotted, known, where)
    if dotted in texts and value.strip()[:1] not in ("'", '"'):
        return dotted, Scalar(value.strip(), null=value.strip().lower() == "null"), where
    node = compose(value, lambda _line, _column: where)
    fault = "" if node is None else _misfit(node)
    if fault:
        raise SpecError(f"{dotted} {fault}", where=where)
    return dotted, _value(node), where


def value(text: str) -> Value:
    """A value that we have written ourselves."""
    return _value(compose(text, lambda _line, _column: text))


class _Walk:
    """Down the nodes as far as keys are known: what an alias stands for is looked at, and never copied."""

    def __init__(self, known: Collection[str], source: Path | str, written: Written) -> None:
        self.known, self.source, self.written = known, source, written
        self.sections = _sections(known)

    def section(self, node: yaml.Node, path: str, where: Location) -> Iterator[SpecError]:
        import yaml

        if _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode) or node.tag != f"{_TAG}map":
            told = f"{path or 'a spec'} must hold keys and values"
            yield SpecError(told, where=where, hint=_keys_of(path, self.known), code=codes.VALUE)
            return
        for key, below in node.value:
            yield from self.entry(key, below, path)

    def entry(self, key: yaml.Node, below: yaml.Node, path: str) -> Iterator[SpecError]:
        import yaml

        where = Location(self.source, key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            yield SpecError("a key must be a single word", where=where, code=codes.UNKNOWN)
            return
        dotted = f"{path}.{key.value}" if path else key.value
        earlier = self.written.places.get(dotted)
        if key.tag == f"{_TAG}merge":
            hint = "write out the keys that it stands for"
            yield SpecError('"<<" is not read here', where=where, hint=hint, code=codes.UNKNOWN)
        elif "." in key.value or "[" in key.value or not self.has(dotted):
            yield _unknown(key.value, path, self.known, where)
        elif isinstance(earlier, Location):
            yield SpecError(f"{dotted} is written twice, first in line {earlier.line}", where=where, code=codes.TWICE)
        else:
            yield from self.below(below, dotted, key.value, where)

    def has(self, dotted: str) -> bool:
        generic = _generic(dotted)
        return not {generic, f"{generic}[]"}.isdisjoint(self.known) or not {generic, f"{generic}[]"}.isdisjoint(
            self.sections
        )

    def below(self, node: yaml.Node, path: str, name: str, where: Location) -> Iterator[SpecError]:
        """What ``node``, the value of ``path``, says."""
        self.written.places[path] = where
        generic = _generic(path)
        if generic in self.sections:
            yield from self.section(node, path, where)
        elif f"{generic}[]" in self.sections or f"{generic}[]" in self.known:
            yield from self.entries(node, path, name, where)
        elif fault := _misfit(node):
            yield SpecError(f"{name} {fault}", where=where, code=codes.VALUE)
        else:
            self.written.values[path] = _value(node)

    def entries(self, node: yaml.Node, path: str, name: str, where: Location) -> Iterator[SpecError]:
        """A list of sections, or of lists."""
        import yaml

        if _is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode) or node.tag != f"{_TAG}seq":
            parts = "sections" if f"{_generic(path)}[]" in self.sections else "lists"
            hint = '"- " begins an entry of a list'
            yield SpecError(f"{name} takes a list of {parts}", where=where, hint=hint, code=codes.VALUE)
            return
        for index, part in enumerate(node.value):
            place = Location(self.source, part.start_mark.line + 1, part.start_mark.column + 1)
            yield from self.below(part, f"{path}[{index}]", f"{name}[{index}]", place)


def _misfit(node: yaml.Node) -> str:
    """Why ``node`` is neither a value nor a list of values, or ""."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        return "takes a value or a list, not keys and values"
    parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(part, yaml.ScalarNode) for part in parts):
        return "takes a list of plain values, not lists of lists"
    strange = next((str(part.tag) for part in (node, *parts) if part.tag not in (*_PLAIN, f"{_TAG}seq")), None)
    told = strange.replace(_TAG, "!!") if strange else ""
    return f"has the tag {quoted(told)}, which means nothing here" if strange else ""


def _value(node: yaml.Node | None) -> Value:
    """What a node without ``_misfit`` says."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return tuple(Scalar(part.value, null=_is_null(part)) for part in node.value)
    return Scalar(node.value, null=_is_null(node)) if node is not None else Scalar("", null=True)


def _generic(path: str) -> str:
    """The known key that ``path`` is one of: without the numbers of its entries."""
    return re.sub(r"\[\d+\]", "[]", path)


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == f"{_TAG}null")


def _not_a_key(dotted: str, known: Collection[str], where: str) -> SpecError:
    """What is wrong with the key of an override."""
    sections, path = _sections(known), ""
    for name in dotted.split("."):
        above, path = path, f"{path}.{name}" if path else name
        if path in known:
            return SpecError(f"{path} is one value, there are no keys below it", where=where)
        if path not in sections:
            return _unknown(name, above, known, where)
    return SpecError(f"{dotted} has keys of its own below it", where=where, hint=_keys_of(dotted, known))


def _unknown(name: str, section: str, known: Collection[str], where: Place) -> SpecError:
    told = f"{section or 'the spec'} has no key {quoted(name)}"
    section = _generic(section)
    prefix = f"{section}." if section else ""
    siblings = _names(section, known)
    elsewhere = next((key for key in known if f".{name}." in f".{key}.".replace("[]", "")), None)
    if "." in name and (name in known or f"{prefix}{name}" in known):  # written as one key with dots in it
        hint = "a dot is one level down: write the sections as lines of their own"
        return SpecError(told, where=where, hint=hint, code=codes.UNKNOWN)
    meant, surely = did_you_mean(name[:100], siblings), values.surely(name[:100], siblings)
    if meant is not None and values.nearer(name[:100], siblings, at_home=elsewhere is not None):
        instead = (name, surely) if surely else None
        return SpecError(f"{told}; {meant}", where=where, code=codes.UNKNOWN, instead=instead)
    if elsewhere is not None:
        home = f".{elsewhere}.".replace("[]", "").partition(f".{name}.")[0].removeprefix(".")
        meant = f"it belongs in {home}" if home else "it belongs at the top, in no section"
    what = f"{told}; {meant}" if meant else told
    return SpecError(what, where=where, hint=_keys_of(section, known), code=codes.UNKNOWN)


def _sections(known: Collection[str]) -> set[str]:
    """``a.b.c`` is in ``a`` and in ``a.b``."""
    return {key[:place] for key in known for place, character in enumerate(key) if character == "."}


def _names(section: str, known: Collection[str]) -> list[str]:
    prefix = f"{section}." if section else ""
    below = (key.removeprefix(prefix).partition(".")[0] for key in known if key.startswith(prefix))
    return list(dict.fromkeys(name.removesuffix("[]") for name in below))


def _keys_of(section: str, known: Collection[str]) -> str:
    return f"keys of {section or 'a spec'}: {', '.join(_names(_generic(section), known))}"
