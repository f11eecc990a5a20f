"""The two losses of NVIDIA's SSDs: sigmoid focal loss (TLT 2.0), softmax with hard negatives (TLT 3.0 and later).

Both normalise by the positives of the whole batch, and both say how many class channels they want.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Loss(Protocol):
    """What turns class logits into a loss, and into scores. Labels are 1 to N; 0 background, negative in no loss."""

    @property
    def location_weight(self) -> float:
        """Weight of the box loss."""
        ...

    def channels(self, num_classes: int) -> int:
        """Class channels per anchor for N classes."""
        ...

    def bias(self) -> float:
        """Initial bias of the class heads."""
        ...

    def scores(self, logits: Tensor) -> Tensor:
        """Probabilities of the N classes: [..., channels] to [..., N]."""
        ...

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The class loss, a scalar, of logits [B, A, channels] and labels int64 [B, A]."""
        ...


def positives(labels: Tensor) -> Tensor:
    """What both losses divide by: anchors with an object, in the whole batch, at least 1."""
    return (labels > 0).sum().clamp(min=1)


def localization(offsets: Tensor, targets: Tensor, labels: Tensor, *, weight: float) -> Tensor:
    """Smooth L1 over the positives [P, 4], summed over coordinates, per positive of the batch; a scalar."""
    total = functional.smooth_l1_loss(offsets.float(), targets, reduction="sum")
    return weight * total / positives(labels)


@dataclass(frozen=True)
class FocalLoss:
    """Sigmoid focal loss without a background channel (https://arxiv.org/abs/1708.02002, equation 5).

    Per anchor and class a (1 - p_t)^gamma · (-ln p_t), where p_t is the probability of the right answer and a is
    ``alpha`` for the object's class and 1 - alpha for all others; summed over classes and non-neutral anchors.
    """

    alpha: float = 0.25
    gamma: float = 2.0
    location_weight: float = 1.0
    prior: float = 0.01

    def channels(self, num_classes: int) -> int:
        return num_classes

    def bias(self) -> float:
        """Makes every score start at ``prior``, so that the mass of background does not swamp the first steps."""
        return -math.log((1 - self.prior) / self.prior)

    def scores(self, logits: Tensor) -> Tensor:
        return logits.float().sigmoid()

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        logits = logits.float()
        classes = torch.arange(1, logits.shape[-1] + 1, device=labels.device)
        right = labels[..., None] == classes
        # The logit of being wrong: sigmoid(wrong) = 1 - p_t and softplus(wrong) = -ln p_t, stable at both ends.
        wrong = torch.where(right, -logits, logits)
        weight = torch.where(right, self.alpha, 1 - self.alpha) * (labels >= 0)[..., None]
        return (weight * wrong.sigmoid().pow(self.gamma) * functional.softplus(wrong)).sum() / positives(labels)


@dataclass(frozen=True)
class HardNegativeLoss:
    """Softmax cross entropy with background at channel 0, over the positives and the hardest negatives.

    Of all background anchors of the batch together, the ``negatives_per_positive`` · P with the highest loss count.
    A batch without positives has loss 0.
    """

    negatives_per_positive: float = 3.0
    location_weight: float = 1.0
    smallest_probability: float = 1e-15

    def channels(self, num_classes: int) -> int:
        return num_classes + 1

    def bias(self) -> float:
        return 0.0

    def scores(self, logits: Tensor) -> Tensor:
        return logits.float().softmax(dim=-1)[..., 1:]

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        log_probability = functional.log_softmax(logits.float(), dim=-1).clamp(min=math.log(self.smallest_probability))
        loss = -log_probability.gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
        positive, background = labels > 0, loss[labels == 0]
        wanted = int(self.negatives_per_positive * int(positive.sum()))
        hardest = background.topk(min(wanted, len(background)), sorted=False).values
        return (loss[positive].sum() + hardest.sum()) / positives(labels)
