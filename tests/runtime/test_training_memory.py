"""The best epoch, and when to stop early."""

from __future__ import annotations

import pytest

from runtime.data.recipe import EarlyStopping

pytestmark = pytest.mark.torch

pytest.importorskip("torch")

from runtime.training.best import Memory


def test_the_best_is_the_first_of_the_highest() -> None:
    memory = Memory()
    bests = []
    for epoch, figure in enumerate([None, 0.2, 0.5, None, 0.5, 0.3], start=1):
        memory.judge(epoch, figure)
        bests.append(memory.best_epoch)
    assert bests == [0, 2, 3, 3, 3, 3]
    assert memory.best == 0.5


@pytest.mark.parametrize(
    ("values", "rule", "stopped"),
    [
        ([5, 4, 3, 2], EarlyStopping("loss", 1), None),
        ([5, 5, 4, 4, 4], EarlyStopping("loss", 2), 5),
        # To fall by exactly the least that counts is not enough; only what counts makes a new mark.
        ([5, 4, 4.2, 3], EarlyStopping("loss", 2, 1.0), 3),
        ([5, 4, 4, 3], EarlyStopping("loss", 0), 3),
        ([5, 3, 2.5, 1.9, 1.5], EarlyStopping("loss", 2, 1.0), None),
        ([5, None, 5, None, 5], EarlyStopping("validation_loss", 2), 5),
    ],
)
def test_patience(values: list[float | None], rule: EarlyStopping, stopped: int | None) -> None:
    memory = Memory()
    ended = next((epoch for epoch, value in enumerate(values, start=1) if memory.stops(value, rule)), None)
    assert ended == stopped
    assert memory.over == (stopped is not None)
