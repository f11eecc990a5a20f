"""A spec file as read: its message, and where each field of it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tltpipe.errors import Location, SpecError


@dataclass(frozen=True)
class Spec:
    """``message`` is a protobuf message, the frozen dataclass of a kind in YAML, or a mapping of its values by dotted
    name (``specs.augment.tao5``); ``source`` the file as the user named it; ``warnings`` ready to show. ``kind`` is the
    folder of ``specs/`` that it belongs to: "ssd".

    A field path joins names with dots, ``ssd_config.scales``; an entry of a repeated field has its index,
    ``dataset_config.data_sources[0]``, an entry of a map its index in the file or its key,
    ``dataset_config.target_class_mapping["vest"]``.
    """

    message: Any
    source: Path | str
    positions: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    warnings: tuple[str, ...] = ()
    kind: str = ""
    dialect: str = ""
    """The generation whose fields the message has: ``tlt2``, ``tlt3``, ``tao5``."""
    strict: bool = False
    """Whether NVIDIA's behaviour is wanted to the letter, also where it is a bug (docs/strict.md)."""
    text: str = field(default="", repr=False, compare=False)
    """What was parsed."""
    overrides: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What to call the place of each field that the command line gives in place of the file, by its path."""

    def where(self, field_path: str) -> Location:
        """The place of this field; where it was not written, of the nearest message around it; else the file."""
        path = field_path
        while path:
            if path in self.overrides:
                return Location(self.overrides[path])
            if path in self.positions:
                return Location(self.source, *self.positions[path])
            path = _without_last_step(path)
        return Location(self.source)

    def error(self, field_path: str, what: str, *, hint: str | None = None) -> SpecError:
        """A SpecError about this field, for the caller to raise."""
        return SpecError(what, where=self.where(field_path), hint=hint)

    def is_set(self, field_path: str) -> bool:
        """Whether the field is written at all (proto3 cannot tell 0 from unset)."""
        return field_path in self.positions or field_path in self.overrides


@dataclass(frozen=True)
class Training:
    """What whoever starts a training needs to know of its spec: how long it is, and which epochs leave a checkpoint.

    With ``iterations`` above 0 it is so many long, and ``epochs`` counts nothing.
    """

    epochs: int
    checkpoint_interval: int
    iterations: int = 0


def generic(path: str) -> str:
    """A field path without indices and keys, as tables of fields have it."""
    return _INDEX.sub("", path)


_INDEX = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
_LAST_STEP = re.compile(r'(?:\.\w+|\[\d+\]|\["(?:[^"\\]|\\.)*"\]|^\w+)$')


def _without_last_step(path: str) -> str:
    return _LAST_STEP.sub("", path) if _LAST_STEP.search(path) else ""
