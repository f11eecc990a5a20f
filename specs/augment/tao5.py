"""The YAML spec of TAO 5 and 6 (``tao dataset augmentation generate -e SPEC.yaml key=value``).

Read as OmegaConf would fill in NVIDIA's structured config: defaults, then the file, then overrides, then ``${key}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from specs import foreign, references, yaml_text
from specs.augment import FLAT, flattens
from specs.augment.tao5_keys import KEYS, TEXTS
from specs.checks import together
from specs.yaml_nodes import Place, quoted
from specs.yaml_text import Written
from tltpipe.errors import Location, SpecError

_PROTO_TEXT = re.compile(r"^[ \t]*(spatial|color|blur|dataset)_config[ \t]*(:[ \t]*)?[{<]", re.MULTILINE)
_ANGLE, _UNITS = "spatial_aug.rotation.angle", "spatial_aug.rotation.units"
_REFINE = "spatial_aug.rotation.refine_box"
_SATURATION = "color_aug.saturation.saturation_shift"
_SHEARS = ("spatial_aug.shear.shear_ratio_x", "spatial_aug.shear.shear_ratio_y")
_SIDES = ("data.output_image_width", "data.output_image_height")


@dataclass(frozen=True)
class Tao5Spec:
    """``values`` has those of all keys (``tao5_keys.KEYS``) by dotted name, paths as written. Parameters are drawn for
    each sample: () is 0, one value itself, two any number from the first to the second, three and more one of them.
    ``warnings`` are ready to show, each with its place."""

    source: Path | str
    values: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)
    """Of every key and section that is written, by dotted name."""

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def output(self) -> str:
        """Where to write to, "" where nothing says it."""
        return str(self["results_dir"] or self["data.output_dataset"])

    @property
    def output_size(self) -> tuple[int, int] | None:
        """Width and height in pixels, None for every picture's own."""
        width, height = (self[side] for side in _SIDES)
        return (width, height) if width and height else None

    def where(self, key: str) -> Place:
        """The place of this dotted key (``data.ann_path``), of the nearest section around it, or the file."""
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places[key] if key else Location(self.source)

    def error(self, key: str, what: str, *, hint: str | None = None) -> SpecError:
        """A SpecError about this dotted key, for the caller to raise."""
        return SpecError(what, where=self.where(key), hint=hint)


def read(path: Path, overrides: Sequence[str] = ()) -> Tao5Spec:
    """The spec file at ``path`` with ``key=value`` overrides over it; the last of two for one key counts.

    Raises SpecError with path, line and column, or the override: a file that cannot be read, the first fault in the
    syntax, or all unknown keys, or all values that do not fit.
    """
    return parse(yaml_text.read(path), overrides, source=path)


def parse(text: str, overrides: Sequence[str] = (), *, source: Path | str) -> Tao5Spec:
    """``read`` for a text at hand; ``source`` is what errors call it."""
    try:
        written = yaml_text.parse(text, KEYS, source=source)
    except SpecError as error:
        if _PROTO_TEXT.search(text):
            error.hint = "this looks like the spec of TLT or TAO 3 and 4 (proto-text), which is read otherwise"
        foreign.refuse(text, source, but=foreign.AUGMENTATION)
        raise
    for override in overrides:
        key, value, place = yaml_text.override(override, KEYS, texts=TEXTS)
        written.values[key], written.places[key] = value, place
    spec = Tao5Spec(source, {}, places=dict(written.places))
    spec = replace(spec, values=_values(written, spec))
    if errors := list(_contradictions(spec)):
        raise together(errors)
    return replace(spec, warnings=tuple(f"{spec.where(key)}: {told}" for key, told in _doubts(spec)))


def write_default() -> str:
    """All keys with their defaults, a comment each; ``read`` takes it once image_dir and ann_path are filled in."""
    lines = [
        "# Augmentation of detection data. Lists are drawn from for each picture: [] is 0, [a] is a,",
        "# [a, b] any number from a to b, three or more are a choice.",
    ]
    above: list[str] = []
    for dotted, key in KEYS.items():
        *sections, name = dotted.split(".")
        common = next((i for i, (a, b) in enumerate(zip(above, sections, strict=False)) if a != b), len(above))
        lines += [f"{'  ' * depth}{sections[depth]}:" for depth in range(min(common, len(sections)), len(sections))]
        lines.append(f"{'  ' * len(sections)}{name}: {key.default}  # {key.about}")
        above = sections
    return "\n".join(lines) + "\n"


def _values(written: Written, spec: Tao5Spec) -> dict[str, Any]:
    """What every key is set to. Raises SpecError with all that does not fit."""
    defaults = {name: yaml_text.value(key.default) for name, key in KEYS.items()}
    given, errors = references.Values(defaults | written.values), list[SpecError]()
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            values[name] = key.takes(given[name])
        except references.Misfit as misfit:
            told = name.rpartition(".")[2] if name in written.places else name
            errors.append(spec.error(name, f"{told} {misfit}", hint=misfit.hint))
    if errors:
        raise together(yaml_text.in_order(errors))
    return values


def _contradictions(spec: Tao5Spec) -> Iterator[SpecError]:
    """Values that fit by themselves and not together."""
    if bool(spec[_SIDES[0]]) != bool(spec[_SIDES[1]]):
        missing, other = sorted(_SIDES, key=lambda side: bool(spec[side]))
        told = f"{missing} is missing or 0 while the other side is {spec[other]}: give both, or neither"
        yield spec.error(missing if missing in spec.places else other, told)
    if any(flattens(x, y) for x, y in product(*(_certain(spec[key]) for key in _SHEARS))):
        yield spec.error(_SHEARS[1], FLAT)
    if spec[f"{_REFINE}.enabled"] and spec["data.dataset_type"] == "kitti" and not spec[f"{_REFINE}.gt_cache"]:
        what = "refine_box needs gt_cache, a COCO JSON with the masks of the same pictures"
        yield spec.error(f"{_REFINE}.enabled", what)


def _certain(drawn: tuple[float, ...]) -> tuple[float, ...]:
    """The values that a parameter is sure to have in some picture; within a range none is."""
    return () if len(drawn) == 2 and drawn[0] != drawn[1] else drawn


def _doubts(spec: Tao5Spec) -> Iterator[tuple[str, str]]:
    """Keys, and what deserves a word about each."""
    for name, key in KEYS.items():
        if not key.effect and spec[name] != key.takes(yaml_text.value(key.default)):
            yield name, f"{name.rpartition('.')[2]} is read but has no effect"
    results, output, units = spec["results_dir"], spec["data.output_dataset"], spec[_UNITS]
    if results and output and results != output:
        yield "data.output_dataset", "output_dataset is not used: results_dir is written, and counts"
    if any(spec[_ANGLE]) and units not in ("degrees", "radians"):
        told = f"units is {quoted(units)}: degrees are meant, as by every text other than"
        yield _UNITS, f'{told} "radians"'
    if not spec[_SATURATION]:
        yield _SATURATION, "saturation_shift is an empty list, which is 0: the pictures come out grey"
    if spec[f"{_REFINE}.gt_cache"] and not spec[f"{_REFINE}.enabled"]:
        yield f"{_REFINE}.gt_cache", "gt_cache is not used: refine_box is not enabled"
