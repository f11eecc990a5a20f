"""The two losses of NVIDIA's SSDs: sigmoid focal loss (TLT 2.0), softmax with hard negatives (TLT 3.0 and later).

Plain values, of which recipes are made without torch; ``loss_terms`` computes. Both normalise by the positives of the
whole batch, and both say how many class channels they want. Where several processes share a batch, each returns the
loss of the whole batch (runtime/machine/processes.py has what that means for gradients); with ``rank_local``, each that
of its own part, as NVIDIA's do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


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
        from runtime.networks.ssd import loss_terms

        return loss_terms.precise(logits).sigmoid()

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        from runtime.networks.ssd import loss_terms

        return loss_terms.focal(self, logits, labels)


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
        from runtime.networks.ssd import loss_terms

        return loss_terms.precise(logits).softmax(dim=-1)[..., 1:]

    def classification(self, logits: Tensor, labels: Tensor) -> Tensor:
        from runtime.networks.ssd import loss_terms

        return loss_terms.hard_negatives(self, logits, labels)
