"""What a recipe says of the model. Without torch: a spec is read before that is needed."""

from __future__ import annotations

from dataclasses import dataclass

from specs.unet.settings import Loss, Model


@dataclass(frozen=True)
class Settings:
    """``input_size`` is height and width; ``classes`` how many there are beside the background."""

    network: Model
    loss: Loss
    input_size: tuple[int, int]
    classes: int

    @property
    def channels(self) -> int:
        """Logits of a pixel: of the background first."""
        return self.classes + 1
