"""One file per dialect of training specs: ``recipe(spec)`` reads its message into a Recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from specs import Spec


class Dialect(Protocol):
    """What a module in this folder provides."""

    def recipe(self, spec: Spec) -> Recipe:
        """Raises SpecError naming the field."""
        ...
