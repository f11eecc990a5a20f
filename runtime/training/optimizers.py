"""The optimiser that a spec asks for, in torch's fastest form of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.machine.device import Place

NVIDIA = {"momentum": 0.9}
"""Of the SGD that NVIDIA trains SSD with, whatever the spec's optimizer says."""
FUSED = {"SGD", "Adam"}
"""Have a form that does a step in one pass over the weights. On a CPU it takes longer than the others."""


def build(recipe: Recipe, weights: Iterable[torch.nn.Parameter], place: Place) -> torch.optim.Optimizer:
    """An optimiser of ``weights``; its learning rate is set before every step."""
    wanted = recipe.optimizer
    name = "SGD" if recipe.strict else wanted.name
    settings = dict(NVIDIA) if recipe.strict or (wanted.settings is None and name == "SGD") else wanted.settings or {}
    # With fp16 gradients are scaled up and must be seen at their true size before the step, which no fused form allows.
    fused = place.kind == "cuda" and place.precision != "fp16" and name in FUSED
    form = {"fused": True} if fused else {"foreach": True}
    kind: Any = getattr(torch.optim, name)
    made: torch.optim.Optimizer = kind(list(weights), lr=0.0, **settings, **form)
    return made


def align(optimizer: torch.optim.Optimizer) -> None:
    """Lay what ``optimizer`` remembers of each weight out in memory as the weight is: loaded state is not.

    To be called after its state was loaded; the fused forms walk through both side by side.
    """
    for weights, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == weights.shape and value.stride() != weights.stride():
                state[name] = torch.empty_like(weights).copy_(value)
