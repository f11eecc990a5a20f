"""The learning rate against the golden curves, and at its corners."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specs
from runtime.training import schedule
from runtime.training.schedule import SoftStartAnnealing, SoftStartCosine
from tltpipe.errors import SpecError

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent.parent / "golden" / "lr_schedules.json").read_text())


def annealing(given: dict[str, Any]) -> SoftStartAnnealing:
    return SoftStartAnnealing(
        low=given["base_lr"] * given["min_lr_ratio"],
        high=given["base_lr"],
        soft_start=given["soft_start"],
        annealing=given["annealing_start"],
        steps=given["max_iterations"],
    )


@pytest.mark.parametrize("case", GOLDEN["soft_start_annealing"])
def test_the_golden_curve(case: dict[str, Any]) -> None:
    curve = annealing(case["args"])
    assert [curve(step) for step in range(51)] == pytest.approx(case["lr_at_step_0_to_50"], rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN["soft_start_cosine"])
def test_the_golden_cosine(case: dict[str, Any]) -> None:
    given = case["args"]
    curve = SoftStartCosine(
        low=given["base_lr"] * given["min_lr_ratio"],
        high=given["base_lr"],
        soft_start=given["soft_start"],
        steps=given["max_iterations"],
    )
    assert [curve(step) for step in range(51)] == pytest.approx(case["lr_at_step_0_to_50"], rel=1e-9)


def test_the_rates_that_keras_used_in_a_fit() -> None:
    """Keras holds them as float32: what it used is the number that ours is nearest to, or the next."""
    trace = GOLDEN["keras_fit_trace"]
    curve, steps = annealing(trace["args"]), trace["batches_per_epoch"]
    used = [curve(step) for step in range(trace["epochs"] * steps)]
    assert used == pytest.approx(trace["lr_used_for_batch"], rel=float(np.finfo(np.float32).eps))
    # The rate that is logged at the end of an epoch is that of the batch that comes next.
    logged = [curve(epoch * steps) for epoch in (1, 2)]
    assert logged == pytest.approx(trace["lr_at_epoch_end"], rel=float(np.finfo(np.float32).eps))


def test_ends_where_it_began_and_stays_there() -> None:
    curve = SoftStartAnnealing(low=1e-4, high=1e-2, soft_start=0.1, annealing=0.5, steps=200)
    assert curve(0) == pytest.approx(1e-4)
    assert curve(20) == curve(100) == pytest.approx(1e-2)
    assert curve(200) == curve(10_000) == pytest.approx(1e-4)


def spec(shapes: Any, *replace: str) -> specs.Spec:
    return specs.parse(shapes.spec(replace=replace) if replace else shapes.spec(), "ssd")


COSINE = (
    "soft_start_annealing_schedule {\n    "
    "min_learning_rate: 5e-5 max_learning_rate: 0.005 soft_start: 0.2 annealing: 0.5 }",
    "soft_start_cosine_annealing_schedule { min_learning_rate: 5e-5 max_learning_rate: 0.005 soft_start: 0.2 }",
)


def test_rates_are_multiplied_by_the_processes_where_nvidia_is_wanted_to_the_letter(shapes: Any) -> None:
    given = spec(shapes)
    assert schedule.of(given, processes=4, steps=100)(20) == pytest.approx(5e-3)
    strict = dataclasses.replace(given, strict=True)
    assert schedule.of(strict, processes=4, steps=100)(20) == pytest.approx(2e-2)


def test_a_cosine_is_honoured_unless_strict(shapes: Any) -> None:
    given = spec(shapes, *COSINE)
    assert schedule.of(given, processes=1, steps=10)(2) == pytest.approx(5e-3)
    with pytest.raises(SpecError, match="soft_start_annealing_schedule is needed"):
        schedule.of(dataclasses.replace(given, strict=True), processes=1, steps=10)
