"""What SSD's losses are computed with. Predictions of a lower precision are taken to float32 first; float64 stays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from runtime.machine import processes

if TYPE_CHECKING:
    from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss


def positives(labels: Tensor, *, rank_local: bool = False) -> Tensor:
    """Anchors with an object in the whole batch; a scalar float32."""
    return _total((labels > 0).sum().float(), rank_local)


def localization(
    offsets: Tensor, targets: Tensor, labels: Tensor, *, weight: float, rank_local: bool = False
) -> Tensor:
    """Smooth L1 over the positives [P, 4], summed over coordinates, per positive of the batch; a scalar."""
    offsets = precise(offsets)
    total = functional.smooth_l1_loss(offsets, targets.to(offsets.dtype), reduction="sum")
    return weight * _mean(total, positives(labels, rank_local=rank_local), rank_local)


def focal(loss: FocalLoss, logits: Tensor, labels: Tensor) -> Tensor:
    total: Tensor = _FocalSum.apply(precise(logits), labels, loss.alpha, loss.gamma)
    return _mean(total, positives(labels, rank_local=loss.rank_local), loss.rank_local)


def hard_negatives(loss: HardNegativeLoss, logits: Tensor, labels: Tensor) -> Tensor:
    def floored(each: Tensor) -> Tensor:
        return each.clamp(max=-math.log(loss.smallest_probability))

    logits, labels = precise(logits).flatten(end_dim=-2), labels.flatten()
    count = positives(labels, rank_local=loss.rank_local)
    with torch.no_grad():
        background = (labels == 0).nonzero().squeeze(1)
        # A cross entropy with background, five times as fast as a log-softmax of so few channels.
        hardness = floored(logits.logsumexp(dim=-1) - logits[:, 0])[background]
        hardest = _hardest(hardness, int(loss.negatives_per_positive * count.item()), loss.rank_local)
        counted = torch.cat([(labels > 0).nonzero().squeeze(1), background[hardest]])
    # Only these few are in the loss, so only they are worth a gradient.
    total = floored(functional.cross_entropy(logits[counted], labels[counted], reduction="none")).sum()
    return _mean(total, count, loss.rank_local)


def precise(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _total(value: Tensor, rank_local: bool) -> Tensor:
    return value if rank_local else processes.all_sum(value)


def _mean(total: Tensor, count: Tensor, rank_local: bool) -> Tensor:
    """What all processes have of a sum, per positive."""
    return _total(total, rank_local) / count.clamp(min=1).to(total.dtype)


def _hardest(losses: Tensor, wanted: int, rank_local: bool) -> Tensor:
    """Which of ``losses`` [n] are among the ``wanted`` highest of all processes: indices int64."""
    values, indices = losses.topk(min(wanted, len(losses)), sorted=False)
    if rank_local or processes.world_size() == 1 or not wanted:
        return indices
    before = processes.all_gather(values.new_tensor([len(values)]))[: processes.rank()].sum().long()
    everywhere = processes.all_gather(values)
    chosen = everywhere.topk(min(wanted, len(everywhere)), sorted=False).indices - before
    return indices[chosen[(chosen >= 0) & (chosen < len(values))]]


class _FocalSum(torch.autograd.Function):
    """The sum of FocalLoss before it is divided, with its gradient by hand.

    Nearly all of the [B, A, N] entries are "this anchor is not of that class", so all are taken for it at first and
    the few others put right. Autograd would keep five tensors of that size where one is enough.
    """

    @staticmethod
    def forward(context: Any, logits: Tensor, labels: Tensor, alpha: float, gamma: float) -> Tensor:
        loss, slope = _focal(logits, gamma)
        loss, slope = loss.mul_(1 - alpha), slope.mul_(1 - alpha)
        neutral = (labels < 0)[..., None]
        loss.masked_fill_(neutral, 0)
        slope.masked_fill_(neutral, 0)
        place = (labels > 0).nonzero(as_tuple=True)
        place = (*place, labels[place] - 1)
        right, right_slope = _focal(-logits[place], gamma)
        loss[place] = alpha * right
        slope[place] = -alpha * right_slope
        context.save_for_backward(slope)
        return loss.sum()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = context.saved_tensors
        return slope * gradients[0], None, None, None


def _focal(wrong: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """The focal loss, unweighted, of the logits of being wrong, and its derivative by them.

    With q = sigmoid(wrong) = 1 - p_t and s = softplus(wrong) = -ln p_t, stable at both ends: q^g s, and, since q
    changes by q (1 - q) and s by q, q^g (g (1 - q) s + q).
    """
    q, s = wrong.sigmoid(), functional.softplus(wrong)
    weight = q.square() if gamma == 2 else q.pow(gamma)
    slope = torch.addcmul(q, 1 - q, s, value=gamma).mul_(weight)
    return s.mul_(weight), slope
