"""Layers the backbones and the networks share: NVIDIA's padding, initialisation and batch norm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

BN_EPSILON = 1e-3
BN_MOMENTUM = 0.01  # Keras writes 0.99: the share of the old value
MEMORY = 9


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose stored statistics are sound after ten steps as after ten thousand.

    NVIDIA's Keras momentum of 0.99 (0.999 in mobilenet_v2) fits trainings from pretrained weights over tens of
    thousands of steps. From random weights the first few hundred steps would evaluate with statistics that still
    remember the start. So step n moves the stored value by (MEMORY + 1) / (n + MEMORY), but never less than
    ``momentum``: polynomial-decay averaging (Shamir and Zhang 2013, https://arxiv.org/abs/1212.1824), which replaces
    the initial value at once, then averages over about the last tenth of the steps so far, and settles at NVIDIA's
    momentum (after 991 steps for 0.01, after 9,991 for 0.001). Normalisation during training is untouched.
    """

    def __init__(self, channels: int, *, momentum: float = BN_MOMENTUM, epsilon: float = BN_EPSILON) -> None:
        super().__init__(channels, eps=epsilon, momentum=momentum)
        self.settled_momentum = momentum
        self._settled = False

    def forward(self, input: Tensor) -> Tensor:
        if self.training and not self._settled:
            # Reading the counter waits for the device, hence no more often than needed.
            step = int(self.num_batches_tracked) + 1 if self.num_batches_tracked is not None else 1
            warm = (MEMORY + 1) / (step + MEMORY)
            self.momentum = max(self.settled_momentum, warm)
            self._settled = warm <= self.settled_momentum
        return super().forward(input)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._settled = False
        super()._load_from_state_dict(*args, **kwargs)


def conv(
    in_channels: int, out_channels: int, *, kernel: int, stride: int = 1, bias: bool = False, groups: int = 1
) -> nn.Conv2d:
    """A convolution with "same" padding as NVIDIA patches it, (kernel - 1) // 2 zeros on every side; Glorot uniform."""
    layer = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=(kernel - 1) // 2, bias=bias, groups=groups
    )
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class FlatBackbone(nn.Module):
    """A backbone whose layers lie side by side under NVIDIA's names, with no units between."""

    def add(self, name: str, layer: nn.Conv2d, *, norm: str | None = None) -> None:
        """A convolution ``name`` with its batch norm, ``<name>_bn`` unless told otherwise."""
        self.add_module(name, layer)
        self.add_module(norm or f"{name}_bn", BatchNorm(layer.out_channels))

    def run(self, name: str, x: Tensor, *, norm: str | None = None) -> Tensor:
        """Convolution ``name``, its batch norm, ReLU."""
        y = self.get_submodule(norm or f"{name}_bn")(self.get_submodule(name)(x))
        return functional.relu(y, inplace=True)


def is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups > 1 and module.groups == module.in_channels


def kernels(module: nn.Module) -> list[Tensor]:
    """The weights that the regulariser acts on: those of all convolutions but the depthwise ones."""
    return [layer.weight for layer in module.modules() if isinstance(layer, nn.Conv2d) and not is_depthwise(layer)]


def penalty(weights: list[Tensor], *, norm: int, weight: float) -> Tensor:
    """The regularisation term: weight * sum |x| for norm 1, weight * sum x² (no half) for norm 2; a scalar."""
    if not weights:
        return torch.zeros(())
    norms = torch.stack([torch.linalg.vector_norm(tensor, ord=norm) for tensor in weights])
    return weight * (norms.square() if norm == 2 else norms).sum()
