"""How large a model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class HasState(Protocol):
    """``torch.nn.Module`` and what fulfils ``runtime.networks.Model``."""

    def state_dict(self) -> Mapping[str, Any]: ...


def numbers(model: HasState) -> list[Tensor]:
    """Parameters and the statistics of batch norms; not their counters, nor what is made from the spec."""
    return [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]


def parameters(model: HasState) -> int:
    return sum(tensor.numel() for tensor in numbers(model))


def weight_bytes(model: HasState) -> int:
    return sum(tensor.nbytes for tensor in numbers(model))
