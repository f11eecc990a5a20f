"""The convolutions of a detector: by what names a user may call them, and what became of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from runtime.nn.layers import CONVOLUTIONS, Convolution
from runtime.pruning.dependencies import Dependencies
from runtime.pruning.prunable import prunable
from tltpipe.errors import UsageError


@dataclass(frozen=True)
class Fate:
    """``kept`` of a convolution's ``filters``. ``whole``: why none may go; ``shared_with``: layers of its decision."""

    layer: str
    filters: int
    kept: int
    whole: str | None
    shared_with: tuple[str, ...]


def convolutions(detector: nn.Module) -> dict[str, Convolution]:
    return {name: layer for name, layer in detector.named_modules() if isinstance(layer, CONVOLUTIONS)}


def resolve(wanted: Iterable[str], detector: nn.Module, network: str) -> set[str]:
    """The convolutions of ``detector``, a ``network`` ("ssd"), that the user's names mean: ours, whole or without
    prefixes, or NVIDIA's, whose ssd_block_1a_conv_1 is our features.backbone.block_1a.conv_1.

    Raises UsageError for a name that none has.
    """
    spellings: dict[str, str] = {}
    for layer in convolutions(detector):
        for spelling in _spellings(layer, prunable(detector).prefixes, network):
            spellings.setdefault(spelling, layer)
    found = set()
    for name in wanted:
        if name not in spellings:
            close = difflib.get_close_matches(name, spellings, n=1)
            hint = f'did you mean "{close[0]}"?' if close else "name convolutions, as the table of a pruning does"
            raise UsageError(f'-el: this model has no layer "{name}"', hint=hint)
        found.add(spellings[name])
    return found


def short(layer: str, prefixes: Sequence[str]) -> str:
    """The name without prefixes."""
    return layer.removeprefix(next((prefix for prefix in prefixes if layer.startswith(prefix)), ""))


def fates(detector: nn.Module, dependencies: Dependencies, kept: Sequence[NDArray[np.intp]]) -> list[Fate]:
    """What became of every convolution of the unpruned ``detector``, in its order."""
    told = []
    for layer, convolution in convolutions(detector).items():
        numbers = dependencies.filters.get(layer)
        if numbers is None:
            told.append(Fate(layer, convolution.out_channels, convolution.out_channels, "not understood", ()))
            continue
        groups = [dependencies.groups[number] for number in numbers]
        whole = next((group.whole for group in groups if group.whole), None)
        others = dict.fromkeys(member.layer for group in groups for member in group.members if member.layer != layer)
        left = sum(len(kept[number]) for number in numbers)
        told.append(Fate(layer, convolution.out_channels, left, whole, tuple(others)))
    return told


def _spellings(layer: str, prefixes: Sequence[str], network: str) -> list[str]:
    names = [layer, *(layer.removeprefix(prefix) for prefix in prefixes)]
    names += [name.replace(".", "_") for name in names]
    return [*names, *(f"{network}_{name}" for name in names)]
