"""The YAML spec of TAO 5 and 6 (``tao dataset augmentation generate -e SPEC.yaml key=value``).

Read as OmegaConf would fill in NVIDIA's structured config: defaults, then the file, then overrides, then ``${key}``.
The message of such a spec has the values of all keys (``tao5_keys.KEYS``) by dotted name, paths as written. Parameters
are drawn for each sample: () is 0, one value itself, two any number from the first to the second, three and more one of
them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from specs import checks, codes, foreign, references, rules, templating, yaml_text
from specs.augment.tao5_keys import KEYS, TEXTS
from specs.spec import Spec
from specs.yaml_text import Written
from tltpipe.errors import SpecError

DIALECT = "tao5"
_PROTO_TEXT = re.compile(r"^[ \t]*(spatial|color|blur|dataset)_config[ \t]*(:[ \t]*)?[{<]", re.MULTILINE)
_TOP = re.compile(r"^\ufeff?[\"']?(\w+)[\"']?[ \t]*:", re.MULTILINE)
_SECTIONS = frozenset(key.split(".")[0] for key in KEYS if "." in key)
SIDES = ("data.output_image_width", "data.output_image_height")


def recognises(text: str) -> int:
    """How many more keys of ``text`` are those of this spec than are not; 0 or less where it is none.

    One that is more wrong than right is known by its sections.
    """
    top = set(_TOP.findall(text))
    if _PROTO_TEXT.search(text) or top.isdisjoint(_SECTIONS):
        return 0
    by_sections = int(top <= {key.split(".")[0] for key in KEYS} and not foreign.is_foreign(text))
    try:
        written, errors = yaml_text.walk(text, KEYS, source="")
    except SpecError:
        return by_sections
    return max(len(written.values) - len(errors), by_sections)


def walk(text: str, overrides: Sequence[str] = (), *, source: Path | str) -> tuple[Spec | None, list[SpecError]]:
    """The spec, None where something does not fit by itself, and what does not. Raises SpecError for the syntax, a spec
    of another network, and an override that is none."""
    try:
        written, errors = yaml_text.walk(text, KEYS, source=source)
    except SpecError as error:
        errors = [error]
        if not _PROTO_TEXT.search(text):
            raise
    if errors and _PROTO_TEXT.search(text):
        hint = "this looks like the spec of TLT or TAO 3 and 4 (proto-text), which is read otherwise"
        errors[0].hint = hint
        return None, errors
    if errors:
        foreign.refuse(text, source)
    places: dict[str, str] = {}
    for override in overrides:
        key, value, place = yaml_text.override(override, KEYS, texts=TEXTS)
        written.values[key], places[key] = value, place
    positions = yaml_text.positions(written)
    spec = Spec(None, source, positions, kind="augment", dialect=DIALECT, overrides=places, text=text)
    values, misfits = _values(written, spec)
    faulty = frozenset(misfits)
    if errors:  # what is missing may be what is misspelt
        misfits = {key: error for key, error in misfits.items() if spec.is_set(key)}
    if errors or misfits:
        in_file = [error for key, error in misfits.items() if key not in places]
        told = [*yaml_text.in_order([*errors, *in_file]), *(misfits[key] for key in misfits if key in places)]
        return _rest(spec, values, faulty), told
    return replace(spec, message=values), []


def _rest(spec: Spec, values: Mapping[str, Any], faulty: Collection[str]) -> Spec | None:
    """``spec`` with defaults in place of ``faulty`` keys, for rules to judge; None where there are none. Of sections
    with such keys it is not said what else is written."""
    defaults = {}
    for key in faulty:
        try:
            defaults[key] = KEYS[key].takes(yaml_text.value(KEYS[key].default))
        except references.Misfit:
            return None
    sections = {key.rpartition(".")[0] for key in faulty}
    positions = {path: place for path, place in spec.positions.items() if path.rpartition(".")[0] not in sections}
    return replace(spec, message={key: defaults.get(key, values.get(key)) for key in KEYS}, positions=positions)


def dump(spec: Spec) -> str:
    return _document({key: templating.yaml_literal(value) for key, value in spec.message.items()})


def image_size(spec: Spec) -> tuple[int, int] | None:
    """Width and height in pixels, None for every picture's own."""
    width, height = (spec.message[side] for side in SIDES)
    return (width, height) if width and height else None


def output(spec: Spec) -> str:
    """Where to write to, "" where nothing says it."""
    return str(spec.message["results_dir"] or spec.message["data.output_dataset"])


def read(path: Path, overrides: Sequence[str] = ()) -> Spec:
    """The spec file at ``path`` with ``key=value`` overrides over it; the last of two for one key counts.

    Raises SpecError with path, line and column, or the override: a file that cannot be read, the first fault in the
    syntax, or all unknown keys, or all values that do not fit.
    """
    return parse(yaml_text.read(path), overrides, source=path)


def parse(text: str, overrides: Sequence[str] = (), *, source: Path | str) -> Spec:
    """``read`` for a text at hand; ``source`` is what errors call it."""
    spec, errors = walk(text, overrides, source=source)
    if spec is None or errors:
        raise checks.together(errors)
    return rules.judge(spec)


def write_default() -> str:
    """All keys with their defaults, a comment each; ``read`` takes it once image_dir and ann_path are filled in."""
    return (
        "# Augmentation of detection data. Lists are drawn from for each image: [] is 0, [a] is a,\n"
        "# [a, b] any number from a to b, three or more are a choice.\n"
    ) + _document({name: f"{key.default}  # {key.about}" for name, key in KEYS.items()})


def _document(values: Mapping[str, str]) -> str:
    """YAML with these ``values``, as they are written, by dotted key; those of a section follow one another."""
    lines: list[str] = []
    above: list[str] = []
    for dotted, value in values.items():
        *sections, name = dotted.split(".")
        common = next((i for i, (a, b) in enumerate(zip(above, sections, strict=False)) if a != b), len(above))
        lines += [f"{'  ' * depth}{sections[depth]}:" for depth in range(min(common, len(sections)), len(sections))]
        lines.append(f"{'  ' * len(sections)}{name}: {value}")
        above = sections
    return "\n".join(lines) + "\n"


def _values(written: Written, spec: Spec) -> tuple[dict[str, Any], dict[str, SpecError]]:
    """What every key is set to, and by key all that does not fit."""
    defaults = {name: yaml_text.value(key.default) for name, key in KEYS.items()}
    given, errors = references.Values(defaults | written.values), dict[str, SpecError]()
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            values[name] = key.takes(given[name])
        except references.Misfit as misfit:
            called = name.rpartition(".")[2] if name in written.values else name
            what, where = f"{called} {misfit}", spec.where(name)
            errors[name] = SpecError(what, where=where, hint=misfit.hint, code=codes.VALUE)
    return values, errors
