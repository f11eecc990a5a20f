"""The spec's optimiser, NVIDIA's where it is wanted to the letter, and its memory after loading."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

import specs
from runtime.data import recipe
from runtime.data.recipe import Optimizer
from runtime.machine.device import Place

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.training import optimizers


def asked(shapes: Any, optimizer: Optimizer, *, strict: bool = False) -> recipe.Recipe:
    spec = dataclasses.replace(specs.parse(shapes.spec(), "ssd"), strict=strict)
    return dataclasses.replace(recipe.of(spec), optimizer=optimizer)


def moved(optimizer: Any, weights: Any) -> list[float]:
    """Where two steps at rate 0.1 take a weight whose gradients are 1 and 3."""
    for gradient in (1.0, 3.0):
        optimizer.param_groups[0]["lr"] = 0.1
        weights.grad = torch.full_like(weights, gradient)
        optimizer.step()
    return list(weights.detach().tolist())


@pytest.mark.parametrize(
    ("optimizer", "strict", "expected"),
    [
        (Optimizer(), False, -(0.1 * 1 + 0.1 * (0.9 + 3))),
        (Optimizer("SGD", {"momentum": 0.5}), False, -(0.1 * 1 + 0.1 * (0.5 + 3))),
        (Optimizer("SGD", {"momentum": 0.5, "nesterov": True}), False, -(0.1 * 1.5 + 0.1 * (3 + 0.5 * (0.5 + 3)))),
        # NVIDIA reads the spec's optimizer and trains by SGD with momentum 0.9 all the same.
        (Optimizer("Adam", {"betas": (0.5, 0.5)}), True, -(0.1 * 1 + 0.1 * (0.9 + 3))),
        # First step: 0.1 whatever the gradient. Second: means 1.75/0.75 and of squares 4.75/0.75.
        (
            Optimizer("Adam", {"betas": (0.5, 0.5), "eps": 1e-12}),
            False,
            -(0.1 + 0.1 * (1.75 / 0.75) / (4.75 / 0.75) ** 0.5),
        ),
        (Optimizer("RMSprop", {"alpha": 0.5, "eps": 1e-12}), False, -(0.1 / 0.5**0.5 + 0.1 * 3 / 4.75**0.5)),
    ],
)
def test_two_steps(shapes: Any, optimizer: Optimizer, strict: bool, expected: float) -> None:
    weights = torch.nn.Parameter(torch.zeros(1))
    made = optimizers.build(asked(shapes, optimizer, strict=strict), [weights], Place("cpu"))
    assert moved(made, weights) == pytest.approx([expected], rel=1e-5)


def test_loaded_memory_lies_as_the_weights_do(shapes: Any) -> None:
    """A file holds what an optimiser remembers in rows, whatever the layout of the weights."""
    weights = torch.nn.Parameter(torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last))
    made = optimizers.build(asked(shapes, Optimizer()), [weights], Place("cpu"))
    weights.grad = torch.randn_like(weights)
    made.step()
    state = copy.deepcopy(made.state_dict())
    remembered = state["state"][0]["momentum_buffer"]
    state["state"][0]["momentum_buffer"] = remembered.contiguous()
    made.load_state_dict(state)
    optimizers.align(made)
    assert made.state[weights]["momentum_buffer"].stride() == weights.stride()
    assert torch.equal(made.state[weights]["momentum_buffer"], remembered)
