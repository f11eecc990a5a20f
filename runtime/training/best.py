"""What a run remembers of its epochs: which was the best, and whether it still gets better."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.data.recipe import EarlyStopping


@dataclass
class Memory:
    """``best`` is the highest figure so far, of ``best_epoch``; ``waited`` epochs have not fallen below ``least``.

    ``over``: the run was stopped early.
    """

    best: float | None = None
    best_epoch: int = 0
    least: float | None = None
    waited: int = 0
    over: bool = False

    def judge(self, epoch: int, figure: float | None) -> None:
        """``figure`` is what ``epoch`` is worth, None where it was not measured; of equals the first is the best."""
        if figure is not None and (self.best is None or figure > self.best):
            self.best, self.best_epoch = figure, epoch

    def stops(self, value: float | None, rule: EarlyStopping) -> bool:
        """Whether ``value``, of one more epoch, is the last straw. None does not count.

        As in Keras a patience of 0 ends with the first epoch that is no better, like one of 1.
        """
        if value is None:
            return False
        if self.least is None or value + rule.min_delta < self.least:
            self.least, self.waited = value, 0
        else:
            self.waited += 1
            self.over = self.waited >= rule.patience
        return self.over
