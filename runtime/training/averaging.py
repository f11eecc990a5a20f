"""The exponential moving average of the weights, which detects better than the weights of the last step."""

from __future__ import annotations

import copy

import torch

from runtime.networks import Model

DECAY = 0.999


class Average:
    """A copy of ``model`` with averaged weights and batch-norm statistics; to be made once they are in their place.

    Before the average over 1 / (1 - ``decay``) steps means something, it is one over the last tenth of the steps so
    far: step n keeps no more than n / (n + 9) of the old value.
    """

    def __init__(self, model: Model, decay: float = DECAY) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model)
        self.model.eval()
        for weights in self.model.parameters():
            weights.requires_grad_(False)
        mine, theirs = self.model.state_dict(), model.state_dict()
        real = [name for name, tensor in theirs.items() if tensor.is_floating_point()]
        self._averages, self._values = [mine[name] for name in real], [theirs[name] for name in real]
        self._copies = [(mine[name], theirs[name]) for name in theirs if name not in set(real)]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after iteration ``step``, counted from 0."""
        share = 1.0 - min(self.decay, step / (step + 9))
        torch._foreach_lerp_(self._averages, self._values, share)
        for mine, theirs in self._copies:
            mine.copy_(theirs)
