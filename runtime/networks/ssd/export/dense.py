"""An SSD before suppression: images in, what every anchor says out; and exported files held against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.tasks.detection import difference

if TYPE_CHECKING:
    from torch import Tensor, nn

    from runtime.imaging.pixels import PixelBatch
    from runtime.networks.ssd.export.heads import Heads
    from runtime.networks.ssd.model import SSD
    from runtime.nn.export.subject import Subject
    from runtime.tasks import Prediction

EXAMPLES = 2


def program(model: SSD) -> nn.Module:
    """RGB images float32 [B, 3, H, W] from 0 to 255 to corners [B, A, 4] in pixels and scores [B, A, N]."""
    import torch

    class Dense(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            scores, corners = self.model.dense(images)
            return corners, scores

    return Dense()


def example(subject: Subject) -> Tensor:
    """A batch to trace with."""
    import torch

    assert subject.size is not None
    return torch.zeros(subject.batch or EXAMPLES, 3, *subject.size)


def outputs(heads: Heads) -> dict[str, str]:
    count = len(heads.anchors)
    return {
        "0": f"float32 [batch, {count}, 4]: boxes; left, top, right, bottom in pixels of the input, not clipped",
        "1": f"float32 [batch, {count}, {heads.classes}]: scores of the classes, from 0 on, unsuppressed",
    }


def compare(
    subject: Subject, images: PixelBatch, expected: Sequence[Prediction], found: Sequence[Prediction]
) -> difference.Difference:
    """Detections against detections; those that only the exported model has must be of an anchor that says so, too."""
    from runtime.networks.ssd.export.heads import model_of

    return difference.between_programs(subject, images, expected, found, candidates=model_of(subject).dense)
