"""Detections of an exported program against those of the model that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from runtime.tasks.detection import difference

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.imaging.pixels import PixelBatch
    from runtime.nn.export.subject import Subject
    from runtime.tasks import Prediction


def compare(
    subject: Subject,
    images: PixelBatch,
    expected: Sequence[Prediction],
    found: Sequence[Prediction],
    *,
    candidates: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> difference.Difference:
    """What only the program has ``found`` must be among the ``candidates`` of the model: scores [B, A, N] of all
    classes and corners [B, A, 4] of images float32 [B, 3, H, W]."""
    import torch

    allowed = difference.HALF if subject.data_type == "fp16" else difference.EXACT
    with torch.inference_mode():
        scores, corners = candidates(torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float())
    return difference.between(expected, found, allowed, candidates=(scores.numpy(), corners.numpy()))
