"""Layers the backbones and the networks share: NVIDIA's padding, initialisation and batch norm."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.machine import processes

BN_EPSILON = 1e-3
BN_MOMENTUM = 0.01  # Keras writes 0.99: the share of the old value
MEMORY = 9
TRUNCATED_AT = 2.0
TRUNCATED_DEVIATION = 0.8796256610342398  # of a standard normal distribution cut at TRUNCATED_AT


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose stored statistics are sound after ten steps as after ten thousand.

    NVIDIA's Keras momentum of 0.99 (0.999 in mobilenet_v2) fits trainings from pretrained weights over tens of
    thousands of steps. From random weights the first few hundred steps would evaluate with statistics that still
    remember the start. So step n moves the stored value by (MEMORY + 1) / (n + MEMORY), but never less than
    ``momentum``: polynomial-decay averaging (Shamir and Zhang 2013, https://arxiv.org/abs/1212.1824), which replaces
    the initial value at once, then averages over about the last tenth of the steps so far, and settles at NVIDIA's
    momentum (after 991 steps for 0.01, after 9,991 for 0.001).

    Where several processes share a batch, mean and variance are those of the whole batch. ``strict``: each process
    normalises by its own part, and ``momentum`` holds from the first step.
    """

    def __init__(self, channels: int, *, momentum: float = BN_MOMENTUM, epsilon: float = BN_EPSILON) -> None:
        super().__init__(channels, eps=epsilon, momentum=momentum)
        self.strict = False
        self.settled_momentum = momentum
        self._settled = False

    def train(self, mode: bool = True) -> BatchNorm:
        """Also the moment to see whether the momentum has settled: reading the counter waits for the device."""
        super().train(mode)
        steps = self.num_batches_tracked
        if mode and steps is not None and not steps.is_meta:
            self._settled = (MEMORY + 1) / (int(steps) + 1 + MEMORY) <= self.settled_momentum
        return self

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        whole = processes.world_size() > 1 and not self.strict
        values = input.numel() // input.shape[1] * (processes.world_size() if whole else 1)
        if values == 1:
            # Nothing varies: Keras would give the shift alone, whatever the input, and torch an error.
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        if whole:
            return self._of_all_processes(input)
        if self.strict or self._settled:
            return self._normalised(input, self.running_mean, self.running_var, self.settled_momentum)
        mean, variance = (torch.zeros_like(self.weight, dtype=torch.float32) for _ in range(2))
        output = self._normalised(input, mean, variance, 1.0)
        self._remember(mean, variance)
        return output

    def _normalised(self, input: Tensor, mean: Tensor | None, variance: Tensor | None, momentum: float) -> Tensor:
        return functional.batch_norm(
            input, mean, variance, self.weight, self.bias, training=True, momentum=momentum, eps=self.eps
        )

    def _of_all_processes(self, input: Tensor) -> Tensor:
        """In two passes over the data, as one process does it, since a sum of squares loses what a mean far from 0
        leaves; whatever the precision of ``input``, in float32."""
        over, shape = (0, 2, 3), (1, -1, 1, 1)
        values = input.float()
        count = values.new_tensor([values.numel() / values.shape[1]])
        sums = processes.all_sum(torch.cat([values.sum(dim=over), count]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centred = values - mean.view(shape)
        variance = processes.all_sum(centred.square().sum(dim=over)) / total
        self._remember(mean.detach(), variance.detach() * (total / (total - 1)))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return (centred * scale.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        share = ((MEMORY + 1) / (self.num_batches_tracked + MEMORY)).clamp(min=self.settled_momentum).to(mean.dtype)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._settled = False
        super()._load_from_state_dict(*args, **kwargs)


class StridedConv(nn.Conv2d):
    """A convolution of stride 2, with its zeros put on by hand where a map has shrunk to one column.

    For those, oneDNN's bfloat16 kernels leave parts of the weights' gradient unwritten (seen with PyTorch 2.15 on
    x86): the next sum over the weights is then not a number.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or input.shape[-1] > 1:
            return super().forward(input)
        vertical, horizontal = (int(size) for size in self.padding)
        padded = functional.pad(input, (horizontal, horizontal))
        return functional.conv2d(padded, self.weight, self.bias, self.stride, (vertical, 0), self.dilation, self.groups)


def conv(
    in_channels: int, out_channels: int, *, kernel: int, stride: int = 1, bias: bool = False, groups: int = 1
) -> nn.Conv2d:
    """A convolution with "same" padding as NVIDIA patches it, (kernel - 1) // 2 zeros on every side; Glorot uniform."""
    kind = nn.Conv2d if stride == 1 else StridedConv
    layer = kind(in_channels, out_channels, kernel, stride=stride, padding=(kernel - 1) // 2, bias=bias, groups=groups)
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def normal_(weight: Tensor, *, variance: float) -> None:
    """Fill in place from Keras' "normal" distribution of this variance: nothing beyond TRUNCATED_AT deviations."""
    deviation = variance**0.5 / TRUNCATED_DEVIATION
    nn.init.trunc_normal_(weight, std=deviation, a=-TRUNCATED_AT * deviation, b=TRUNCATED_AT * deviation)


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


Convolution: TypeAlias = nn.Conv2d | nn.ConvTranspose2d
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def filters_axis(layer: Convolution) -> int:
    """The dimension of the layer's weight that counts its filters; the other one of 0 and 1 counts its inputs."""
    return 1 if layer.transposed and layer.groups == 1 else 0


def is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups > 1 and module.groups == module.in_channels


def kernels(module: nn.Module) -> list[Tensor]:
    """The weights that the regulariser acts on: those of all convolutions but the depthwise ones."""
    return [layer.weight for layer in module.modules() if isinstance(layer, CONVOLUTIONS) and not is_depthwise(layer)]


def penalty(weights: list[Tensor], *, norm: int, weight: float) -> Tensor:
    """The regularisation term: weight * sum |x| for norm 1, weight * sum x² (no half) for norm 2; a scalar."""
    if not weights:
        return torch.zeros(())
    total: Tensor = _Penalty.apply(norm, *weights)
    return weight * total


class _Penalty(torch.autograd.Function):
    """The sum over |x| or x² of all weights, in float32, whose gradient is one pass over each of them."""

    @staticmethod
    def forward(context: Any, norm: int, *weights: Tensor) -> Tensor:
        context.norm = norm
        context.save_for_backward(*weights)
        sums = torch.stack([torch.linalg.vector_norm(each, ord=norm, dtype=torch.float32) for each in weights])
        return (sums.square() if norm == 2 else sums).sum()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        def slope(weights: Tensor) -> Tensor:
            return weights.sign().mul_(gradients[0]) if context.norm == 1 else weights * (2 * gradients[0])

        wanted = context.needs_input_grad[1:]
        saved = zip(context.saved_tensors, wanted, strict=True)
        return (None, *(slope(weights) if needed else None for weights, needed in saved))
