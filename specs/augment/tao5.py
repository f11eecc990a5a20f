"""The YAML spec of TAO 5 and 6 (``tao dataset augmentation generate -e SPEC.yaml key=value``).

Read as OmegaConf would fill in NVIDIA's structured config: defaults, then the file, then overrides, then ``${key}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

from specs import foreign, references, yaml_text
from specs.augment import FLAT, flattens
from specs.augment.tao5_keys import KEYS, TEXTS
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
class Values:
    """A parameter, drawn for each sample: () is 0, one value itself, two any number from the first to the second,
    three and more one of them."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Tao5Spec:
    """Paths are as written. ``output`` is results_dir, else data.output_dataset, else "". ``output_size`` is (width,
    height) in pixels, None for every picture's own. ``warnings`` are ready to show, each with its place."""

    source: Path | str
    random_seed: int
    dataset_type: Literal["coco", "kitti"]
    image_dir: str
    ann_path: str
    output: str
    output_size: tuple[int, int] | None
    include_masks: bool
    refine_box: bool
    gt_cache: str
    rotation_angle: Values
    rotation_units: str
    shear_x: Values
    shear_y: Values
    translate_x: Values
    translate_y: Values
    flip_horizontal: bool
    flip_vertical: bool
    hue: Values
    saturation: Values
    contrast: Values
    contrast_center: Values
    brightness: Values
    blur_std: Values
    blur_size: Values
    warnings: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)
    """Of every key and section that is written, by dotted name."""

    def where(self, key: str) -> Place:
        """The place of this dotted key (``data.ann_path``), of the nearest section around it, or the file."""
        return _where(self.places, self.source, key)

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
    values = _values(written, source)
    if errors := list(_contradictions(values, written, source)):
        raise yaml_text.together(errors)
    width, height = (values[side] for side in _SIDES)
    return Tao5Spec(
        source=source,
        random_seed=values["random_seed"],
        dataset_type=values["data.dataset_type"],
        image_dir=values["data.image_dir"],
        ann_path=values["data.ann_path"],
        output=values["results_dir"] or values["data.output_dataset"],
        output_size=(width, height) if width and height else None,
        include_masks=values["data.include_masks"],
        refine_box=values[f"{_REFINE}.enabled"],
        gt_cache=values[f"{_REFINE}.gt_cache"],
        rotation_angle=Values(values[_ANGLE]),
        rotation_units=values[_UNITS],
        shear_x=Values(values[_SHEARS[0]]),
        shear_y=Values(values[_SHEARS[1]]),
        translate_x=Values(values["spatial_aug.translation.translate_x"]),
        translate_y=Values(values["spatial_aug.translation.translate_y"]),
        flip_horizontal=values["spatial_aug.flip.flip_horizontal"],
        flip_vertical=values["spatial_aug.flip.flip_vertical"],
        hue=Values(values["color_aug.hue.hue_rotation_angle"]),
        saturation=Values(values[_SATURATION]),
        contrast=Values(values["color_aug.contrast.contrast"]),
        contrast_center=Values(values["color_aug.contrast.center"]),
        brightness=Values(values["color_aug.brightness.offset"]),
        blur_std=Values(values["blur_aug.std"]),
        blur_size=Values(values["blur_aug.size"]),
        warnings=tuple(f"{_where(written.places, source, key)}: {told}" for key, told in _doubts(values)),
        places=dict(written.places),
    )


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


def _where(places: Mapping[str, Place], source: Path | str, key: str) -> Place:
    while key and key not in places:
        key = key.rpartition(".")[0]
    return places[key] if key else Location(source)


def _values(written: Written, source: Path | str) -> dict[str, Any]:
    """What every key is set to. Raises SpecError with all that does not fit."""
    defaults = {name: yaml_text.value(key.default) for name, key in KEYS.items()}
    given, errors = references.Values(defaults | written.values), list[SpecError]()
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            values[name] = key.takes(given[name])
        except references.Misfit as misfit:
            where = _where(written.places, source, name)
            told = name.rpartition(".")[2] if name in written.places else name
            errors.append(SpecError(f"{told} {misfit}", where=where, hint=misfit.hint))
    if errors:
        raise yaml_text.together(yaml_text.in_order(errors))
    return values


def _contradictions(values: Mapping[str, Any], written: Written, source: Path | str) -> Iterator[SpecError]:
    """Values that fit by themselves and not together."""
    if bool(values[_SIDES[0]]) != bool(values[_SIDES[1]]):
        missing, other = sorted(_SIDES, key=lambda side: bool(values[side]))
        told = f"{missing} is missing or 0 while the other side is {values[other]}: give both, or neither"
        where = _where(written.places, source, missing if missing in written.places else other)
        yield SpecError(told, where=where)
    if any(flattens(x, y) for x, y in product(*(_certain(values[key]) for key in _SHEARS))):
        yield SpecError(FLAT, where=_where(written.places, source, _SHEARS[1]))
    if values[f"{_REFINE}.enabled"] and values["data.dataset_type"] == "kitti" and not values[f"{_REFINE}.gt_cache"]:
        where = _where(written.places, source, f"{_REFINE}.enabled")
        yield SpecError("refine_box needs gt_cache, a COCO JSON with the masks of the same pictures", where=where)


def _certain(drawn: tuple[float, ...]) -> tuple[float, ...]:
    """The values that a parameter is sure to have in some picture; within a range none is."""
    return () if len(drawn) == 2 and drawn[0] != drawn[1] else drawn


def _doubts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys, and what deserves a word about each."""
    for name, key in KEYS.items():
        if not key.effect and values[name] != key.takes(yaml_text.value(key.default)):
            yield name, f"{name.rpartition('.')[2]} is read but has no effect"
    results, output, units = values["results_dir"], values["data.output_dataset"], values[_UNITS]
    if results and output and results != output:
        yield "data.output_dataset", "output_dataset is not used: results_dir is written, and counts"
    if any(values[_ANGLE]) and units not in ("degrees", "radians"):
        told = f"units is {quoted(units)}: degrees are meant, as by every text other than"
        yield _UNITS, f'{told} "radians"'
    if not values[_SATURATION]:
        yield _SATURATION, "saturation_shift is an empty list, which is 0: the pictures come out grey"
    if values[f"{_REFINE}.gt_cache"] and not values[f"{_REFINE}.enabled"]:
        yield f"{_REFINE}.gt_cache", "gt_cache is not used: refine_box is not enabled"
