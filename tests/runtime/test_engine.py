"""The loop on a detector of a few weights: what it does with losses, rates, epochs and a loss that is no number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from runtime.data import Batch
from tltpipe.errors import RunFailed
from tltpipe.progress import Silent

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
fabric_module = pytest.importorskip("lightning_fabric")

from runtime import engine


class Toy(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Learns the mean brightness of a picture; the smallest thing that keeps the contract."""

    input_size = (4, 4)

    def __init__(self, *, poison: int | None = None) -> None:
        super().__init__()
        self.guess = torch.nn.Parameter(torch.zeros(1))
        self.dropout = torch.nn.Dropout(0.5)
        self.calls, self.poison = 0, poison

    def forward(self, images: Any, targets: Any) -> Any:
        assert len(targets) == len(images)
        assert self.training
        assert images.dtype == torch.float32
        self.calls += 1
        error = self.dropout(self.guess - images.mean(dim=(1, 2, 3)) / 255)
        scale = math.nan if self.calls == self.poison else 1.0
        return {"classification": scale * (error**2).mean(), "regularization": 0.1 * self.guess.abs().sum()}


def batches(count: int) -> Iterator[Batch]:
    random = np.random.default_rng(0)
    for _ in range(count):
        images = random.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
        yield Batch(images, [np.zeros((0, 4), np.float32)] * 2, [np.zeros(0, np.int64)] * 2)


def run(
    detector: Toy,
    epochs: range,
    *,
    steps: int = 3,
    rate: Callable[[int], float] = lambda _: 0.1,
    state: Any = None,
) -> tuple[list[engine.Step], list[engine.Epoch], Any]:
    fabric = fabric_module.Fabric(accelerator="cpu", devices=1)
    model, optimizer = fabric.setup(detector, torch.optim.SGD(detector.parameters(), lr=0.0, momentum=0.9))
    if state is not None:
        optimizer.load_state_dict(state)
    told_steps: list[engine.Step] = []
    told_epochs: list[engine.Epoch] = []
    given = itertools.islice(batches(100), (epochs.start - 1) * steps, None)
    engine.fit(
        fabric, model, optimizer, given, engine.Plan(epochs, steps, rate, seed=5),
        progress=Silent(), on_step=told_steps.append, on_epoch=told_epochs.append,
    )  # fmt: skip
    return told_steps, told_epochs, optimizer.state_dict()


def test_every_step_has_its_rate_and_every_epoch_its_mean() -> None:
    steps, epochs, _ = run(Toy(), range(1, 3), rate=lambda step: 0.1 / (step + 1))
    assert [step.number for step in steps] == list(range(6))
    assert [step.rate for step in steps] == [0.1 / number for number in range(1, 7)]
    assert [(epoch.number, epoch.images) for epoch in epochs] == [(1, 6), (2, 6)]
    first = [sum(step.losses.values()) for step in steps[:3]]
    assert epochs[0].loss == pytest.approx(sum(first) / 3)


def test_the_weights_move_by_momentum_sgd_on_the_sum_of_losses() -> None:
    detector = Toy()
    detector.dropout.p = 0.0
    run(detector, range(1, 2), steps=2)
    guess, speed = 0.0, 0.0
    for batch in batches(2):
        means = batch.images.reshape(2, -1).mean(1) / 255
        slope = 2 * (guess - means).mean() + 0.1 * np.sign(guess)
        speed = 0.9 * speed + slope
        guess -= 0.1 * speed
    assert detector.guess.item() == pytest.approx(guess, rel=1e-4)


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    whole, parts = Toy(), Toy()
    steps, _, _ = run(whole, range(1, 5))
    before, _, state = run(parts, range(1, 3))
    after, _, _ = run(parts, range(3, 5), state=state)
    assert [step.losses for step in before + after] == [step.losses for step in steps]
    assert parts.guess.item() == whole.guess.item()


def test_a_loss_that_is_no_number_ends_training() -> None:
    told: list[engine.Epoch] = []
    with pytest.raises(RunFailed, match=r"no number any more in epoch 2 \(classification nan") as caught:
        run(Toy(poison=5), range(1, 4))
    assert "max_learning_rate" in (caught.value.hint or "")
    assert told == []
