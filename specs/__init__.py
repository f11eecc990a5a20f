"""The contract both sides read: protobuf text in, text out.

A folder here (``ssd``, ``augment``, ``dataset_convert``) is one thing a spec is written for: its tunables, its
templates, what it checks. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from specs.arithmetic import numbers
from specs.spec import Spec
from tltpipe.errors import SpecError

__all__ = ["Spec", "SpecError", "dump", "folders", "load", "numbers", "parse", "parse_text"]


def parse(path: Path, message: str) -> Spec:
    """Read, parse and check a spec file; ``message`` is "AugmentorConfig", "DatasetExportConfig" or "Experiment".

    Raises SpecError with path, line and column: a file that cannot be read, a text that does not parse (the first
    problem), values that make no sense (all of them). Doubts that do not stop anything are in ``Spec.warnings``.
    """
    from specs import prototext

    return parse_text(prototext.read(path), message, source=path)


def parse_text(text: str, message: str, *, source: Path | str) -> Spec:
    """``parse`` for a text at hand; ``source`` is what errors call it."""
    from specs import checks, prototext

    folder = _folder_of(message)
    schema = importlib.import_module(folder.SCHEMA)
    if not text.strip():
        raise SpecError("the spec is empty", where=source)
    spec = prototext.parse(text, getattr(schema, message)(), source=source)
    return checks.judge(spec, [*checks.unknown_enum_numbers(spec), *folder.check(spec)])


def dump(message: Any) -> str:
    """The message as text that ``parse_text`` reads back to an equal message."""
    from google.protobuf import text_format

    return str(text_format.MessageToString(message, as_utf8=True))


def folders() -> list[str]:
    """Names of the things specs are written for: the folders beside this file that hold templates."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg and module.name != "schema")


def load(folder: str) -> ModuleType:
    """The module of a folder: TUNABLES, MESSAGE, SCHEMA and check(). Raises UsageError for an unknown name."""
    from tltpipe import registry

    return registry.load("specs", folder)


@functools.cache
def _folder_of(message: str) -> ModuleType:
    """The folder whose specs are of this message."""
    for name in folders():
        module = load(name)
        if module.MESSAGE == message:
            return module
    raise LookupError(f"no folder of specs holds a {message}")
