"""Arithmetic that lets layers of ours answer as those of a file do, though they see other pixels or divide otherwise.

All in float64; results are cast where they are put into the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Convolution:
    """``weight`` [out, in / groups, h, w] and ``bias`` [out], zeros where it had none."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Norm:
    """Batch norm: (x - mean) / sqrt(variance + epsilon) * scale + shift, all [channels]."""

    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor

    def with_epsilon(self, theirs: float, ours: float) -> Norm:
        """The same with ``ours`` for ``theirs``: by the scale, so that it holds in training, too."""
        factor = ((self.variance + ours) / (self.variance + theirs)).sqrt()
        return replace(self, scale=self.scale * factor)

    def after(self, bias: Tensor) -> Norm:
        """Of a convolution without the ``bias`` that its input had."""
        return replace(self, mean=self.mean - bias)


def passing(channels: int, *, epsilon: float, bias: Tensor | None = None) -> Norm:
    """A batch norm that passes everything on, plus ``bias``. Its statistics are invented."""
    one, zero = torch.ones(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
    return Norm(one, zero if bias is None else bias, zero, one - epsilon)


def identity(weight: Tensor) -> Tensor | None:
    """A kernel of the shape of ``weight`` that passes every channel on; None where numbers of channels differ."""
    out, into, *size = weight.shape
    if out != into or size != [1, 1]:
        return None
    return torch.eye(out, dtype=torch.float64).reshape(out, out, 1, 1)


def centred(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """``kernel`` in the middle of a larger one of zeros, where it fits; else as it is."""
    rims = [whole - part for whole, part in zip(size, kernel.shape[2:], strict=True)]
    if any(rim < 0 or rim % 2 for rim in rims):
        return kernel
    down, across = (rim // 2 for rim in rims)
    return torch.nn.functional.pad(kernel, (across, across, down, down))


@dataclass(frozen=True)
class Pixels:
    """What a network makes of RGB from 0 to 255 before its first convolution: matrix [C, 3] @ rgb + shift [C]."""

    matrix: Tensor
    shift: Tensor

    @classmethod
    def normalised(cls, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Pixels:
        """(rgb / 255 - mean) / deviation."""
        scale = torch.tensor(deviation, dtype=torch.float64).reciprocal()
        return cls(torch.diag(scale / 255), -torch.tensor(mean, dtype=torch.float64) * scale)

    def inverse(self) -> Pixels:
        """From what the network sees back to RGB; of one channel, back to grey."""
        if len(self.matrix) == 1:
            back = torch.ones(3, 1, dtype=torch.float64) / self.matrix.sum()
        else:
            back = torch.linalg.inv(self.matrix)
        return Pixels(back, -(back @ self.shift))

    def then(self, other: Pixels) -> Pixels:
        return Pixels(other.matrix @ self.matrix, other.matrix @ self.shift + other.shift)


def first_convolution(given: Convolution, *, theirs: Pixels, ours: Pixels) -> Convolution:
    """The convolution that answers to our pixels as ``given`` does to theirs, but where it sees the rim of zeros.

    Zeros there mean another colour to each; the two are close (our mean against theirs).
    """
    change = ours.inverse().then(theirs)
    weight = torch.einsum("oihw,ic->ochw", given.weight, change.matrix)
    return Convolution(weight, given.bias + torch.einsum("oihw,i->o", given.weight, change.shift))
