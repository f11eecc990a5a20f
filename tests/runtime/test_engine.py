"""The loop on a detector of a few weights: losses, rates, epochs, interruptions, values that are no numbers."""

from __future__ import annotations

import itertools
import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from refusals import error_of

from runtime.data.batches import Batch
from tltpipe.errors import RunFailed
from tltpipe.progress import Silent

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
fabric_module = pytest.importorskip("lightning_fabric")

from runtime.machine import threads
from runtime.networks import FollowsEpochs
from runtime.training import loop
from runtime.training.averaging import Average


class Toy(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Learns the mean brightness of a picture; the smallest thing that keeps the contract."""

    input_size = (4, 4)

    def __init__(self, *, poison: int | None = None, steep: int | None = None, dropout: float = 0.5) -> None:
        super().__init__()
        self.guess = torch.nn.Parameter(torch.zeros(1))
        self.dropout = torch.nn.Dropout(dropout)
        self.calls, self.poison, self.steep = 0, poison, steep

    def forward(self, images: Any, targets: Any) -> Any:
        assert len(targets) == len(images)
        assert self.training
        assert images.dtype == torch.float32
        self.calls += 1
        error = self.dropout(self.guess - images.mean(dim=(1, 2, 3)) / 255)
        scale = math.nan if self.calls == self.poison else 1.0
        # The square root's slope at zero has no end, though its value is a number.
        steep = torch.sqrt(0 * self.guess.abs()).sum() if self.calls == self.steep else 0.0
        return {"classification": scale * (error**2).mean() + steep, "regularization": 0.1 * self.guess.abs().sum()}


def batches(count: int) -> Iterator[Batch]:
    random = np.random.default_rng(0)
    for _ in range(count):
        images = random.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
        yield Batch(images, [{"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64)}] * 2)


@dataclass
class Notes:
    """A watcher that writes down what it is told."""

    steps: list[loop.Step] = field(default_factory=list)
    epochs: list[loop.Epoch] = field(default_factory=list)
    saved: list[tuple[int, loop.Tally]] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    at_step: Callable[[loop.Step], None] = lambda _: None
    ends_after: int = 10**9
    save_every_step: bool = False

    def batch(self, _batch: Batch, number: int) -> None:
        self.shown.append(number)

    def step(self, step: loop.Step) -> None:
        self.steps.append(step)
        self.at_step(step)

    def epoch(self, epoch: loop.Epoch, _tally: loop.Tally) -> bool:
        self.epochs.append(epoch)
        return epoch.number >= self.ends_after

    def due(self, _steps: int) -> bool:
        return self.save_every_step

    def between(self, epoch: int, tally: loop.Tally) -> None:
        self.within(epoch, tally)

    def within(self, epoch: int, tally: loop.Tally) -> None:
        self.saved.append((epoch, replace(tally)))


@dataclass
class Run:
    """A toy training, ready to run."""

    detector: Toy
    epochs: range
    steps: int = 3
    rate: Callable[[int], float] = lambda _: 0.1
    state: Any = None
    notes: Notes = field(default_factory=Notes)
    tally: loop.Tally = field(default_factory=loop.Tally)
    clip_norm: float | None = None
    ema: float | None = None
    iterations: int | None = None
    given: Iterator[Batch] | None = None

    def __call__(self) -> Notes:
        fabric = fabric_module.Fabric(accelerator="cpu", devices=1)
        made = torch.optim.SGD(self.detector.parameters(), lr=0.0, momentum=0.9)
        model, self.optimizer = fabric.setup(self.detector, made)
        if self.state is not None:
            self.optimizer.load_state_dict(self.state)
        self.average = Average(self.detector, self.ema) if self.ema is not None else None
        given = self.given or itertools.islice(
            batches(100), (self.epochs.start - 1) * self.steps + self.tally.steps, None
        )
        plan = loop.Plan(
            self.epochs, self.steps, self.rate, 5, self.clip_norm, lambda epoch, step: [f"picture {epoch}-{step}"],
            self.iterations,
        )  # fmt: skip
        loop.Loop(
            fabric=fabric, model=model, optimizer=self.optimizer, batches=given, plan=plan, watcher=self.notes,
            progress=Silent(), threads=threads.for_torch(1), average=self.average, tally=self.tally,
            followers=[self.detector] if isinstance(self.detector, FollowsEpochs) else (),
        ).run()  # fmt: skip
        return self.notes


def test_every_step_has_its_rate_and_every_epoch_its_mean() -> None:
    told = Run(Toy(), range(1, 3), rate=lambda step: 0.1 / (step + 1))()
    assert [step.number for step in told.steps] == list(range(6))
    assert [step.rate for step in told.steps] == [0.1 / number for number in range(1, 7)]
    assert [(epoch.number, epoch.images) for epoch in told.epochs] == [(1, 6), (2, 6)]
    # The rate of an epoch's end is that of the step that comes next.
    assert [epoch.rate for epoch in told.epochs] == [0.1 / 4, 0.1 / 7]
    first = [sum(step.losses.values()) for step in told.steps[:3]]
    assert told.epochs[0].loss == pytest.approx(sum(first) / 3)
    assert told.shown == list(range(6))


def by_hand(count: int, *, clip: float = math.inf) -> tuple[list[float], list[float]]:
    """The guesses after each of so many steps of SGD with momentum, and the lengths of the gradients."""
    guess, speed, guesses, lengths = 0.0, 0.0, [], []
    for batch in batches(count):
        means = batch.images.reshape(2, -1).mean(1) / 255
        slope = float(2 * (guess - means).mean() + 0.1 * np.sign(guess))
        lengths.append(abs(slope))
        speed = 0.9 * speed + max(-clip, min(clip, slope))
        guess -= 0.1 * speed
        guesses.append(guess)
    return guesses, lengths


def test_the_weights_move_by_momentum_sgd_on_the_sum_of_losses() -> None:
    detector = Toy(dropout=0.0)
    told = Run(detector, range(1, 2), steps=2)()
    guesses, lengths = by_hand(2)
    assert detector.guess.item() == pytest.approx(guesses[-1], rel=1e-4)
    assert [step.gradient_norm for step in told.steps] == pytest.approx(lengths, rel=1e-4)


def test_long_gradients_are_clipped_and_told_at_full_length() -> None:
    detector = Toy(dropout=0.0)
    told = Run(detector, range(1, 2), steps=2, clip_norm=0.25)()
    guesses, lengths = by_hand(2, clip=0.25)
    assert detector.guess.item() == pytest.approx(guesses[-1], rel=1e-4)
    assert detector.guess.item() != pytest.approx(by_hand(2)[0][-1], rel=1e-2)
    assert [step.gradient_norm for step in told.steps] == pytest.approx(lengths, rel=1e-4)


def test_the_moving_average_is_one_over_the_last_tenth_at_first_and_follows_its_decay_then() -> None:
    run = Run(Toy(dropout=0.0), range(1, 2), steps=30, ema=0.7)
    run()
    average = 0.0
    for step, guess in enumerate(by_hand(30)[0]):
        kept = min(0.7, step / (step + 9))
        average = kept * average + (1 - kept) * guess
    assert run.average.model.guess.item() == pytest.approx(average, rel=1e-4)
    assert run.average.model.guess.item() != pytest.approx(run.detector.guess.item(), rel=1e-4)


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    whole, parts = Toy(), Toy()
    together = Run(whole, range(1, 5))()
    before = Run(parts, range(1, 3))
    before()
    after = Run(parts, range(3, 5), state=before.optimizer.state_dict())()
    assert [step.losses for step in before.notes.steps + after.steps] == [step.losses for step in together.steps]
    assert parts.guess.item() == whole.guess.item()


def test_every_step_draws_random_numbers_of_its_own() -> None:
    class Drawing(Toy):
        def forward(self, images: Any, targets: Any) -> Any:
            drawn.append(torch.rand(1).item())
            return super().forward(images, targets)

    drawn: list[float] = []
    Run(Drawing(), range(1, 4))()
    once, drawn = drawn, []
    Run(Drawing(), range(1, 4))()
    assert drawn == once
    assert len(set(drawn)) == 9


def interrupt_at(number: int) -> Callable[[loop.Step], None]:
    def at_step(step: loop.Step) -> None:
        if step.number == number:
            os.kill(os.getpid(), signal.SIGTERM)

    return at_step


def test_a_run_cut_in_the_middle_of_an_epoch_goes_on_with_the_next_batch() -> None:
    """With dropout, so that the random numbers of each step must be those of the run in one piece, too."""
    whole, parts = Toy(), Toy()
    together = Run(whole, range(1, 4), steps=5)()
    cut = Run(parts, range(1, 4), steps=5, notes=Notes(at_step=interrupt_at(6)))
    with pytest.raises(KeyboardInterrupt):
        cut()
    [(epoch, tally)] = cut.notes.saved
    assert (epoch, tally.steps, tally.images) == (2, 2, 4)
    after = Run(parts, range(2, 4), steps=5, state=cut.optimizer.state_dict(), tally=tally)()
    assert [step.losses for step in cut.notes.steps + after.steps] == [step.losses for step in together.steps]
    assert parts.guess.item() == whole.guess.item()
    assert [epoch.loss for epoch in cut.notes.epochs + after.epochs] == [epoch.loss for epoch in together.epochs]
    assert [epoch.images for epoch in after.epochs] == [10, 10]


def test_asked_to_stop_twice_a_step_is_not_finished_and_nothing_is_saved() -> None:
    class Slow(Toy):
        def forward(self, images: Any, targets: Any) -> Any:
            losses = super().forward(images, targets)
            if self.calls == 2:
                for _ in range(2):
                    os.kill(os.getpid(), signal.SIGINT)
            return losses

    detector = Slow(dropout=0.0)
    run = Run(detector, range(1, 2))
    with pytest.raises(KeyboardInterrupt):
        run()
    assert run.notes.saved == []
    assert detector.guess.item() == pytest.approx(by_hand(1)[0][-1], rel=1e-4)


def test_saves_within_an_epoch_come_after_whole_steps_that_were_judged() -> None:
    told = Run(Toy(), range(1, 3), notes=Notes(save_every_step=True))()
    assert [(epoch, tally.steps) for epoch, tally in told.saved] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    losses = [sum(step.losses.values()) for step in told.steps]
    assert told.saved[1][1].loss == sum(losses[:2])


def test_what_the_watcher_does_with_a_batch_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It draws the first ones, just when the number of threads is chosen by how long steps take."""
    told = list[str]()

    @contextmanager
    def timed(_threads: threads.Threads, _units: float = 1) -> Iterator[None]:
        told.append("timed")
        yield
        told.append("over")

    monkeypatch.setattr(threads.Threads, "timed", timed)
    notes = Notes()
    monkeypatch.setattr(notes, "batch", lambda _batch, number: told.append(f"batch {number}"))
    Run(Toy(), range(1, 2), steps=2, notes=notes)()
    assert told == ["batch 0", "timed", "over", "batch 1", "timed", "over"]


def test_the_watcher_may_end_it_early() -> None:
    told = Run(Toy(), range(1, 9), notes=Notes(ends_after=3))()
    assert [epoch.number for epoch in told.epochs] == [1, 2, 3]


def test_training_by_iterations_ends_with_a_shorter_epoch() -> None:
    """The schedule, the mean of the last epoch and its images are of the steps that there were; in two parts, too."""
    whole, parts = Toy(), Toy()
    told = Run(whole, range(1, 4), steps=3, iterations=8, rate=falling)()
    assert [step.number for step in told.steps] == list(range(8))
    assert [(epoch.number, epoch.images) for epoch in told.epochs] == [(1, 6), (2, 6), (3, 4)]
    assert told.epochs[-1].rate == 0.1 / 9
    last = [sum(step.losses.values()) for step in told.steps[6:]]
    assert told.epochs[-1].loss == pytest.approx(sum(last) / 2)
    cut = Run(parts, range(1, 4), iterations=8, rate=falling, notes=Notes(at_step=interrupt_at(6)))
    with pytest.raises(KeyboardInterrupt):
        cut()
    [(epoch, tally)] = cut.notes.saved
    assert (epoch, tally.steps) == (3, 1)
    after = Run(parts, range(3, 4), iterations=8, rate=falling, state=cut.optimizer.state_dict(), tally=tally)()
    assert [step.number for step in after.steps] == [7]
    assert parts.guess.item() == whole.guess.item()


def falling(step: int) -> float:
    return 0.1 / (step + 1)


def test_a_model_that_follows_epochs_is_told_before_each_and_after_a_resume() -> None:
    class Following(Toy):
        def begin_epoch(self, epoch: int) -> None:
            begun.append((epoch, self.calls))

    begun: list[tuple[int, int]] = []
    Run(Following(), range(1, 4))()
    assert begun == [(1, 0), (2, 3), (3, 6)]
    begun.clear()
    Run(Following(), range(5, 6), tally=loop.Tally(steps=1))()
    assert begun == [(5, 0)]


@pytest.mark.parametrize(("size", "setting"), [(4, "batch_size"), (36, "multi_scale")])
def test_a_step_beyond_memory_names_the_setting(size: int, setting: str) -> None:
    """What no machine has is asked for: PyTorch's own refusal."""

    class Hungry(Toy):
        def forward(self, images: Any, targets: Any) -> Any:
            if images.shape[-1] == size:
                torch.empty(1 << 60)
            return super().forward(images, targets)

    small, large = (Batch(np.zeros((2, side, side, 3), np.uint8), [{}] * 2) for side in (4, size))
    run = Run(Hungry(), range(1, 3), given=iter([small if size > 4 else large, large]))
    error = error_of(RunFailed, run, match=f"2 images of {size}x{size}")
    assert (error.hint or "").startswith(f"set {setting} lower")


@pytest.mark.parametrize(
    ("detector", "told"),
    [
        (Toy(poison=5), r"loss became NaN or infinite at epoch 2, step 2 \(classification nan, regul"),
        (Toy(steep=5), r"gradient became NaN or infinite at epoch 2, step 2 \(classification \d"),
    ],
)
def test_values_that_are_no_numbers_end_training_and_name_the_batch(detector: Toy, told: str) -> None:
    run = Run(detector, range(1, 4))
    error = error_of(RunFailed, run, match=told)
    assert "picture 2-2" in error.what
    assert "learning rate" in (error.hint or "")
    assert [epoch.number for epoch in run.notes.epochs] == [1]
    # Nothing of the bad step is told or saved.
    assert run.notes.steps[-1].number == 3
    assert run.notes.saved == []
