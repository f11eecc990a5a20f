"""Exported files of YOLOX held against the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.tasks.detection import difference

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.imaging.pixels import PixelBatch
    from runtime.nn.export.subject import Subject
    from runtime.tasks import Prediction
    from runtime.tasks.detection.difference import Difference


def compare(
    subject: Subject, images: PixelBatch, expected: Sequence[Prediction], found: Sequence[Prediction]
) -> Difference:
    """Detections against detections; those that only the exported model has must be of a cell that says so, too."""
    from runtime.networks.yolox import decode
    from runtime.networks.yolox.export.graphs import model_of

    def candidates(images: Tensor) -> tuple[Tensor, Tensor]:
        said = decode.cells(model_of(subject).raw(images))
        corners = decode.to_corners(decode.boxes(said.offsets, said.corners, said.strides))
        return said.objects.sigmoid()[..., None] * said.classes.sigmoid(), corners

    return difference.between_programs(subject, images, expected, found, candidates=candidates)
