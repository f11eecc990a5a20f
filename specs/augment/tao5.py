"""The YAML spec of TAO 5 and 6 (``tao dataset augmentation generate -e SPEC.yaml key=value``).

Read as OmegaConf would fill in NVIDIA's structured config: defaults, then the file, then overrides, then ``${key}``.
The message of such a spec has the values of all keys (``tao5_keys.KEYS``) by dotted name, paths as written. Parameters
are drawn for each sample: () is 0, one value itself, two any number from the first to the second, three and more one of
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from specs import checks, foreign, references, templating, yaml_text
from specs.augment import FLAT, flattens
from specs.augment.tao5_keys import KEYS, TEXTS
from specs.checks import Finding, together, warn
from specs.spec import Spec
from specs.yaml_nodes import quoted
from specs.yaml_text import Written
from tltpipe.errors import SpecError

DIALECT = "tao5"
_PROTO_TEXT = re.compile(r"^[ \t]*(spatial|color|blur|dataset)_config[ \t]*(:[ \t]*)?[{<]", re.MULTILINE)
_TOP = re.compile(r"^\ufeff?[\"']?(\w+)[\"']?[ \t]*:", re.MULTILINE)
_SECTIONS = frozenset(key.split(".")[0] for key in KEYS if "." in key)
_ANGLE, _UNITS = "spatial_aug.rotation.angle", "spatial_aug.rotation.units"
_REFINE = "spatial_aug.rotation.refine_box"
_SATURATION = "color_aug.saturation.saturation_shift"
_SHEARS = ("spatial_aug.shear.shear_ratio_x", "spatial_aug.shear.shear_ratio_y")
_SIDES = ("data.output_image_width", "data.output_image_height")


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


def parse_text(text: str, *, source: Path | str, strict: bool) -> Spec:  # noqa: ARG001 (a reader's signature)
    """As ``specs.parse_text``."""
    return parse(text, source=source)


def dump(spec: Spec) -> str:
    return _document({key: templating.yaml_literal(value) for key, value in spec.message.items()})


def image_size(spec: Spec) -> tuple[int, int] | None:
    """Width and height in pixels, None for every picture's own."""
    width, height = (spec.message[side] for side in _SIDES)
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
    try:
        written = yaml_text.parse(text, KEYS, source=source)
    except SpecError as error:
        if _PROTO_TEXT.search(text):
            error.hint = "this looks like the spec of TLT or TAO 3 and 4 (proto-text), which is read otherwise"
        foreign.refuse(text, source)
        raise
    places: dict[str, str] = {}
    for override in overrides:
        key, value, place = yaml_text.override(override, KEYS, texts=TEXTS)
        written.values[key], places[key] = value, place
    positions = yaml_text.positions(written)
    spec = Spec(None, source, positions, kind="augment", dialect=DIALECT, text=text, overrides=places)
    spec = replace(spec, message=_values(written, spec))
    return checks.judge(spec, check(spec))


def write_default() -> str:
    """All keys with their defaults, a comment each; ``read`` takes it once image_dir and ann_path are filled in."""
    return (
        "# Augmentation of detection data. Lists are drawn from for each picture: [] is 0, [a] is a,\n"
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


def _values(written: Written, spec: Spec) -> dict[str, Any]:
    """What every key is set to. Raises SpecError with all that does not fit."""
    defaults = {name: yaml_text.value(key.default) for name, key in KEYS.items()}
    given, errors = references.Values(defaults | written.values), dict[str, SpecError]()
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            values[name] = key.takes(given[name])
        except references.Misfit as misfit:
            called = name.rpartition(".")[2] if name in written.values else name
            errors[name] = spec.error(name, f"{called} {misfit}", hint=misfit.hint)
    if errors:
        in_file = yaml_text.in_order(error for name, error in errors.items() if name not in spec.overrides)
        raise together([*in_file, *(error for name, error in errors.items() if name in spec.overrides)])
    return values


def check(spec: Spec) -> Iterator[Finding]:
    """Values that fit by themselves and not together, and what deserves a word."""
    yield from _contradictions(spec)
    yield from _doubts(spec)


def _contradictions(spec: Spec) -> Iterator[Finding]:
    values = spec.message
    if bool(values[_SIDES[0]]) != bool(values[_SIDES[1]]):
        missing, other = sorted(_SIDES, key=lambda side: bool(values[side]))
        what = f"{missing} is missing or 0 while the other side is {values[other]}: give both, or neither"
        yield Finding(missing if spec.is_set(missing) else other, what)
    if any(flattens(x, y) for x, y in product(*(_certain(values[key]) for key in _SHEARS))):
        yield Finding(_SHEARS[1], FLAT)
    if values[f"{_REFINE}.enabled"] and values["data.dataset_type"] == "kitti" and not values[f"{_REFINE}.gt_cache"]:
        what = "refine_box needs gt_cache, a COCO JSON with the masks of the same pictures"
        yield Finding(f"{_REFINE}.enabled", what)


def _certain(drawn: tuple[float, ...]) -> tuple[float, ...]:
    """The values that a parameter is sure to have in some picture; within a range none is."""
    return () if len(drawn) == 2 and drawn[0] != drawn[1] else drawn


def _doubts(spec: Spec) -> Iterator[Finding]:
    values = spec.message
    for name, key in KEYS.items():
        if not key.effect and values[name] != key.takes(yaml_text.value(key.default)):
            yield warn(name, f"{name.rpartition('.')[2]} is read but has no effect")
    results, unused, units = values["results_dir"], values["data.output_dataset"], values[_UNITS]
    if results and unused and results != unused:
        yield warn("data.output_dataset", "output_dataset is not used: results_dir is written, and counts")
    if any(values[_ANGLE]) and units not in ("degrees", "radians"):
        what = f"units is {quoted(units)}: degrees are meant, as by every text other than"
        yield warn(_UNITS, f'{what} "radians"')
    if not values[_SATURATION]:
        yield warn(_SATURATION, "saturation_shift is an empty list, which is 0: the pictures come out grey")
    if values[f"{_REFINE}.gt_cache"] and not values[f"{_REFINE}.enabled"]:
        yield warn(f"{_REFINE}.gt_cache", "gt_cache is not used: refine_box is not enabled")
