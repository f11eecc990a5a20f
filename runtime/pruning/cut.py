"""The smaller detector: filters that go, and whatever reads them, cut out of every tensor."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runtime.nn import widths
from runtime.pruning.dependencies import Dependencies

PER_CHANNEL = ("weight", "bias", "running_mean", "running_var")
Module = TypeVar("Module", bound=nn.Module)


def cut(detector: Module, dependencies: Dependencies, kept: Sequence[NDArray[np.intp]]) -> Module:
    """A new detector with the channels ``kept`` of every group; the old one is left as it is."""
    tensors = sliced(detector.state_dict(), dependencies, kept)
    smaller = copy.deepcopy(detector)
    widths.take_on(smaller, tensors)
    smaller.load_state_dict(tensors)
    return smaller


def sliced(
    state: Mapping[str, Tensor], dependencies: Dependencies, kept: Sequence[NDArray[np.intp]]
) -> dict[str, Tensor]:
    """The state dict without the channels that go."""
    tensors = dict(state)

    def take(name: str, dimension: int, layout: tuple[int, ...]) -> None:
        if name in tensors:
            index = torch.from_numpy(indices(dependencies, kept, layout)).to(tensors[name].device)
            tensors[name] = tensors[name].index_select(dimension, index)

    for layer, layout in dependencies.filters.items():
        take(f"{layer}.weight", int(layer in dependencies.transposed), layout)
        take(f"{layer}.bias", 0, layout)
    for layer, layout in dependencies.inputs.items():
        take(f"{layer}.weight", int(layer not in dependencies.transposed), layout)
    for layer, layout in dependencies.norms.items():
        for name in PER_CHANNEL:
            take(f"{layer}.{name}", 0, layout)
    return tensors


def indices(dependencies: Dependencies, kept: Sequence[NDArray[np.intp]], layout: tuple[int, ...]) -> NDArray[np.int64]:
    """Which channels stay of a tensor that consists of the groups ``layout``, counted over all of them."""
    sizes = [dependencies.groups[group].size for group in layout]
    starts = np.cumsum([0, *sizes[:-1]])
    return np.concatenate([kept[group] + start for group, start in zip(layout, starts, strict=True)]).astype(np.int64)
