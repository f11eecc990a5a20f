"""What ``tltpipe spec new`` has to know of a kind of spec: ``specs.<kind>.drafting``, else what holds for most."""

from __future__ import annotations

import importlib.util
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import specs
from tltpipe.errors import UsageError


class Drafting(Protocol):
    """The module-level names of ``specs.<kind>.drafting``."""

    @property
    def FORMATS(self) -> Mapping[str, str]:  # noqa: N802 (a module's constant)
        """The dialects that a spec can be written in, the usual one first, and the format of data each trains on."""
        ...

    def fit(
        self, boxes: Mapping[str, Any], split: str, classes: Mapping[str, Any], size: tuple[int, int]
    ) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Anchors for boxes, as ``converters.statistics.Fit``; nothing for a network without any to set."""
        ...

    def template(self, dialect: str) -> str: ...

    def backbone(self, text: str) -> Mapping[str, object]:
        """The settings that a backbone's name means: "resnet18". Raises UsageError."""
        ...

    def classes(self, names: Sequence[str]) -> list[str]:
        """``names`` of a data set as specs have them, in their order."""
        ...

    def fitted(self, anchors: Any) -> Mapping[str, object]:
        """The settings with these anchors."""
        ...

    def commented(self, text: str, dialect: str) -> str:
        """``text``, a rendered spec, with what each field is for."""
        ...


@dataclass(frozen=True)
class Usual:
    """For a kind in YAML, with one template and nothing of its own to say; a backbone is its setting of that name."""

    kind: str

    @property
    def FORMATS(self) -> Mapping[str, str]:  # noqa: N802 (a module's constant)
        return {"": specs.load(self.kind).DATA}

    def template(self, dialect: str) -> str:  # noqa: ARG002 (the protocol's signature)
        return str(specs.template(self.kind))

    def backbone(self, text: str) -> Mapping[str, object]:
        if not hasattr(specs.tunables(self.kind), "backbone"):
            raise UsageError(f"--arch has no effect: {self.kind} has no setting backbone", hint="leave it out")
        return {"backbone": text}

    def classes(self, names: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(names))

    def fit(
        self,
        boxes: Mapping[str, Any],  # noqa: ARG002
        split: str,  # noqa: ARG002
        classes: Mapping[str, Any],  # noqa: ARG002
        size: tuple[int, int],  # noqa: ARG002
    ) -> tuple[Mapping[str, Any], dict[str, Any]]:
        return {}, {}

    def fitted(self, anchors: Any) -> Mapping[str, object]:  # noqa: ARG002
        return {}

    def commented(self, text: str, dialect: str) -> str:  # noqa: ARG002
        """A kind that is read by a reader of its own has no dataclass to tell what its fields are for."""
        kind = getattr(specs.load(self.kind), "EXPERIMENT", None)
        return text if kind is None else _commented(text, kind)


def load(kind: str) -> Drafting:
    """Raises UsageError for an unknown kind."""
    name = f"{specs.load(kind).__name__}.drafting"
    own = importlib.util.find_spec(name) is not None
    return cast("Drafting", importlib.import_module(name)) if own else Usual(kind)


WIDTH = 120
_FIELD = re.compile(r"([ -]*)(\w+):(.*)")


def laid_out(lines: list[tuple[str, str]]) -> Iterator[str]:
    """Comments start in one column, past the longest line of those that are short."""
    column = max((len(line) for line, meaning in lines if meaning and len(line) <= 44), default=0) + 2
    for line, meaning in lines:
        beside = f"{line:<{column}}# {meaning}"
        if not meaning:
            yield line
        elif len(line) < column and len(beside) <= WIDTH:
            yield beside
        else:
            indent = line[: len(line) - len(line.lstrip())]
            yield from textwrap.wrap(meaning, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
            yield line


def _commented(text: str, kind: Any) -> str:
    """``text``, a spec of the dataclass ``kind``, with what each field is for behind it or above it."""
    from specs import tuning

    meanings = _meanings(tuning.json_schema(kind))
    lines: list[tuple[str, str]] = []
    sections: list[tuple[int, str]] = []
    for line in text.removesuffix("\n").split("\n"):
        match = _FIELD.match(line)
        while match and sections and sections[-1][0] >= len(match[1]):
            sections.pop()
        path = ".".join([name for _, name in sections] + [match[2]]) if match else ""
        if match and not match[3]:
            sections.append((len(match[1]), match[2]))
        lines.append((line, meanings.pop(path, "")))
    return "\n".join(laid_out(lines)) + "\n"


def _meanings(schema: Mapping[str, Any]) -> dict[str, str]:
    """What each field with a value is for, by dotted key."""

    def walk(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
        for name, told in section["properties"].items():
            entry = told.get("items", told)
            if "$ref" in entry:
                yield from walk(schema["$defs"][entry["$ref"].rpartition("/")[2]], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", " ".join(told.get("description", "").split())

    return dict(walk(schema, ""))
