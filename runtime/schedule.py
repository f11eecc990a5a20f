"""Learning rate by iteration: soft start, plateau, annealing, with exponential ramps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specs import Spec


@dataclass(frozen=True)
class SoftStartAnnealing:
    """NVIDIA's ``soft_start_annealing_schedule`` over ``steps`` iterations.

    The rate climbs from ``low`` to ``high`` during the first ``soft_start`` of all iterations, stays, and falls back
    to ``low`` after the share ``annealing``; both ramps are straight lines on a logarithmic scale.
    ``low`` and ``high`` are meant as already multiplied by the number of GPUs.
    """

    low: float
    high: float
    soft_start: float
    annealing: float
    steps: int

    def __call__(self, step: int) -> float:
        """The rate of iteration ``step``, counted from 0; ``steps`` itself gives the rate after the last one."""
        progress = min(step, self.steps) / self.steps
        if progress < self.soft_start:
            height = progress / self.soft_start
        elif progress > self.annealing:
            height = (1.0 - progress) / (1.0 - self.annealing)
        else:
            height = 1.0
        return math.exp(math.log(self.low) + height * (math.log(self.high) - math.log(self.low)))


def of(spec: Spec, *, gpus: int, steps: int) -> SoftStartAnnealing:
    """The schedule of a training spec over ``steps`` iterations; as with NVIDIA its rates are meant for one GPU.

    Raises SpecError for the cosine form, which SSD refuses, and for values that make no curve.
    """
    field = "training_config.learning_rate"
    given = spec.message.training_config.learning_rate
    if given.WhichOneof("schedule") != "soft_start_annealing_schedule":
        raise spec.error(field, "a soft_start_annealing_schedule is needed here")
    curve = given.soft_start_annealing_schedule
    if not (curve.min_learning_rate > 0 and curve.max_learning_rate > 0 and 0 < curve.soft_start < curve.annealing < 1):
        what = "both rates must be above 0, and 0 < soft_start < annealing < 1"
        raise spec.error(f"{field}.soft_start_annealing_schedule", what)
    low, high = gpus * curve.min_learning_rate, gpus * curve.max_learning_rate
    return SoftStartAnnealing(low, high, curve.soft_start, curve.annealing, steps)
