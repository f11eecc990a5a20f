"""The rule on cases done by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runtime.pruning.choice import Rule
from runtime.pruning.rule import kept, merged, norms

pytestmark = pytest.mark.torch


def weight(*rows):
    """Filters of two channels, 1x1."""
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), 2, 1, 1)


def test_norms_over_the_largest() -> None:
    assert norms(weight([3, 4], [0, 1], [6, 8]), "max").tolist() == pytest.approx([0.5, 0.1, 1.0])


def test_norms_over_their_l2_norm_times_their_number() -> None:
    assert norms(weight([3, 0], [0, 4]), "L2").tolist() == pytest.approx([3 / 5 * 2, 4 / 5 * 2])


@pytest.mark.parametrize("normalizer", ["max", "L2"])
def test_a_layer_of_zeros_has_norms_of_zero(normalizer) -> None:
    assert norms(weight([0, 0], [0, 0]), normalizer).tolist() == [0, 0]


def test_weights_that_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="not all finite"):
        norms(weight([1, float("nan")]), "max")


def test_every_position_of_a_kernel_counts() -> None:
    kernels = torch.zeros(2, 1, 3, 3)
    kernels[0] = 1  # √9
    kernels[1, 0, 2, 2] = 6
    assert norms(kernels, "max").tolist() == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("union", [0.9, 0.4, 1.0]),
        ("intersection", [0.1, 0.4, 0.0]),
        ("arithmetic_mean", [0.5, 0.4, 0.5]),
        ("geometric_mean", [0.3, 0.4, 0.0]),
    ],
)
def test_criteria(criterion, expected) -> None:
    statistics = [np.array([0.1, 0.4, 1.0]), np.array([0.9, 0.4, 0.0])]
    assert merged(statistics, criterion).tolist() == pytest.approx(expected)


STATISTIC = np.array([0.5, 0.05, 0.3, 0.1, 1.0, 0.2])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [0, 2, 4, 5]),  # 0.1 is not above 0.1
        ({"threshold": 0.0}, [0, 1, 2, 3, 4, 5]),
        ({"threshold": 0.25}, [0, 2, 4]),
        ({"threshold": 0.99}, [4]),
        ({"threshold": 0.99, "minimum": 3}, [0, 2, 4]),
        ({"threshold": 0.99, "minimum": 100}, [0, 1, 2, 3, 4, 5]),
        ({"threshold": 0.25, "granularity": 2}, [0, 2, 4, 5]),  # three, rounded up to four
        ({"threshold": 0.25, "granularity": 4}, [0, 2, 4, 5]),
        ({"threshold": 0.25, "granularity": 8}, [0, 1, 2, 3, 4, 5]),  # eight, of which there are six
        ({"threshold": 0.99, "minimum": 3, "granularity": 5}, [0, 2, 3, 4, 5]),  # the minimum is rounded up, too
        ({"threshold": 5.0}, []),
    ],
)
def test_which_stay(changes, expected) -> None:
    rule = Rule(**{"threshold": 0.1, "granularity": 1, "minimum": 0} | changes)
    assert kept(STATISTIC, rule).tolist() == expected


def test_of_equal_filters_the_first_stay() -> None:
    assert kept(np.ones(40), Rule(threshold=1.0, granularity=1, minimum=3)).tolist() == [0, 1, 2]


def test_nvidias_defaults() -> None:
    rule = Rule()
    assert (rule.threshold, rule.criterion, rule.granularity, rule.minimum, rule.normalizer) == (
        *(0.1, "union", 8, 16, "max"),
    )
