"""Models that can be pruned, and the answer to those that cannot."""

from __future__ import annotations

from typing import cast

from torch import nn

from runtime.networks import Prunable
from tltpipe.errors import ModelError


class PrunableModule(nn.Module, Prunable):
    """Both at once, for the type checker."""


def prunable(model: object) -> PrunableModule:
    """``model``, in evaluation mode. Raises ModelError where it does not declare what ``Prunable`` asks for."""
    if not isinstance(model, Prunable):
        what = f"a {type(model).__name__} cannot be pruned: it does not declare which layers may lose filters"
        raise ModelError(what, hint="train a network with a smaller backbone instead")
    return cast("PrunableModule", model)
