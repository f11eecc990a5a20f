"""Specs in YAML, typed by frozen dataclasses: a section is a dataclass, its keys are the fields.

A folder of ``specs/`` whose specs are of this form has ``EXPERIMENT``, the dataclass of the whole spec, and rules about
what fits by itself and not together in its ``rules.py`` (``specs.rules``); where images have one size IMAGE_SIZE, the
fields with its width and height; where defaults depend on the length of the training, ``settled(message)`` has them as
numbers. Sections that several share are in ``specs.sections``.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specs import checks, codes, foreign, references, tuning, yaml_text, yaml_types
from specs.spec import Spec, Training
from specs.yaml_text import Scalar, Value
from tltpipe.errors import SpecError

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True)
class Reader:
    """Reads and writes the specs of one folder."""

    folder: ModuleType

    def parse_text(self, text: str, *, source: Path | str, strict: bool) -> Spec:
        """Raises SpecError: the first fault of the syntax, or all keys that are unknown and all values that do not
        fit."""
        spec, errors = self.walk(text, source=source, strict=strict)
        if spec is None or errors:
            raise checks.together(errors)
        return spec

    def walk(self, text: str, *, source: Path | str, strict: bool) -> tuple[Spec | None, list[SpecError]]:
        """The spec, None where something does not fit, and what does not. Raises SpecError for the syntax."""
        if strict:
            raise SpecError(
                "NVIDIA has no program for this network to be strict about", where=source, code=codes.STRICT
            )
        if not foreign.is_yaml(text):
            foreign.refuse(text, source)
        return _walk(self.folder.EXPERIMENT, text, source)

    def dump(self, spec: Spec) -> str:
        """With all defaults."""
        import yaml

        plain = dataclasses.asdict(
            spec.message, dict_factory=lambda pairs: {name: _plain(value) for name, value in pairs}
        )
        text = str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120))
        if "\x85" in text:  # a line break to YAML, which PyYAML writes as it is
            text = str(yaml.safe_dump(plain, sort_keys=False, width=120))
        return text

    def image_size(self, spec: Spec) -> tuple[int, int] | None:
        """None where each image has its own."""
        fields: tuple[str, str] | None = getattr(self.folder, "IMAGE_SIZE", None)
        return (checks.value_at(spec, fields[0]), checks.value_at(spec, fields[1])) if fields else None

    def recognises(self, text: str) -> int:
        """How many more keys of ``text`` are those of this folder's specs than are not; 0 for what is no YAML.

        A key with another choice than those there are counts as another network's key of the same name: TAO's
        ``backbone: resnet_50``.
        """
        kind = self.folder.EXPERIMENT
        try:
            written, errors = yaml_text.walk(text, yaml_types.known(kind), source="", most=checks.MOST_TOLD)
        except SpecError:
            return 0
        others = sum(_is_no_choice(value, yaml_types.type_at(kind, path)) for path, value in written.values.items())
        return len(written.values) - len(errors) - 2 * others


def training(spec: Spec) -> Training:
    """Of a spec with the section ``train`` (specs.sections)."""
    train = spec.message.train
    return Training(train.num_epochs, train.checkpoint_interval, train.num_iterations)


def more_epochs(before: Spec, now: Spec) -> int | None:
    """The number of epochs of ``before`` where ``now`` only asks for more of them."""
    epochs, asked = before.message.train.num_epochs, now.message.train.num_epochs
    longer = dataclasses.replace(before.message, train=dataclasses.replace(before.message.train, num_epochs=asked))
    return int(epochs) if asked > epochs and longer == now.message else None


def measuring(spec: Spec) -> tuple[str, ...]:
    """The sections that only say how the model is measured."""
    return tuple(name for name in ("evaluate", "inference", "export") if hasattr(spec.message, name))


def _walk(kind: Any, text: str, source: Path | str) -> tuple[Spec | None, list[SpecError]]:
    """The spec, None where something does not fit by itself, and all that does not."""
    written, errors = yaml_text.walk(text, yaml_types.known(kind), source=source)
    spec = Spec(None, source, yaml_text.positions(written), text=text)
    values, misfits = _filled(written.values, kind)
    errors += [
        SpecError(f"{_name(path)} {misfit}", where=spec.where(path), hint=misfit.hint, code=codes.REFERENCE)
        for path, misfit in misfits.items()
    ]
    message, faults = _validated(kind, yaml_types.nested(written.places, values, kind))
    # A misspelt key is missing, too, and what it refers to may have its own fault: one word about each is enough.
    wrong = {spec.where(path) for path in misfits}
    errors += [
        SpecError(what, where=spec.where(path), code=codes.MISSING if what.startswith("needs ") else codes.VALUE)
        for path, what in faults
        if spec.where(path) not in wrong and not (errors and what.startswith("needs "))
    ]
    if message is None:
        faulty = {path for path, _ in faults} | misfits.keys()
        return _rest(spec, kind, written.places, values, faulty), yaml_text.in_order(errors)
    return dataclasses.replace(spec, message=message), yaml_text.in_order(errors)


def _rest(
    spec: Spec, kind: Any, places: Mapping[str, Any], values: Mapping[str, Value], faulty: set[str]
) -> Spec | None:
    """``spec`` without its ``faulty`` keys, for rules to judge; None where it cannot do without them. Of sections with
    such keys it is not said what else is written: that may only make sense with them."""
    rest = {path: value for path, value in values.items() if faulty.isdisjoint(_above(path))}
    message, _ = _validated(kind, yaml_types.nested(places, rest, kind))
    if message is None:
        return None
    sections = {path.rpartition(".")[0] for path in faulty}
    positions = {path: place for path, place in spec.positions.items() if path.rpartition(".")[0] not in sections}
    return dataclasses.replace(spec, message=message, positions=positions)


def _above(path: str) -> Iterator[str]:
    """``path`` and what it lies in."""
    yield path
    for place, character in enumerate(path):
        if character in ".[":
            yield path[:place]


def _filled(written: Mapping[str, Value], kind: Any) -> tuple[dict[str, Value], dict[str, references.Misfit]]:
    """``written`` with its ``${key}`` filled in, and what is wrong with them."""
    given = references.Values({**_defaults(kind), **written})
    values: dict[str, Value] = {}
    misfits: dict[str, references.Misfit] = {}
    for path in written:
        try:
            values[path] = _present(given[path])
        except references.Misfit as misfit:
            misfits[path] = misfit
    return values, misfits


def _present(value: Value) -> Value:
    """Raises Misfit for OmegaConf's mark of a value that is to be filled in."""
    for scalar in value if isinstance(value, tuple) else (value,):
        if scalar.text in references.MISSING:
            raise references.Misfit(f"is to be filled in: {scalar.text}", "write the value in its place")
    return value


