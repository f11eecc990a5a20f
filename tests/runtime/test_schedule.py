"""The learning rate against the golden curve, and at its corners."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.schedule import SoftStartAnnealing

GOLDEN = Path(__file__).parent.parent / "golden" / "lr_schedules.json"


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text())["soft_start_annealing"])
def test_the_golden_curve(case: dict) -> None:
    given = case["args"]
    schedule = SoftStartAnnealing(
        low=given["base_lr"] * given["min_lr_ratio"],
        high=given["base_lr"],
        soft_start=given["soft_start"],
        annealing=given["annealing_start"],
        steps=given["max_iterations"],
    )
    rates = [schedule(step) for step in range(given["max_iterations"] + 1)]
    assert rates == pytest.approx(case["lr_at_step_0_to_50"], rel=1e-9)


def test_ends_where_it_began_and_stays_there() -> None:
    schedule = SoftStartAnnealing(low=1e-4, high=1e-2, soft_start=0.1, annealing=0.5, steps=200)
    assert schedule(0) == pytest.approx(1e-4)
    assert schedule(20) == schedule(100) == pytest.approx(1e-2)
    assert schedule(200) == schedule(10_000) == pytest.approx(1e-4)
