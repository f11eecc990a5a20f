"""Rules about the network of SSD: its backbone, and the lists that make its anchors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from specs.arithmetic import numbers
from specs.checks import Finding, list_of, message_at, out_of_range, removed, required
from specs.rulebook import IN_RANGE, Subject, rule
from specs.spec import Spec
from specs.ssd import ranges
from specs.ssd.anchors import MAPS, SEVEN_SCALES
from specs.ssd.backbones import BACKBONES, NEVER_BUILT
from specs.ssd.sections import KINDS, config, network, sections
from specs.values import choice, did_you_mean

NONE: tuple[tuple[int, ...], range] = ((), range(0))
"""Depths and blocks of a backbone that there is not."""


@rule("S101", "error", title="a section is missing", fix="write the section; it may not be empty", kinds=KINDS)
def missing_section(subject: Subject) -> Iterator[Finding]:
    """Training needs all six sections."""
    here, another = network(subject.spec), any(_others(subject.spec))
    yield from required(subject.spec, *(name for name in sections(subject.spec) if not (another and name == here)))


@rule("S114", "error", title="the network is another one", fix="name the network of the section", kinds=KINDS)
def another_network(subject: Subject) -> Iterator[Finding]:
    """The same fields in the section of another network."""
    for kind in _others(subject.spec):
        what = f"this is a spec for {kind}, one for {subject.spec.kind} is needed"
        yield Finding(f"{kind}_config", what, f"name the network {kind}, or call the section {network(subject.spec)}")


@rule("S115", "warning", title="the section of another network is not used", fix="remove it", kinds=KINDS)
def unused_network(subject: Subject) -> Iterator[Finding]:
    """Of the sections of which a spec has one, protobuf keeps the last."""
    here = network(subject.spec)
    for name in (f"{kind}_config" for kind in KINDS):
        if name != here and subject.spec.is_set(name) and message_at(subject.spec, name) is None:
            yield Finding(name, f"{name} is not used: {here} below takes its place")


def _others(spec: Spec) -> Iterator[str]:
    """Networks of which the section is written in place of that of the spec's own."""
    for kind in KINDS:
        if f"{kind}_config" != network(spec) and message_at(spec, f"{kind}_config") is not None:
            yield kind


