"""The kinds of specs that there are: a folder of ``specs/`` each, with its reader and what it says of its specs."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from specs.data_sources import ClassField, DataSource, classes_in_sections, in_sections
from specs.spec import Spec
from tltpipe.errors import UsageError

_ROOMS = ("migration", "rules", "schema")
"""Folders that are no kind of spec."""


class Reader(Protocol):
    """What reads and writes the specs of a folder: ``specs.proto.Reader`` where it has a MESSAGE, that of
    ``specs.yaml_spec`` where it has an EXPERIMENT, else its own module.

    A text in YAML is of the kind whose reader knows it best.
    """

    def parse_text(self, text: str, *, source: Path | str, strict: bool) -> Spec:
        """Raises SpecError with ``source``, line and column."""
        ...

    def dump(self, spec: Spec) -> str:
        """A text that ``parse_text`` reads back to an equal message: what makes two trainings the same."""
        ...

    def image_size(self, spec: Spec) -> tuple[int, int] | None:
        """(width, height) of the images; None where they stay as they are."""
        ...

    def recognises(self, text: str) -> int:
        """How many more keys of the YAML ``text`` are those of its specs than are not; 0 or less where it is none."""
        ...


def folders() -> list[str]:
    """Names of the things specs are written for: the folders beside this file, but those that serve all kinds."""
    return list(_folders(tuple(importlib.import_module("specs").__path__)))


@cache
def _folders(places: tuple[str, ...]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(places) if module.ispkg and module.name not in _ROOMS)


def load(folder: str) -> ModuleType:
    """The module of a folder: TUNABLES and SIZE; that of a network has DATA ("tfrecords" or "coco": what the pipeline
    trains it on), ``training``, ``more_epochs`` and SHORTHANDS (what options of commands call its settings), too, and
    where they differ from a detector's RESULTS (``results``), ``named_after`` where weights' names tell something, and
    PER_CLASS where a model of each class can be trained from one of all.

    The template of a network that is trained on "coco" is given the fields of TUNABLES, and image_dir, json_file,
    val_image_dir, val_json_file (both None without a split to validate on) and classes.

    Where specs are messages of protobuf it has MESSAGE, and of its one dialect SCHEMA, ELSEWHERE, IMAGE_SIZE; where
    there are more, DIALECTS names the modules in the folder that hold these. Where they are YAML it has EXPERIMENT, the
    dataclass of the whole spec (``specs.yaml_spec``). Any other is a ``Reader`` itself. Rules are in its ``rules.py``
    or in modules whose names end in ``_rules`` (``specs.rules``).
    Raises UsageError for an unknown name.
    """
    known = folders()
    if folder not in known:
        from specs.values import did_you_mean

        hint = did_you_mean(folder, known) or f"known: {', '.join(known)}"
        raise UsageError(f'there are no specs for "{folder}"', hint=hint)
    return importlib.import_module(f"specs.{folder}")


def of_messages() -> dict[str, ModuleType]:
    """Those whose specs are messages of protobuf. Ones with templates in YAML alone are not loaded for it: it takes
    longer than all the rest of a check."""
    found = {}
    for name in folders():
        spec = importlib.util.find_spec(f"specs.{name}")
        places = spec.submodule_search_locations if spec is not None else None
        templates = [path.name for place in places or () for path in Path(place).glob("*.j2")]
        if not templates or not all(path.endswith(".yaml.j2") for path in templates):
            found[name] = load(name)
    return {name: module for name, module in found.items() if is_proto(module)}


def is_proto(module: ModuleType) -> bool:
    return hasattr(module, "MESSAGE")


def reader(kind: str) -> Reader:
    module: Any = load(kind)
    if is_proto(module):
        from specs import proto

        return proto.Reader(module)
    if hasattr(module, "EXPERIMENT"):
        from specs import yaml_spec

        return yaml_spec.Reader(module)
    reader: Reader = module
    return reader


def image_size(spec: Spec) -> tuple[int, int] | None:
    """(width, height) that ``spec`` gives its images; None where it leaves them as they are, or says nothing of it."""
    return reader(spec.kind).image_size(spec)


def settled_training(spec: Spec) -> Any:
    """The section ``train`` of a spec in YAML, defaults that follow from other values worked out where its folder has
    ``settled``; None where there is none."""
    settle: Callable[[Any], Any] | None = getattr(load(spec.kind), "settled", None) if spec.kind else None
    return settle(spec.message) if settle is not None else getattr(spec.message, "train", None)


def data_sources(spec: Spec) -> tuple[DataSource, ...]:
    """Where the data of ``spec`` lie: ``data_sources`` of its folder, else the sections that YAML specs share."""
    named: Callable[[Spec], Iterator[DataSource]] = getattr(load(spec.kind), "data_sources", in_sections)
    return tuple(named(spec))


def class_fields(spec: Spec) -> tuple[ClassField, ...]:
    """The classes of the data that ``spec`` trains, ``class_fields`` of its folder; none where it leaves them to the
    data, or trains nothing."""
    named: Callable[[Spec], Iterator[ClassField]] = getattr(load(spec.kind), "class_fields", classes_in_sections)
    return tuple(named(spec))
