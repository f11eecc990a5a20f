"""Learning rate by iteration: soft start, then a plateau and a fall (NVIDIA's form for SSD), or half a cosine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specs import Spec

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


def of(spec: Spec, *, processes: int, steps: int) -> Schedule:
    """The schedule of a training spec over ``steps`` iterations.

    Strict: rates are multiplied by the number of processes, and a cosine is refused, as NVIDIA does for SSD.
    Raises SpecError for values that make no curve.
    """
    field = "training_config.learning_rate"
    given = spec.message.training_config.learning_rate
    form = given.WhichOneof("schedule")
    if form is None or (spec.strict and form != "soft_start_annealing_schedule"):
        raise spec.error(field, "a soft_start_annealing_schedule is needed here")
    curve = getattr(given, form)
    factor = processes if spec.strict else 1
    low, high = factor * curve.min_learning_rate, factor * curve.max_learning_rate
    if form == "soft_start_cosine_annealing_schedule":
        if not (low > 0 and high > 0 and 0 <= curve.soft_start < 1):
            raise spec.error(f"{field}.{form}", "both rates must be above 0, and 0 <= soft_start < 1")
        return SoftStartCosine(low, high, curve.soft_start, steps)
    if not (low > 0 and high > 0 and 0 < curve.soft_start < curve.annealing < 1):
        raise spec.error(f"{field}.{form}", "both rates must be above 0, and 0 < soft_start < annealing < 1")
    return SoftStartAnnealing(low, high, curve.soft_start, curve.annealing, steps)