@cache
def _defaults(kind: Any) -> dict[str, Value]:
    """What the keys that are not written stand for, where a text can say it."""
    written: dict[str, Value] = {}
    for key in yaml_types.known(kind):
        value = None if "[]" in key else _default(kind, key)
        if value is not None and not isinstance(value, tuple):
            written[key] = Scalar(str(value).lower() if isinstance(value, bool) else str(value))
        elif value and not isinstance(value[0], tuple):
            written[key] = tuple(Scalar(str(part)) for part in value)
    return written


def _default(kind: Any, key: str) -> Any:
    """The default of a dotted key, None where there is none."""
    *sections, name = key.split(".")
    for section in sections:
        kind = yaml_types.type_at(kind, section)
    value = next(field.default for field in dataclasses.fields(kind) if field.name == name)
    return None if value is dataclasses.MISSING else value


def _is_no_choice(value: Value, hint: Any) -> bool:
    choices = {str(choice).lower() for choice in yaml_types.choices(hint)}
    return bool(choices) and isinstance(value, Scalar) and not value.null and value.text.lower() not in choices


def _validated(kind: Any, nested: Mapping[str, Any]) -> tuple[Any, list[tuple[str, str]]]:
    """An instance of ``kind``, or None and what does not fit, by path."""
    from pydantic import ValidationError

    try:
        return tuning.adapter(kind).validate_python(nested), []
    except ValidationError as refusal:
        return None, list(dict.fromkeys(_fault(error, kind) for error in refusal.errors(include_url=False)))


def _fault(error: Any, kind: Any) -> tuple[str, str]:
    path = ""
    for step in error["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    section, _, name = path.rpartition(".")
    if error["type"] == "missing" and isinstance(error["loc"][-1], int):
        path = path.rpartition("[")[0]
        needed = len(typing.get_args(yaml_types.type_at(kind, path)))
        return path, f"{_name(path)} needs {needed} entries, not {len(error['input'])}"
    if error["type"] == "missing":
        return path, f'needs "{name}"' + (f" in {section}" if section else "")
    if error["input"] is None:
        return path, f"{name} has no value"
    return path, tuning.in_words(error, name)


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return references.literal(value) if isinstance(value, str) else value
