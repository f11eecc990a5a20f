"""What the lists that make an SSD's anchors must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from specs.arithmetic import numbers
from specs.checks import Finding, list_of, message_at
from specs.spec import Spec

MAPS = 6
"""Feature maps of the network; each has a scale, and the extra square of the last needs one more."""

SEVEN_SCALES = "scales: one for each of the six feature maps, and a seventh for the extra square of the last map"


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about aspect ratios, scales, variances, steps and offsets."""
    config = message_at(spec, "ssd_config")
    if config is None:
        return
    if config.aspect_ratios:
        yield from list_of(
            spec, "ssd_config.aspect_ratios", length=MAPS, needed="a list of numbers above 0", holds=_positives
        )
    elif not config.aspect_ratios_global:
        yield Finding("ssd_config.aspect_ratios_global", 'ssd_config needs "aspect_ratios_global" or "aspect_ratios"')
    if config.scales:
        yield from list_of(
            spec, "ssd_config.scales", length=MAPS + 1, needed="above 0", holds=_positive, hint=SEVEN_SCALES
        )
        yield from _bases(spec)
    elif not 0 < config.min_scale <= config.max_scale < float("inf"):
        what = 'ssd_config needs "scales", or "min_scale" and "max_scale" with 0 < min_scale <= max_scale'
        yield Finding("ssd_config.scales", what)
    if not config.variances:
        yield Finding("ssd_config.variances", 'ssd_config needs "variances", for example "[0.1, 0.1, 0.2, 0.2]"')
    rest: tuple[tuple[str, int | None, str, Callable[[Any], bool]], ...] = (
        ("aspect_ratios_global", None, "above 0", _positive),
        ("variances", 4, "above 0", _positive),
        ("steps", MAPS, "above 0, or a pair of such numbers", _one_or_two(_positive)),
        ("offsets", MAPS, "above 0 and below 1, or a pair of such numbers", _one_or_two(_inner)),
    )
    for name, length, needed, holds in rest:
        if getattr(config, name):
            yield from list_of(spec, f"ssd_config.{name}", length=length, needed=needed, holds=holds)


def _bases(spec: Spec) -> Iterator[Finding]:
    """NVIDIA's anchors are refused where a map's own scale is above 1; its seventh, no map's own, may be."""
    try:
        *bases, _ = numbers(spec.message.ssd_config.scales)
    except ValueError:
        return  # told of already
    for number, scale in enumerate(bases if len(bases) == MAPS else (), start=1):
        if _positive(scale) and scale > 1:
            what = f"scale {number} is {scale:g}: only the seventh may be above 1, the size of the picture"
            yield Finding("ssd_config.scales", what)


def scales(config: Any) -> tuple[float, ...]:
    """The seven scales of an ``ssd_config`` that has been checked."""
    if config.scales:
        return tuple(map(float, numbers(config.scales)))
    low, high = config.min_scale, config.max_scale
    return tuple(low + (high - low) * i / MAPS for i in range(MAPS + 1))


def aspect_ratios(config: Any) -> tuple[tuple[float, ...], ...]:
    """Those of each map of an ``ssd_config`` that has been checked."""
    if config.aspect_ratios:
        return tuple(tuple(map(float, each)) for each in numbers(config.aspect_ratios))
    return (tuple(map(float, numbers(config.aspect_ratios_global))),) * MAPS


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
