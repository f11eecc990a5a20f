"""The optimiser that a recipe asks for, in torch's fastest form of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from runtime.data.recipe import Optimizer
from runtime.machine.device import Place

FUSED = {"SGD", "Adam", "AdamW"}
"""Have a form that does a step in one pass over the weights. On a CPU it takes longer than the others."""


def build(asked: Optimizer, weights: Iterable[torch.nn.Parameter], place: Place) -> torch.optim.Optimizer:
    """An optimiser of ``weights``; its learning rate is set before every step."""
    # With fp16 gradients are scaled up and must be seen at their true size before the step, which no fused form allows.
    fused = place.kind == "cuda" and place.precision != "fp16" and asked.name in FUSED
    form = {"fused": True} if fused else {"foreach": True}
    kind: Any = getattr(torch.optim, asked.name)
    made: torch.optim.Optimizer = kind(_groups(asked, list(weights)), lr=0.0, **asked.settings, **form)
    return made


def _groups(asked: Optimizer, weights: list[torch.nn.Parameter]) -> list[Any]:
    """``weights``, or two groups of them where those of normalisation layers and biases decay otherwise."""
    if asked.norm_weight_decay is None:
        return weights
    kernels = [each for each in weights if each.ndim > 1]
    rest = [each for each in weights if each.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": kernels}, {"params": rest, "weight_decay": asked.norm_weight_decay}]
    return [group for group in groups if group["params"]]


def align(optimizer: torch.optim.Optimizer) -> None:
    """Lay what ``optimizer`` remembers of each weight out in memory as the weight is: loaded state is not.

    To be called after its state was loaded; the fused forms walk through both side by side.
    """
    for weights, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == weights.shape and value.stride() != weights.stride():
                state[name] = torch.empty_like(weights).copy_(value)
