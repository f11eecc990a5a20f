"""The one training loop. It knows no network by name: batches go in, a dict of losses comes out, weights move.

Lightning Fabric carries device, precision and processes; each process sees its share of every batch.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch

from runtime.data import batches as data
from runtime.machine import processes
from runtime.training import guards

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from runtime.data.batches import Batch
    from runtime.machine.threads import Threads
    from runtime.networks import FollowsEpochs, Model
    from runtime.training.averaging import Average
    from tltpipe.progress import Progress


@dataclass(frozen=True)
class Step:
    """Iteration ``number`` (from 0, over all epochs) with its learning rate and the value of each loss.

    ``gradient_norm`` is that before clipping; the step took ``seconds``, ``data_wait`` of them for its batch, and has
    seen ``images``, those of all processes.
    """

    number: int
    rate: float
    losses: Mapping[str, float]
    gradient_norm: float = 0.0
    data_wait: float = 0.0
    seconds: float = 0.0
    images: int = 0


@dataclass(frozen=True)
class Epoch:
    """Epoch ``number`` (from 1): the mean ``loss`` of its steps, the ``seconds`` it took, images of all processes.

    ``losses`` are the means of the terms of the loss, ``rate`` is the learning rate of the step that comes next,
    ``data_wait`` the seconds of waiting for batches.
    """

    number: int
    loss: float
    seconds: float
    images: int
    rate: float = 0.0
    data_wait: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Tally:
    """The part of an epoch that is done: its steps, the sum of their losses, seconds, images of all processes, and the
    sums of the ``terms`` of the loss."""

    steps: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    data_wait: float = 0.0
    images: int = 0
    terms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What to run: ``steps`` an epoch, ``rate`` gives the learning rate of an iteration counted over all epochs.

    ``frames`` names the pictures of (epoch, step from 1), for all processes. Gradients longer than ``clip_norm`` are
    shortened to it. ``iterations``: training ends after so many, with an epoch that is shorter than the others.
    """

    epochs: range
    steps: int
    rate: Callable[[int], float]
    seed: int
    clip_norm: float | None = None
    frames: Callable[[int, int], Sequence[str]] = lambda _epoch, _step: ()
    iterations: int | None = None

    def before(self, epoch: int) -> int:
        """Iterations of all epochs before ``epoch``."""
        done = (epoch - 1) * self.steps
        return done if self.iterations is None else min(done, self.iterations)

    def steps_in(self, epoch: int) -> int:
        """Iterations of ``epoch``."""
        return self.before(epoch + 1) - self.before(epoch)


class Watcher(Protocol):
    """Is told what happens, in its own process, and keeps what there is to keep."""

    def batch(self, batch: Batch, number: int) -> None:
        """``batch`` is what iteration ``number`` gets to see."""
        ...

    def step(self, step: Step) -> None: ...

    def epoch(self, epoch: Epoch, tally: Tally) -> bool:
        """Returns whether to end here, before all epochs are done."""
        ...

    def due(self, steps: int) -> bool:
        """Whether there is something to do ``between`` after so many ``steps`` of all epochs."""
        ...

    def between(self, epoch: int, tally: Tally) -> None:
        """Do in ``epoch``, after the steps of ``tally``, what is due; the model may be left in evaluation mode."""
        ...

    def within(self, epoch: int, tally: Tally) -> None:
        """Save the state in ``epoch`` after the steps of ``tally``."""
        ...


class NullWatcher:
    """The watcher of all processes but the first."""

    def batch(self, batch: Batch, number: int) -> None: ...

    def step(self, step: Step) -> None: ...

    def epoch(self, epoch: Epoch, tally: Tally) -> bool:  # noqa: ARG002
        return False

    def due(self, steps: int) -> bool:  # noqa: ARG002
        return False

    def between(self, epoch: int, tally: Tally) -> None: ...

    def within(self, epoch: int, tally: Tally) -> None: ...


