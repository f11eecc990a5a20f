"""The contract both sides read: protobuf text in, text out.

A folder here (``ssd``, ``augment``, ``dataset_convert``) is one thing a spec is written for: its tunables, its
templates, what it checks. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import operator
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from specs.arithmetic import numbers
from specs.spec import Spec
from tltpipe.errors import Location, SpecError, UsageError

__all__ = [
    "Spec",
    "SpecError",
    "documentation",
    "dump",
    "folders",
    "image_size",
    "json_schema",
    "load",
    "making",
    "measuring",
    "more_epochs",
    "numbers",
    "parse",
    "parse_text",
    "recognise",
    "render",
    "shorthands",
    "size_settings",
    "tunables",
    "tunables_from",
]

Place = Location | Path | str | None


def parse(path: Path, message: str, *, strict: bool = False) -> Spec:
    """Read, parse and check a spec file; ``message`` is "AugmentorConfig", "DatasetExportConfig" or "Experiment".

    The dialect of an Experiment is told from the fields that the text uses. ``strict``, or a comment
    ``# tltpipe: strict-tlt`` in the file, wants NVIDIA's behaviour to the letter: what its programs refuse is refused.

    Raises SpecError with path, line and column: a file that cannot be read, a text that does not parse (the first
    problem), values that make no sense (all of them). Doubts that do not stop anything are in ``Spec.warnings``.
    """
    from specs import prototext

    return parse_text(prototext.read(path), message, source=path, strict=strict)


def parse_text(text: str, message: str, *, source: Path | str, strict: bool = False) -> Spec:
    """``parse`` for a text at hand; ``source`` is what errors call it."""
    from specs import checks, dialects, foreign, prototext

    if not text.strip():
        raise SpecError("the spec is empty", where=source)
    foreign.refuse(text, source)
    dialect, witness = dialects.choose(_folder_of(message), text)
    elsewhere: Mapping[str, str] = dialect.ELSEWHERE
    if witness is not None:
        why = f"this spec is one of {dialect.TITLE} by its {witness.text} in line {witness.line}"
        elsewhere = {name: f"{told}; {why}" for name, told in elsewhere.items()}
    spec = prototext.parse(text, dialects.message(dialect, message), source=source, elsewhere=elsewhere)
    spec = dataclasses.replace(spec, strict=strict or dialects.strict(text))
    spec = checks.judge(spec, [*checks.unknown_enum_numbers(spec), *dialect.check(spec)])
    return dataclasses.replace(spec, warnings=(*dialects.misread(text, source), *spec.warnings))


def recognise(text: str, *, source: Path | str) -> str:
    """The message that the fields in ``text`` belong to; ``source`` is what errors call it.

    Raises SpecError where that cannot be told.
    """
    from specs import dialects, foreign

    foreign.refuse(text, source)
    known = [load(name) for name in folders()]
    found = dialects.likely(known, text)
    if len(found) != 1:
        raise dialects.unplaced(known, text, source)
    return str(found[0].MESSAGE)


def render(folder: str, template: str, tunables: object, **variables: object) -> str:
    """Fill in ``specs/<folder>/<template>`` with the fields of ``tunables`` and with ``variables``, which win.

    Text is quoted, bools are lower case, lists become quoted text. Raises SpecError for a name the template needs
    and nobody gave. The caller parses the result: that is where values are checked.
    """
    from specs import templating

    return templating.render(folder, template, tunables, variables)


def image_size(spec: Spec) -> tuple[int, int] | None:
    """(width, height) that ``spec`` gives its images; None where it leaves them as they are, or says nothing of it."""
    from specs import dialects

    fields = dialects.named(_folder_of(spec.message.DESCRIPTOR.name), spec.dialect).IMAGE_SIZE
    if fields is None:
        return None
    width, height = (operator.attrgetter(field)(spec.message) for field in fields)
    return (width, height) if width and height else None


def size_settings(folder: str) -> tuple[str, str] | None:
    """The names of the tunables that hold the width and the height of the images, None where there are none."""
    names: tuple[str, str] | None = getattr(load(folder), "SIZE", None)
    return names


def shorthands(folder: str) -> Mapping[str, str]:
    """What options of commands call the settings of a network, and their names."""
    names: Mapping[str, str] = getattr(load(folder), "SHORTHANDS", {})
    return names


def measuring(spec: Spec) -> tuple[str, ...]:
    """The messages at the top of a training spec that only say how the model is measured."""
    found: tuple[str, ...] = getattr(_folder_of(spec.message.DESCRIPTOR.name), "measuring", lambda _: ())(spec)
    return found


def making(spec: Spec) -> tuple[str, ...]:
    """The fields at the top of a training spec that only say how weights come about, not what a model with them is."""
    found: tuple[str, ...] = getattr(_folder_of(spec.message.DESCRIPTOR.name), "MAKING", ())
    return found


def more_epochs(before: Any, now: Any) -> int | None:
    """The number of epochs of the training spec ``before`` if more of them are all that ``now`` asks for; else None."""
    rule = getattr(_folder_of(now.DESCRIPTOR.name), "more_epochs", None)
    epochs: int | None = rule(before, now) if rule else None
    return epochs


def dump(message: Any) -> str:
    """The message as text that ``parse_text`` reads back to an equal message."""
    from google.protobuf import text_format

    return str(text_format.MessageToString(message, as_utf8=True))


def folders() -> list[str]:
    """Names of the things specs are written for: the folders beside this file that hold templates."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg and module.name != "schema")


def load(folder: str) -> ModuleType:
    """The module of a folder: TUNABLES, MESSAGE, SIZE, and of its one dialect SCHEMA, ELSEWHERE, IMAGE_SIZE, check().

    Where there are more, DIALECTS names the modules in the folder that hold these. That of a network has SHORTHANDS,
    too: what options of commands call its settings. Raises UsageError for an unknown
    name.
    """
    known = folders()
    if folder not in known:
        from specs.values import did_you_mean

        hint = did_you_mean(folder, known) or f"known: {', '.join(known)}"
        raise UsageError(f'there are no specs for "{folder}"', hint=hint)
    return importlib.import_module(f"specs.{folder}")


def tunables(folder: str) -> type[Any]:
    """The frozen dataclass of a folder's tunables; its defaults are ours. Raises UsageError for an unknown name."""
    kind: type[Any] = load(folder).TUNABLES
    return kind


def tunables_from(folder: str, given: Mapping[str, object], *, where: Place | Callable[[str], Place] = None) -> Any:
    """The folder's tunables with ``given`` over the defaults; ``where`` is their place, or a function of the key.

    Raises ConfigError that names every key that does not exist (and the nearest that does) or does not fit.
    """
    from specs import tuning

    return tuning.build(folder, tunables(folder), given, where)


def documentation(folder: str) -> dict[str, str]:
    """What each tunable of a folder is for, by name."""
    from specs import tuning

    return tuning.documentation(tunables(folder))


def json_schema(folder: str) -> dict[str, Any]:
    """The JSON schema of a folder's tunables, for editors."""
    from specs import tuning

    return tuning.json_schema(tunables(folder))


@functools.cache
def _folder_of(message: str) -> ModuleType:
    """The folder whose specs are of this message."""
    for name in folders():
        module = load(name)
        if message == module.MESSAGE:
            return module
    raise LookupError(f"no folder of specs holds a {message}")
