"""What is learnt from a batch, and what is left out of it because nobody knows it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from specs.multitask.settings import Loss


def choice(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of ``logits`` [B, C] where ``labels`` [B] are from 1; 0 is an unknown one, which does not count."""
    known = labels > 0
    targets = torch.where(known, labels - 1, torch.full_like(labels, -100))
    return functional.cross_entropy(logits.float(), targets, reduction="sum") / known.sum().clamp(min=1)


def attributes(logits: Tensor, truth: Tensor, settings: Loss, weights: Tensor | None = None) -> Tensor:
    """Of ``logits`` [B, A] and ``truth`` [B, A]: 1 yes, 0 no, -1 unknown, which does not count. ``weights`` [A] are
    those of images that have the attribute."""
    yes = (truth > 0).to(torch.float32)
    if settings.attribute_loss == "bce":
        losses = functional.binary_cross_entropy_with_logits(logits.float(), yes, reduction="none", pos_weight=weights)
    else:
        losses = functional.relu(1 - (2 * yes - 1) * logits.float())
        losses = losses if weights is None else losses * torch.where(yes > 0, weights, 1.0)
    known = truth >= 0
    summed = (losses * known).sum()
    return summed / (len(truth) if settings.reduce_sum else known.sum().clamp(min=1))


def box(said: Tensor, truth: Tensor) -> Tensor:
    """The mean difference of ``said`` and ``truth`` [B, 4], where there is a box."""
    there = (truth[:, 2:] > truth[:, :2]).all(dim=1)
    apart = (said.float() - truth).abs().mean(dim=1)
    return (apart * there).sum() / there.sum().clamp(min=1)


def positive_weights(have: Tensor, lack: Tensor, scale: float) -> Tensor:
    """How many times more images ``lack`` each attribute than ``have`` it, both int64 [A], as float32 [A]; in
    proportion, so that the largest is ``scale``. An attribute that no image has counts as if one had it."""
    ratios = lack.float() / have.clamp(min=1).float()
    return ratios * (scale / ratios.max().clamp(min=torch.finfo(torch.float32).tiny))
