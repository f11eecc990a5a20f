"""The two losses of NVIDIA's SSDs: sigmoid focal loss (TLT 2.0), softmax with hard negatives (TLT 3.0 and later).

Both normalise by the positives of the whole batch, and both say how many class channels they want. Where several
processes share a batch, each returns the loss of the whole batch (runtime/machine/processes.py has what that means for
gradients); with ``rank_local``, each that of its own part, as NVIDIA's do.

Predictions of a lower precision are taken to float32 first; float64 stays what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from runtime.machine import processes


class Loss(Protocol):
    """What turns class logits into a loss, and into scores. Labels are 1 to N; 0 background, negative in no loss."""

    @property
    def location_weight(self) -> float:
        """Weight of the box loss."""
        ...

    @property
    def rank_local(self) -> bool:
        """Whether a process looks at its own part of the batch alone."""
        ...

    def channels(self, num_classes: int) -> int:
        """Class channels per anchor for N classes."""
        ...

    def bias(self) -> float:
        """Initial bias of the class heads."""
        ...

    def deviation(self) -> float | None:
        """Standard deviation of the heads' initial weights; None: He's."""
        ...

    def scores(self, logits: Tensor) -> Tensor:
        """Probabilities of the N classes: [..., channels] to [..., N]."""
        ...

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The class loss, a scalar, of logits [B, A, channels] and labels int64 [B, A]."""
        ...


def positives(labels: Tensor, *, rank_local: bool = False) -> Tensor:
    """Anchors with an object in the whole batch; a scalar float32."""
    return _total((labels > 0).sum().float(), rank_local)


def localization(
    offsets: Tensor, targets: Tensor, labels: Tensor, *, weight: float, rank_local: bool = False
) -> Tensor:
    """Smooth L1 over the positives [P, 4], summed over coordinates, per positive of the batch; a scalar."""
    offsets = _precise(offsets)
    total = functional.smooth_l1_loss(offsets, targets.to(offsets.dtype), reduction="sum")
    return weight * _mean(total, positives(labels, rank_local=rank_local), rank_local)


@dataclass(frozen=True)
class FocalLoss:
    """Sigmoid focal loss without a background channel (https://arxiv.org/abs/1708.02002, equation 5).

    Per anchor and class a (1 - p_t)^gamma · (-ln p_t), where p_t is the probability of the right answer and a is
    ``alpha`` for the object's class and 1 - alpha for all others; summed over classes and non-neutral anchors.

    ``small_weights``: the heads start with weights so small that every score is about ``prior``, as in the paper
    (4.1). With He's, as NVIDIA's softmax has them, scores start all over the range, the loss of some hundred thousand
    confident mistakes is divided by a few positives, and the first steps are far too long.
    """

    alpha: float = 0.25
    gamma: float = 2.0
    location_weight: float = 1.0
    prior: float = 0.01
    small_weights: bool = True
    rank_local: bool = False

    def channels(self, num_classes: int) -> int:
        return num_classes

    def bias(self) -> float:
        """Makes every score start at ``prior``, so that the mass of background does not swamp the first steps."""
        return -math.log((1 - self.prior) / self.prior)

    def deviation(self) -> float | None:
        return 0.01 if self.small_weights else None

    def scores(self, logits: Tensor) -> Tensor:
        return _precise(logits).sigmoid()

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        total: Tensor = _FocalSum.apply(_precise(logits), labels, self.alpha, self.gamma)
        return _mean(total, positives(labels, rank_local=self.rank_local), self.rank_local)


@dataclass(frozen=True)
class HardNegativeLoss:
    """Softmax cross entropy with background at channel 0, over the positives and the hardest negatives.

    Of all background anchors of the batch together, the ``negatives_per_positive`` · P with the highest loss count.
    A batch without positives has loss 0.
    """

    negatives_per_positive: float = 3.0
    location_weight: float = 1.0
    smallest_probability: float = 1e-15
    rank_local: bool = False

    def channels(self, num_classes: int) -> int:
        return num_classes + 1

    def bias(self) -> float:
        return 0.0

    def deviation(self) -> float | None:
        return None

    def scores(self, logits: Tensor) -> Tensor:
        return _precise(logits).softmax(dim=-1)[..., 1:]

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        logits, labels = _precise(logits).flatten(end_dim=-2), labels.flatten()
        count = positives(labels, rank_local=self.rank_local)
        with torch.no_grad():
            background = (labels == 0).nonzero().squeeze(1)
            # A cross entropy with background, five times as fast as a log-softmax of so few channels.
            hardness = self._floored(logits.logsumexp(dim=-1) - logits[:, 0])[background]
            hardest = _hardest(hardness, int(self.negatives_per_positive * count.item()), self.rank_local)
            counted = torch.cat([(labels > 0).nonzero().squeeze(1), background[hardest]])
        # Only these few are in the loss, so only they are worth a gradient.
        total = self._floored(functional.cross_entropy(logits[counted], labels[counted], reduction="none")).sum()
        return _mean(total, count, self.rank_local)

    def _floored(self, loss: Tensor) -> Tensor:
        return loss.clamp(max=-math.log(self.smallest_probability))


def _precise(values: Tensor) -> Tensor:
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