@dataclass(frozen=True)
class Reading:
    """What a step measured, on its way from the device: the losses by ``names``, and the gradient's length last.
    ``began`` is when the step did, by the monotonic clock."""

    epoch: int
    step: int
    number: int
    rate: float
    data_wait: float
    began: float
    images: int
    names: tuple[str, ...]
    values: torch.Tensor
    arrived: torch.cuda.Event | None

    def read(self, since: float) -> Step:
        """Wait for the values; the step lasted from its begin, or from ``since`` if that came later, until now."""
        if self.arrived is not None:
            self.arrived.synchronize()
        *losses, norm = self.values.tolist()
        seconds = time.monotonic() - max(self.began, since)
        named = dict(zip(self.names, losses, strict=True))
        return Step(self.number, self.rate, named, norm, self.data_wait, seconds, self.images)


@dataclass(kw_only=True)
class Loop:
    """Trains ``model``, which ``fabric`` has set up, on ``batches``: ``plan.steps`` of them an epoch.

    ``tally`` is what of the first epoch is done already; ``followers`` are told of each epoch. Nothing that a step
    does depends on more than the weights, the optimiser's state, seed, epoch and step, so that a run goes on from
    anywhere as if it had never stopped.
    """

    fabric: Fabric
    model: Model
    optimizer: Any
    batches: Iterator[Batch]
    plan: Plan
    watcher: Watcher
    progress: Progress
    threads: Threads
    average: Average | None = None
    tally: Tally = field(default_factory=Tally)
    followers: Sequence[FollowsEpochs] = ()

    def __post_init__(self) -> None:
        self.precision: Any = self.fabric.strategy.precision
        self.weights = [weights for group in self.optimizer.param_groups for weights in group["params"]]
        self.numbers = guards.Numbers(self.plan.frames, skipping=getattr(self.precision, "scaler", None) is not None)
        # A GPU computes a step while the one before is read: to ask at once would be to wait for it every time.
        self.late = 1 if self.fabric.device.type == "cuda" else 0
        self.unread: deque[Reading] = deque()
        self.last_read = 0.0

    def run(self) -> None:
        """Train all epochs of the plan.

        Raises RunFailed when a loss or a gradient became NaN or infinite; the weights are of no use then. On Ctrl-C the
        step under way is finished and the watcher saves; KeyboardInterrupt is raised then.
        """
        epoch = self.plan.epochs.start
        # Other processes than the first have nothing to save: whoever started them sees to requests to end.
        heeds = guards.interruptible() if self.fabric.is_global_zero else nullcontext(guards.Interruption())
        with heeds as interruption:
            try:
                for epoch in self.plan.epochs:
                    for follower in self.followers:
                        follower.begin_epoch(epoch)
                    self._steps(epoch, interruption)
                    if self._conclude(epoch):
                        return
                    self.tally = Tally()
            except KeyboardInterrupt:
                if not interruption.torn:
                    self._settle()
                    self.watcher.within(epoch, self.tally)
                raise
            except Exception as failure:
                if interruption.torn:  # what was cut in two, such as a compiler, may say so in its own words
                    raise KeyboardInterrupt from failure
                raise

    def _steps(self, epoch: int, interruption: guards.Interruption) -> None:
        tally, ahead = self.tally, self.plan.steps_in(epoch) - self.tally.steps
        self.model.train()
        name = f"epoch {epoch}/{self.plan.epochs.stop - 1}"
        with self.progress.bar(name, total=ahead, unit="steps") as bar:
            for _ in range(ahead):
                began = time.monotonic()
                batch = next(self.batches)
                waited = time.monotonic() - began
                with interruption.held():
                    # Not among what is timed: drawing a batch says nothing of how long a step takes.
                    self.watcher.batch(batch, self.plan.before(epoch) + tally.steps)
                    nominal = self.model.input_size
                    with self.threads.timed(_work(batch, nominal)), guards.memory(batch.images, nominal):
                        self._step(epoch, batch, began, waited)
                    told = self._settle(keep=self.late)
                    tally.seconds += time.monotonic() - began
                    bar.advance(note=f"loss {sum(told.losses.values()):.4g}, lr {told.rate:.3g}" if told else "")
                if self.watcher.due(self.plan.before(epoch) + tally.steps):
                    self._settle()
                    self.watcher.between(epoch, tally)
                    self.model.train()
        self._settle()

    def _step(self, epoch: int, batch: Batch, began: float, waited: float) -> None:
        tally, device = self.tally, self.fabric.device
        number = self.plan.before(epoch) + tally.steps
        torch.manual_seed(_seed(self.plan.seed, epoch, tally.steps, self.fabric.global_rank))
        rate = self.plan.rate(number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images, targets = data.tensors(batch, device)
        losses = self.model(images, targets)
        self.fabric.backward(cast("torch.Tensor", sum(losses.values())))
        norm = self._gradient_norm()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(number)
        tally.steps += 1
        shown = len(targets) * self.fabric.world_size
        tally.images += shown
        tally.data_wait += waited
        values, arrived = _on_its_way([*losses.values(), norm])
        self.unread.append(
            Reading(epoch, tally.steps, number, rate, waited, began, shown, tuple(losses), values, arrived)
        )

    def _gradient_norm(self) -> torch.Tensor:
        """The length of the gradient; clips it if the plan says so."""
        self.precision.unscale_gradients(self.optimizer.optimizer)
        gradients = [weights.grad for weights in self.weights if weights.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        limit = self.plan.clip_norm
        # On a CPU the length is known; a GPU is not waited for to know it, and multiplies by 1 instead.
        if limit is not None and (norm.device.type != "cpu" or norm > limit):
            torch.nn.utils.clip_grads_with_norm_(self.weights, limit, norm)
        return norm

    def _settle(self, *, keep: int = 0) -> Step | None:
        """Read and judge what steps measured, but for the last ``keep``; returns the newest that was read."""
        told = None
        while len(self.unread) > keep:
            reading = self.unread.popleft()
            told = reading.read(self.last_read)
            self.last_read = time.monotonic()
            self.numbers.judge(told.losses, told.gradient_norm, epoch=reading.epoch, step=reading.step)
            self.tally.loss += sum(told.losses.values())
            for name, value in told.losses.items():
                self.tally.terms[name] = self.tally.terms.get(name, 0.0) + value
            self.watcher.step(told)
        return told

    def _conclude(self, epoch: int) -> bool:
        """Tell the watcher that ``epoch`` is over; whether training ends here, the same in all processes."""
        self.threads.rest()
        tally, rate = self.tally, self.plan.rate(self.plan.before(epoch + 1))
        steps = self.plan.steps_in(epoch)
        loss, losses = tally.loss / steps, {name: value / steps for name, value in tally.terms.items()}
        ends = self.watcher.epoch(
            Epoch(epoch, loss, tally.seconds, tally.images, rate=rate, data_wait=tally.data_wait, losses=losses), tally
        )
        return bool(processes.all_sum(torch.tensor(float(ends), device=self.fabric.device)))


def _seed(*parts: int) -> int:
    """A seed for torch that no other parts share."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _work(batch: Batch, input_size: tuple[int, int] | None) -> float:
    """How much there is to compute, in batches of images of ``input_size`` (height, width)."""
    if input_size is None or isinstance(batch.images, list):
        return 1.0
    return prod(batch.images.shape[1:3]) / prod(input_size)


def _on_its_way(values: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.cuda.Event | None]:
    """``values`` as one tensor that will be on the CPU once the event has come."""
    together = torch.stack([value.detach().float() for value in values])
    if together.device.type != "cuda":
        return together, None
    there = torch.empty(together.shape, dtype=together.dtype, pin_memory=True)
    there.copy_(together, non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return there, arrived
