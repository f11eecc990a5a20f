"""One size of images for all that has one: what augmentation writes and what the network takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.settings.config_file import Given
from tltpipe.errors import ConfigError

KEY = "image_size"
LEAST = 33
"""Pixels: smaller ones leave a network no feature map."""
_TEXT = re.compile(r"\s*\[?\s*(\d+)(?:\s*[x,]\s*(\d+))?\s*\]?\s*")


def settle(
    given: Mapping[str, Given], sections: Mapping[str, tuple[str, str] | None]
) -> tuple[dict[str, Given], dict[str, Given]]:
    """The settings with ``image_size`` as (width, height), and with the size in every section that has one.

    ``sections`` names the keys for width and height of each section, None for one that has no size. One that is given
    for a section alone serves the others, too; 0, which keeps pictures as they are, is of that section alone.
    Raises ConfigError where two places give two sizes.
    """
    settings = dict(given)
    if KEY in given and given[KEY].value is not None:
        settings[KEY] = replace(given[KEY], value=_parse(given[KEY]))
    sized = dict(settings)
    for axis in (0, 1):
        names = [f"{section}.{keys[axis]}" for section, keys in sections.items() if keys is not None]
        leader = _one(settings, names, axis)
        for name in names if leader is not None else []:
            if leader is not None and name not in settings:
                sized[name] = replace(leader, derived=True)
    return settings, sized


def _one(given: Mapping[str, Given], names: list[str], axis: int) -> Given | None:
    """The width or height that is given, None where nowhere is one. Raises ConfigError for two that differ."""
    candidates: dict[str, Given] = {}
    whole = given.get(KEY)
    if whole is not None and isinstance(whole.value, tuple):
        candidates[KEY] = replace(whole, value=whole.value[axis])
    candidates |= {name: given[name] for name in names if name in given and str(given[name].value) != "0"}
    if not candidates:
        return None
    (first, leader), *others = candidates.items()
    for name, other in others:
        if str(other.value) != str(leader.value):
            side = ("wide", "high")[axis]
            what = f"{first} makes images {leader.value} pixels {side}, but {name} {other.value} ({other.where})"
            raise ConfigError(what, where=leader.where, hint=f"give one of them: {KEY} serves all")
    return leader


def _parse(given: Given) -> tuple[int, int]:
    """300, "300", "320x256", [320, 256] as (width, height). Raises ConfigError."""
    value = given.value
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    match = _TEXT.fullmatch(str(value))
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if min(size) < LEAST:
        what = f"{KEY} must be a number of pixels, or [width, height], {LEAST} or more each, not {given.value}"
        raise ConfigError(what, where=given.where, hint="for example 300, or [320, 256]; multiples of 32 fit best")
    return size
