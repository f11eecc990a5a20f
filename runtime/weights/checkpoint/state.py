"""What a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ENCRYPTED, OPEN = ".tlt", ".safetensors"
"""Suffixes of checkpoints with and without a key."""


@dataclass(frozen=True)
class Resume:
    """What it takes to go on as if nothing had happened: every bit of it comes back.

    ``optimizer`` is its state_dict, ``step`` the iterations done, ``weights`` the
    trained ones where the checkpoint's ``model`` is their moving average. ``numbers`` is for whatever else a training
    remembers (generators, gradient scaler): plain values, lists, tuples, dictionaries, tensors, arrays.
    """

    optimizer: Mapping[str, Any]
    step: int
    weights: Mapping[str, torch.Tensor] | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A detector after ``epoch`` whole epochs, and what is needed to go on from there.

    ``network`` is the file-name stem (``ssd_resnet18``), ``classes`` the foreground classes in id order, ``model`` the
    weights to detect with, ``spec`` the text of the training spec. ``resume`` is None in a file for inference alone.
    ``pruned``: layers are narrower than the spec says. ``metrics`` are figures for
    people; what is no number comes back as None.
    """

    network: str
    classes: tuple[str, ...]
    epoch: int
    model: Mapping[str, torch.Tensor]
    spec: str
    resume: Resume | None = None
    pruned: bool = False
    metrics: Mapping[str, Any] = field(default_factory=dict)
