"""What a recipe says of the model. Without torch: a spec is read before that is needed."""

from __future__ import annotations

from dataclasses import dataclass

from specs.yolox.settings import Model


@dataclass(frozen=True)
class Settings:
    """``input_size`` (height, width) is that of validation, and of training but for multi-scale; from the epoch
    ``closing`` on boxes are also learnt by the L1 loss."""

    network: Model
    input_size: tuple[int, int]
    closing: int
