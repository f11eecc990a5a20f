"""Where each <image> of a CVAT file begins and ends: one pass over the file, however large, a few bytes an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from converters.files.xml_tree import reporting
from tltpipe import inputs
from tltpipe.errors import DataError, Location

_BLOCK = 1 << 20
_DEEPEST = 32
_ENCODINGS = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))
SHAPES = frozenset(("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton", "tag"))
_META = ("label", "task")


class Entry(NamedTuple):
    """An <image>: its first byte, and the one behind its content or, where it has none, behind all of it; its line; its
    name and subset as the file has them.
    """

    start: int
    end: int
    line: int
    name: str
    subset: str


@dataclass(frozen=True)
class Index:
    """The images, and the classes: those of the labels that the file declares, then those that only shapes name."""

    entries: tuple[Entry, ...]
    classes: tuple[str, ...]


def index(path: Path) -> Index:
    """Read ``path``. Raises DataError for a file that is not CVAT's for images."""
    state = path.stat()
    return _index(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _index(path: Path, changed: int, size: int) -> Index:  # noqa: ARG001 - a file that changed is another
    scanner = _Scanner(path)
    try:
        with inputs.opened(path) as stream, reporting(scanner.parser, path):
            while block := stream.read(_BLOCK):
                scanner.parser.Parse(block, False)
            scanner.parser.Parse(b"", True)
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    declared, used = dict.fromkeys(scanner.labels), dict.fromkeys(scanner.used)
    return Index(tuple(scanner.with_subsets()), tuple(declared | used))


@dataclass
class _Scanner:
    """The handlers of the parser, and what they have seen."""

    path: Path
    entries: list[Entry] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    inside: list[dict[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    image: tuple[int, int, dict[str, str]] | None = None

    def __post_init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begin, self._end
        self.parser.XmlDeclHandler = self._declaration

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002
        if (encoding or "utf-8").lower() not in _ENCODINGS:
            raise DataError(f"the encoding {encoding!a} is not read", where=self.path, hint="save the file as UTF-8")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= _DEEPEST:
            raise self._error("elements are nested too deep")
        if not self.stack and name != "annotations":
            raise self._error(f"the file begins with <{name[:40]}>, not <annotations>")
        self.stack.append(name)
        if name == "image" and len(self.stack) == 2:
            self.image = self.parser.CurrentByteIndex, self.parser.CurrentLineNumber, attributes
        elif name == "track" and len(self.stack) == 2:
            what = "this is a CVAT file of a video: its tracks name frames, not images"
            raise self._error(what, "export the task as CVAT for images, with its images")
        elif self.image is not None and len(self.stack) == 3 and name in SHAPES:
            self.used[attributes.get("label", "")] = None
        elif self.stack[1:2] == ["meta"]:
            if name in _META:
                self.inside.append({})
            self.text = []
            self.parser.CharacterDataHandler = self.text.append

    def _end(self, name: str) -> None:
        if self.stack[1:2] == ["meta"]:
            self._of_meta(name)
        self.stack.pop()
        if self.image is not None and len(self.stack) == 1:
            start, line, attributes = self.image
            name, subset = attributes.get("name", ""), attributes.get("subset", "")
            self.entries.append(Entry(start, self.parser.CurrentByteIndex, line, name, subset))
            self.owners.append(attributes.get("task_id", ""))
            self.image = None

    def _of_meta(self, name: str) -> None:
        self.parser.CharacterDataHandler = None
        if name in _META and self.inside:
            held = self.inside.pop()
            if name == "label" and held.get("name") and "parent" not in held:
                self.labels.append(held["name"])
            if name == "task":
                self.tasks[held.get("id", "")] = held.get("subset", "")
        elif self.inside and self.stack[-2] in _META:
            self.inside[-1][name] = "".join(self.text).strip()
        self.text = []

    def with_subsets(self) -> list[Entry]:
        """The images, those that say none with the subset of their task."""
        alone = next(iter(self.tasks.values())) if len(self.tasks) == 1 else ""
        pairs = zip(self.entries, self.owners, strict=True)
        return [e if e.subset else e._replace(subset=self.tasks.get(owner, alone)) for e, owner in pairs]

    def _error(self, what: str, hint: str | None = None) -> DataError:
        where = Location(self.path, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)
        return DataError(what, where=where, hint=hint)
