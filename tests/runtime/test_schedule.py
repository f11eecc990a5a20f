"""The learning rate against the golden curves, and at its corners."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specs
from runtime import networks
from runtime.nn import schedules
from runtime.nn.schedules import SoftStartAnnealing, SoftStartCosine

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


COSINE = (
    "soft_start_annealing_schedule {\n    "
    "min_learning_rate: 5e-5 max_learning_rate: 0.005 soft_start: 0.2 annealing: 0.5 }",
    "soft_start_cosine_annealing_schedule { min_learning_rate: 5e-5 max_learning_rate: 0.005 soft_start: 0.2 }",
)


def test_rates_are_multiplied_by_the_processes_where_nvidia_is_wanted_to_the_letter(shapes: Any) -> None:
    path = shapes.spec()
    assert networks.recipe(specs.parse(path, "ssd")).schedule(100, 4)(20) == pytest.approx(5e-3)
    assert networks.recipe(specs.parse(path, "ssd", strict=True)).schedule(100, 4)(20) == pytest.approx(2e-2)


def test_a_cosine_is_honoured(shapes: Any) -> None:
    recipe = networks.recipe(specs.parse(shapes.spec(replace=COSINE), "ssd"))
    assert recipe.schedule(10, 1)(2) == pytest.approx(5e-3)
    assert isinstance(recipe.schedule(10, 1), SoftStartCosine)


def test_steps_fall_at_whole_epochs() -> None:
    curve = schedules.MultiStep(0.02, milestones=(2, 3), per_epoch=10, gamma=0.5)
    assert [curve(step) for step in (0, 19, 20, 29, 30, 99)] == [0.02, 0.02, 0.01, 0.01, 0.005, 0.005]
    curve = schedules.StepLR(0.08, epochs=2, per_epoch=5, gamma=0.5)
    assert [curve(step) for step in (0, 9, 10, 19, 20)] == [0.08, 0.08, 0.04, 0.04, 0.02]
    assert schedules.Constant(0.1)(0) == schedules.Constant(0.1)(99) == 0.1


def test_falls_to_a_floor_and_stays_there() -> None:
    curve = schedules.Polynomial(1.0, steps=120, power=2.0, floor=0.2, flat=20)
    assert [curve(step) for step in (0, 50, 100, 119, 500)] == pytest.approx([1.0, 0.2 + 0.8 * 0.25, 0.2, 0.2, 0.2])
    curve = schedules.Cosine(1.0, steps=120, floor=0.2, flat=20)
    assert [curve(step) for step in (0, 50, 100, 119)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert curve(25) == pytest.approx(0.2 + 0.4 * (1 + math.sqrt(0.5)))


def test_a_warm_up_climbs_on_a_straight_line() -> None:
    curve = schedules.WarmUp(schedules.MultiStep(0.1, milestones=(1,), per_epoch=20), iterations=10, factor=0.1)
    assert [curve(step) for step in (0, 5, 10, 19, 20)] == pytest.approx([0.01, 0.055, 0.1, 0.1, 0.01])
    assert schedules.WarmUp(schedules.Constant(0.1), iterations=0)(0) == 0.1


def test_schedules_are_torchs() -> None:
    """Step by step as torch's own: MultiStepLR and StepLR by epochs, LinearLR, CosineAnnealingLR, PolynomialLR."""
    torch = pytest.importorskip("torch")
    lr, steps = torch.optim.lr_scheduler, 40
    made = {
        lambda it: lr.MultiStepLR(it, [2, 5], 0.3): schedules.MultiStep(0.1, (2, 5), per_epoch=1, gamma=0.3),
        lambda it: lr.StepLR(it, 7, 0.3): schedules.StepLR(0.1, 7, per_epoch=1, gamma=0.3),
        lambda it: lr.LinearLR(it, 0.01, total_iters=9): schedules.WarmUp(schedules.Constant(0.1), 9, 0.01),
        lambda it: lr.CosineAnnealingLR(it, steps, 0.02): schedules.Cosine(0.1, steps, floor=0.02),
        lambda it: lr.PolynomialLR(it, steps, 0.9): schedules.Polynomial(0.1, steps, power=0.9),
    }
    for theirs, ours in made.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler, used = theirs(optimizer), []
        for _ in range(steps):
            used.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        assert [ours(step) for step in range(steps)] == pytest.approx(used, rel=1e-9), ours