@rule(
    "S102",
    "error",
    title="a number of the network is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def network_numbers(subject: Subject) -> Iterator[Finding]:
    """What the loss and the prediction modules are made with."""
    yield from out_of_range(subject.spec, ranges.network(network(subject.spec)))


@rule("S103", "error", title="there is no such backbone", fix="choose an arch from the list", kinds=KINDS)
def backbone(subject: Subject) -> Iterator[Finding]:
    """The backbones that there are, by NVIDIA's names."""
    found = config(subject.spec)
    if found is None or found.arch in BACKBONES:
        return
    known, here = list(BACKBONES), network(subject.spec)
    what = f'arch must be {choice(known)}, not "{found.arch}"' if found.arch else f'{here} needs "arch"'
    hint = did_you_mean(found.arch, known)
    if found.arch == NEVER_BUILT:
        hint = f"{NEVER_BUILT} is a name that NVIDIA's check knows but no network has; efficientnet_b0 exists"
    yield Finding(f"{here}.arch", what, hint)


@rule(
    "S104",
    "error",
    title="the backbone does not come in this depth",
    fix="write nlayers as one of the depths of the arch",
    kinds=KINDS,
)
def depth(subject: Subject) -> Iterator[Finding]:
    """ResNet, VGG and DarkNet need a depth."""
    found = config(subject.spec)
    depths, _ = BACKBONES.get(found.arch, NONE) if found is not None else NONE
    if found is not None and depths and found.nlayers not in depths:
        known = choice([str(number) for number in depths])
        what = f"nlayers of {found.arch} must be {known}, not {found.nlayers or 'unset'}"
        yield Finding(f"{network(subject.spec)}.nlayers", what)


@rule("S105", "warning", title="nlayers has no effect", fix="leave nlayers out", kinds=KINDS)
def useless_depth(subject: Subject) -> Iterator[Finding]:
    """Backbones that come in one depth."""
    found = config(subject.spec)
    if found is not None and found.nlayers and found.arch in BACKBONES and not BACKBONES[found.arch][0]:
        path, what = f"{network(subject.spec)}.nlayers", f"nlayers has no effect: {found.arch} comes in one depth"
        yield Finding(path, what, edit=removed(subject.spec, path))


@rule("S106", "warning", title="freeze_blocks has no effect", fix="leave freeze_blocks out", kinds=KINDS)
def useless_freezing(subject: Subject) -> Iterator[Finding]:
    """A backbone without blocks that could be frozen."""
    found = config(subject.spec)
    if found is not None and found.arch in BACKBONES and not BACKBONES[found.arch][1]:
        for index, _ in enumerate(found.freeze_blocks):
            path = f"{network(subject.spec)}.freeze_blocks[{index}]"
            yield Finding(path, f"freeze_blocks has no effect with {found.arch}")


@rule(
    "S107",
    "error",
    title="the backbone has no such block to freeze",
    fix="name blocks that the backbone has, or leave freeze_blocks out",
    kinds=KINDS,
)
def frozen_blocks(subject: Subject) -> Iterator[Finding]:
    """Blocks are numbered; each backbone has its own."""
    found = config(subject.spec)
    if found is None:
        return
    _, blocks = BACKBONES.get(found.arch, NONE)
    for index, block in enumerate(found.freeze_blocks):
        if blocks and block not in blocks:
            what = f"freeze_blocks of {found.arch} must be from {blocks.start} to {blocks.stop - 1}, not {block}"
            yield Finding(f"{network(subject.spec)}.freeze_blocks[{index}]", what)


@rule(
    "S108",
    "error",
    title="aspect ratios are missing or are no list of numbers",
    fix='write aspect_ratios_global: "[1.0, 2.0, 0.5]", or six such lists as aspect_ratios',
    kinds=KINDS,
)
def aspect_ratios(subject: Subject) -> Iterator[Finding]:
    """Width / height of the anchors, the same on all maps or a list for each."""
    spec, found, here = subject.spec, config(subject.spec), network(subject.spec)
    if found is None:
        return
    if found.aspect_ratios:
        needed = "a list of numbers above 0"
        yield from list_of(spec, f"{here}.aspect_ratios", length=MAPS, needed=needed, holds=_positives)
    elif not found.aspect_ratios_global:
        yield Finding(f"{here}.aspect_ratios_global", f'{here} needs "aspect_ratios_global" or "aspect_ratios"')
    if found.aspect_ratios_global:
        yield from list_of(spec, f"{here}.aspect_ratios_global", length=None, needed="above 0", holds=_positive)


@rule(
    "S109",
    "error",
    title="scales are missing or are not seven numbers",
    fix="write one scale for each of the six feature maps and a seventh, or min_scale and max_scale",
    kinds=KINDS,
)
def scales(subject: Subject) -> Iterator[Finding]:
    """Sizes of the anchors as shares of the shorter side of the input."""
    found, here = config(subject.spec), network(subject.spec)
    if found is None:
        return
    if found.scales:
        yield from list_of(
            subject.spec, f"{here}.scales", length=MAPS + 1, needed="above 0", holds=_positive, hint=SEVEN_SCALES
        )
    elif not 0 < found.min_scale <= found.max_scale < float("inf"):
        what = f'{here} needs "scales", or "min_scale" and "max_scale" with 0 < min_scale <= max_scale'
        yield Finding(f"{here}.scales", what)


@rule(
    "S110",
    "error",
    title="an anchor is larger than the image",
    fix="write scales of at most 1; only the seventh may be larger",
    kinds=KINDS,
)
def scale_above_one(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's anchors are refused where a map's own scale is above 1; its seventh, no map's own, may be."""
    found = config(subject.spec)
    for number, scale in enumerate(_bases(found.scales) if found is not None else (), start=1):
        if _positive(scale) and scale > 1:
            what = f"scale {number} is {scale:g}: only the seventh may be above 1, the size of the image"
            yield Finding(f"{network(subject.spec)}.scales", what)


@rule(
    "S111",
    "error",
    title="variances are missing or are not four numbers",
    fix='write variances: "[0.1, 0.1, 0.2, 0.2]"',
    kinds=KINDS,
)
def variances(subject: Subject) -> Iterator[Finding]:
    """Divisors of the offsets of boxes."""
    found, here = config(subject.spec), network(subject.spec)
    if found is None:
        return
    if not found.variances:
        yield Finding(f"{here}.variances", f'{here} needs "variances", for example "[0.1, 0.1, 0.2, 0.2]"')
        return
    yield from list_of(subject.spec, f"{here}.variances", length=4, needed="above 0", holds=_positive)


@rule(
    "S112",
    "error",
    title="steps or offsets are not six numbers or pairs",
    fix="leave steps and offsets out, or write an entry for each of the six feature maps",
    kinds=KINDS,
)
def steps_and_offsets(subject: Subject) -> Iterator[Finding]:
    """Distances of anchors in pixels, and where in a cell they sit."""
    found, here = config(subject.spec), network(subject.spec)
    lists: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
        ("steps", "above 0, or a pair of such numbers", _one_or_two(_positive)),
        ("offsets", "above 0 and below 1, or a pair of such numbers", _one_or_two(_inner)),
    )
    for name, needed, holds in lists:
        if found is not None and getattr(found, name):
            yield from list_of(subject.spec, f"{here}.{name}", length=MAPS, needed=needed, holds=holds)


@rule(
    "S113",
    "warning",
    title="neg_iou_thresh is above pos_iou_thresh",
    fix="write neg_iou_thresh of at most pos_iou_thresh; 0.5 each is usual",
    kinds=KINDS,
)
def crossed_thresholds(subject: Subject) -> Iterator[Finding]:
    """Anchors between the two are positive, whatever neg_iou_thresh says."""
    found = config(subject.spec)
    positive, negative = (getattr(found, f"{name}_iou_thresh", 0.0) for name in ("pos", "neg"))
    if 0 < positive < negative:
        what = f"neg_iou_thresh {negative:g} is above pos_iou_thresh {positive:g}"
        yield Finding(f"{network(subject.spec)}.neg_iou_thresh", f"{what}: anchors between the two are positive")


def _bases(text: str) -> list[Any]:
    """The scales of the six maps; none where the text is no list of seven."""
    try:
        entries = list(numbers(text)) if text else []
    except ValueError:
        return []  # reported by S109
    return entries[:-1] if len(entries) == MAPS + 1 else []


def _positive(value: Any) -> bool:
    return not isinstance(value, list) and bool(value > 0)


def _inner(value: Any) -> bool:
    return not isinstance(value, list) and 0 < value < 1


def _positives(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_positive, value))


def _one_or_two(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def check_entry(value: Any) -> bool:
        return (isinstance(value, list) and len(value) == 2 and all(map(holds, value))) or holds(value)

    return check_entry
