"""Learning rate by iteration. Every class here is a schedule: called with an iteration, it gives the rate.

Epochs are given in iterations, by ``per_epoch``: so a recipe can make a schedule once the number of images is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]
"""The rate of an iteration, counted from 0 over all epochs; the number of all gives the rate after the last one."""


@dataclass(frozen=True)
class SoftStartAnnealing:
    """NVIDIA's ``soft_start_annealing_schedule`` over ``steps`` iterations.

    The rate climbs from ``low`` to ``high`` during the first ``soft_start`` of all iterations, stays, and falls back
    to ``low`` after the share ``annealing``; both ramps are straight lines on a logarithmic scale.
    """

    low: float
    high: float
    soft_start: float
    annealing: float
    steps: int

    def __call__(self, step: int) -> float:
        progress = min(step, self.steps) / self.steps
        if progress < self.soft_start:
            height = progress / self.soft_start
        elif progress > self.annealing:
            height = (1.0 - progress) / (1.0 - self.annealing)
        else:
            height = 1.0
        return math.exp(math.log(self.low) + height * (math.log(self.high) - math.log(self.low)))


@dataclass(frozen=True)
class SoftStartCosine:
    """NVIDIA's ``soft_start_cosine_annealing_schedule`` over ``steps`` iterations.

    The rate climbs from ``low`` to ``high`` on a straight line during the first ``soft_start`` of all iterations and
    falls on a cosine from there. As with NVIDIA the cosine is not squeezed into what is left after the soft start, so
    that it ends a little above ``low``.
    """

    low: float
    high: float
    soft_start: float
    steps: int

    def __call__(self, step: int) -> float:
        progress = min(step, self.steps) / self.steps
        if progress < self.soft_start:
            return self.low + (self.high - self.low) * progress / self.soft_start
        return self.low + (self.high - self.low) * (1.0 + math.cos(math.pi * (progress - self.soft_start))) / 2


@dataclass(frozen=True)
class Constant:
    """``rate`` throughout."""

    rate: float

    def __call__(self, step: int) -> float:  # noqa: ARG002 - a schedule's signature
        return self.rate


@dataclass(frozen=True)
class MultiStep:
    """``rate``, times ``gamma`` after each epoch of ``milestones`` (16, 22: from the 17th epoch on, from the 23rd)."""

    rate: float
    milestones: tuple[int, ...]
    per_epoch: int
    gamma: float = 0.1

    def __call__(self, step: int) -> float:
        return self.rate * self.gamma ** sum(step // self.per_epoch >= epoch for epoch in self.milestones)


@dataclass(frozen=True)
class StepLR:
    """``rate``, times ``gamma`` every ``epochs`` epochs."""

    rate: float
    epochs: int
    per_epoch: int
    gamma: float = 0.1

    def __call__(self, step: int) -> float:
        return self.rate * float(self.gamma ** (step // (self.per_epoch * self.epochs)))


@dataclass(frozen=True)
class Polynomial:
    """Falls from ``rate`` to ``floor`` as (1 - progress) to the ``power``, from iteration ``begin`` on, and stays there
    for the last ``flat`` of ``steps`` iterations."""

    rate: float
    steps: int
    power: float = 1.0
    floor: float = 0.0
    flat: int = 0
    begin: int = 0

    def __call__(self, step: int) -> float:
        left = 1.0 - _progress(step - self.begin, self.steps - self.flat - self.begin)
        return self.floor + (self.rate - self.floor) * float(left**self.power)


@dataclass(frozen=True)
class Cosine:
    """Falls from ``rate`` to ``floor`` on half a cosine, from iteration ``begin`` on, and stays there for the last
    ``flat`` of ``steps`` iterations."""

    rate: float
    steps: int
    floor: float = 0.0
    flat: int = 0
    begin: int = 0

    def __call__(self, step: int) -> float:
        wave = 1.0 + math.cos(math.pi * _progress(step - self.begin, self.steps - self.flat - self.begin))
        return self.floor + (self.rate - self.floor) * wave / 2


@dataclass(frozen=True)
class WarmUp:
    """``schedule``, times a factor that climbs from ``factor`` to 1 in the first ``iterations``, as the progress to the
    ``power``."""

    schedule: Schedule
    iterations: int
    factor: float = 0.001
    power: int = 1

    def __call__(self, step: int) -> float:
        height = _progress(step, self.iterations) ** self.power
        return self.schedule(step) * (self.factor + (1.0 - self.factor) * height)


def _progress(step: int, steps: int) -> float:
    """0 until the first iteration, 1 after ``steps`` of them."""
    return min(max(step, 0), steps) / steps if steps > 0 else 1.0
