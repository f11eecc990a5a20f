"""A detector as a plain program: pictures in, what every anchor says out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from runtime.exporting.subject import Subject

EXAMPLES = 2


class Dense(nn.Module):
    """RGB pictures float32 [B, 3, H, W] from 0 to 255 to corners [B, A, 4] in pixels and scores [B, A, N]."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        scores, corners = self.detector.dense(images)
        return corners, scores


def example(subject: Subject) -> Tensor:
    """A batch to trace with."""
    return torch.zeros(subject.batch or EXAMPLES, 3, *subject.heads.input_size)


def outputs(subject: Subject) -> dict[str, str]:
    count = len(subject.heads.anchors)
    return {
        "0": f"float32 [batch, {count}, 4]: boxes; left, top, right, bottom in pixels of the input, not clipped",
        "1": f"float32 [batch, {count}, {subject.heads.classes}]: scores of the classes, from 0 on, unsuppressed",
    }
