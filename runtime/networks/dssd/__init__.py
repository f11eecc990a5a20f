"""DSSD: an SSD whose maps are refined from the coarsest to the finest, by transposed convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.networks.ssd import EXPORTS, TASK, advice, recipe

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.networks.ssd.config import Settings
    from runtime.networks.ssd.model import SSD

__all__ = ["EXPORTS", "TASK", "advice", "build", "recipe"]


def build(recipe: Recipe[Settings]) -> SSD:
    """A detector with random weights. Raises SpecError for an input too small for six maps."""
    from runtime.networks.dssd.features import Refined
    from runtime.networks.ssd.model import SSD

    return SSD(recipe.model, num_classes=len(recipe.classes), features=Refined)
