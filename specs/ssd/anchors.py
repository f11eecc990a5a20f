"""The lists that make an SSD's anchors."""

from __future__ import annotations

from typing import Any

from specs.arithmetic import numbers

MAPS = 6
"""Feature maps of the network; each has a scale, and the extra square of the last needs one more."""

SEVEN_SCALES = "scales: one for each of the six feature maps, and a seventh for the extra square of the last map"


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
