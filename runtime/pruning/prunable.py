"""Models that can be pruned, and the answer to those that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import nn

from runtime.networks import Prunable
from tltpipe.errors import ModelError


class PrunableModule(nn.Module, Prunable):
    """Both at once, for the type checker."""


def prunable(model: object, where: Path | None = None) -> PrunableModule:
    """``model``, in evaluation mode. Raises ModelError where it does not declare what ``Prunable`` asks for."""
    if not isinstance(model, Prunable):
        what = f"a {type(model).__name__} cannot be pruned: it does not declare which layers may lose filters"
        raise ModelError(what, where=where, hint="train a network with a smaller backbone instead")
    return cast("PrunableModule", model)
