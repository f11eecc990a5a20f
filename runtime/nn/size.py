"""How large a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def numbers(model: nn.Module) -> list[Tensor]:
    """Parameters and the statistics of batch norms; not their counters, nor what is made from the spec."""
    return [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]


def parameters(model: nn.Module) -> int:
    return sum(tensor.numel() for tensor in numbers(model))


def weight_bytes(model: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in numbers(model))
