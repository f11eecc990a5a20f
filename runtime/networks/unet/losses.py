"""What is learnt from a batch: every pixel whose class is known counts the same, whatever image it is of."""

from __future__ import annotations

from collections.abc import Iterator

from segmentation_models_pytorch.losses import MULTICLASS_MODE, DiceLoss
from torch import Tensor
from torch.nn import functional

from specs.unet.settings import Loss

VOID = 255
"""The value of pixels in a map that nothing is learnt from."""


def losses(logits: Tensor, truth: Tensor, settings: Loss, weights: Tensor | None) -> Iterator[tuple[str, Tensor]]:
    """Those of ``settings`` by name; ``logits`` float32 [B, C, H, W], ``truth`` int64 [B, H, W], ``weights`` [C]."""
    if settings.loss != "dice":
        yield "cross_entropy", cross_entropy(logits, truth, weights)
    if settings.loss != "cross_entropy":
        yield "dice", dice(logits, truth)


def cross_entropy(logits: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """The mean over pixels that are not VOID, by ``weights`` of their classes; 0 where there are none."""
    summed = functional.cross_entropy(logits, truth, weights, ignore_index=VOID, reduction="sum")
    known = truth != VOID
    if weights is None:
        return summed / known.sum().clamp(min=1)
    weight = (weights[truth * known] * known).sum()
    return summed / weight.clamp(min=weights.min())


def dice(logits: Tensor, truth: Tensor) -> Tensor:
    """The mean over all classes of 1 less Dice's coefficient in the batch; 0 of those that it lacks."""
    loss: Tensor = DiceLoss(MULTICLASS_MODE, from_logits=True, ignore_index=VOID)(logits, truth)
    return loss
