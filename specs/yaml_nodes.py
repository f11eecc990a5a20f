"""The nodes of a YAML text, which carry their places: composed within bounds, never constructed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specs import codes
from specs.values import one_line
from tltpipe.errors import Location, SpecError

if TYPE_CHECKING:
    import yaml

DEEPEST = 50
MOST_NODES = 20_000

Place = Location | str

_INDENTED = "lines of one section start in the same column, those below it further to the right"
_HINTS = {
    "'\\t'": "indent with spaces: YAML takes no tabs",
    "that cannot start any token": "a text that starts with it needs quotes",
    "mapping values are not allowed": f'a text with ": " in it needs quotes; {_INDENTED}',
    "expected ':'": "write key: value, with a space after the colon",
    "expected <block end>": _INDENTED,
}
"""By words of the loader."""


def quoted(text: str, longest: int = 40) -> str:
    """``text`` as a message shows it: in quotes, on one line, not too long."""
    short = text if len(text) <= longest else text[: longest - 3] + "..."
    return f'"{one_line(short)}"'


def compose(text: str, place: Callable[[int, int], Place]) -> yaml.Node | None:
    """The nodes of ``text``, none where it is empty; ``place`` makes the place of a fault from line and column.

    The loader in Python, not libyaml's: its words are better, and it stops where it is told to. An alias is one more
    name of a node, so that a few lines of them stand for gigabytes only to whoever copies what they stand for.
    Raises SpecError at the first fault.
    """
    node, fault = _composed(text)
    if fault is not None:
        raise SpecError(fault.what, where=place(fault.line, fault.column), hint=fault.hint, code=codes.SYNTAX)
    return node


@dataclass(frozen=True)
class _Fault:
    """The first thing that is no YAML, with its place."""

    what: str
    line: int
    column: int
    hint: str | None = None


@functools.lru_cache(maxsize=4)
def _composed(text: str) -> tuple[yaml.Node | None, _Fault | None]:
    """``compose``, once for all kinds of spec that look at a text."""
    import yaml
    from yaml.reader import ReaderError

    try:
        loader = _loader()(text)
    except ReaderError as error:
        before = text[: error.position]
        told = f"the character {quoted(text[error.position])} has no place in YAML"
        return None, _Fault(told, before.count("\n") + 1, error.position - before.rfind("\n"))
    try:
        return loader.get_single_node(), None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        problem = _problem(error)
        hint = next((hint for words, hint in _HINTS.items() if words in problem), None)
        return None, _Fault(f"not YAML: {problem}", mark.line + 1, mark.column + 1, hint)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = loader.get_mark()
        return None, _Fault(f"not YAML: {str(error)[:200]}", mark.line + 1, mark.column + 1)


def bounded(text: str) -> yaml.Node | None:
    """The nodes of ``text``, for whoever makes values of them: as many as a person writes, aliases counted in full.

    Raises yaml.YAMLError, as yaml.compose does.
    """
    from yaml.composer import ComposerError

    node: yaml.Node | None = _loader()(text).get_single_node()
    if node is not None and _values(node, {}) > MOST_NODES:
        raise ComposerError(None, None, "its aliases stand for too many values", node.start_mark)
    return node


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values ``node`` stands for, written out without aliases; of one that holds itself, no end of them."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1
        inner = node.value if isinstance(node.value, list) else []
        parts = [part for each in inner for part in (each if isinstance(each, tuple) else (each,))]
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]


def _problem(error: yaml.MarkedYAMLError) -> str:
    """The loader's words, with what they leave to its second line."""
    told, context = error.problem or "", error.context or ""
    if not told or told.startswith(("but ", "second ")):
        told = f"{context}, {told}" if told else context
    start, end = error.context_mark, error.problem_mark
    if start is not None and end is not None and "scalar" in context and start.line != end.line:
        told += f" in the text that begins in line {start.line + 1}"
    return told[:200]


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml
    from yaml.composer import ComposerError

    class Bounded(yaml.SafeLoader):
        depth = count = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            self.depth, self.count = self.depth + 1, self.count + 1
            if self.depth > DEEPEST or self.count > MOST_NODES:
                what = "nested too deep" if self.depth > DEEPEST else "too many values for a spec"
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise ComposerError(None, None, what, mark)
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return Bounded
