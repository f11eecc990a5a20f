"""Numbers of results are those that Python's ``round`` and ``json`` give, one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runtime.tasks.detection import json_numbers

RANDOM = np.random.default_rng(3)
STRANGE = [0.0, -0.0, 1e15, 1e16, 1e-5, 5e-5, 2.675, 1.005, 0.125, 0.000005, 1e300, np.inf, -np.inf, np.nan]
VALUES = np.concatenate(
    [RANDOM.uniform(-50, 2000, 2000), RANDOM.integers(0, 4000, 500) / 8, 10.0 ** RANDOM.uniform(-12, 20, 500), STRANGE]
)


@pytest.mark.parametrize("digits", [2, 5, 7])
def test_rounded_and_written_as_python_does(digits: int) -> None:
    expected = [round(value, digits) for value in VALUES.tolist()]
    rounded = json_numbers.rounded(VALUES, digits)
    assert [*map(repr, rounded.tolist())] == [*map(repr, expected)]
    assert json_numbers.texts(rounded) == [*map(json.dumps, expected)]
    assert [json_numbers.texts(rounded[at : at + 1])[0] for at in range(len(VALUES))] == [*map(json.dumps, expected)]


def test_lists_are_written_as_python_does() -> None:
    boxes = json_numbers.rounded(RANDOM.uniform(0, 900, (50, 4)), 2)
    assert json_numbers.texts(boxes) == [*map(json.dumps, boxes.tolist())]
    boxes[3, 2] = 1e-5
    assert json_numbers.texts(boxes) == [*map(json.dumps, boxes.tolist())]
