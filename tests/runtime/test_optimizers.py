"""A recipe's optimiser, its weight decay, and its memory after loading."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from runtime.data.recipe import Optimizer
from runtime.machine.device import Place
from runtime.training import run

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")


def moved(optimizer: Any, weights: Any) -> list[float]:
    """Where two steps at rate 0.1 take a weight whose gradients are 1 and 3."""
    for gradient in (1.0, 3.0):
        optimizer.param_groups[0]["lr"] = 0.1
        weights.grad = torch.full_like(weights, gradient)
        optimizer.step()
    return list(weights.detach().tolist())


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Optimizer(), -(0.1 * 1 + 0.1 * (0.9 + 3))),
        (Optimizer("SGD", {"momentum": 0.5}), -(0.1 * 1 + 0.1 * (0.5 + 3))),
        (Optimizer("SGD", {"momentum": 0.5, "nesterov": True}), -(0.1 * 1.5 + 0.1 * (3 + 0.5 * (0.5 + 3)))),
        # First step: 0.1 whatever the gradient. Second: means 1.75/0.75 and of squares 4.75/0.75.
        (Optimizer("Adam", {"betas": (0.5, 0.5), "eps": 1e-12}), -(0.1 + 0.1 * (1.75 / 0.75) / (4.75 / 0.75) ** 0.5)),
        (Optimizer("RMSprop", {"alpha": 0.5, "eps": 1e-12}), -(0.1 / 0.5**0.5 + 0.1 * 3 / 4.75**0.5)),
    ],
)
def test_two_steps(optimizer: Optimizer, expected: float) -> None:
    weights = torch.nn.Parameter(torch.zeros(1))
    made = run.build(optimizer, [weights], Place("cpu"))
    assert moved(made, weights) == pytest.approx([expected], rel=1e-5)


def test_norms_and_biases_may_decay_otherwise() -> None:
    kernel, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    settings = {"momentum": 0.0, "weight_decay": 0.5}
    for norm_decay, left in ((None, 0.95), (0.0, 1.0), (0.1, 0.99)):
        asked = Optimizer("SGD", settings, norm_weight_decay=norm_decay)
        made = run.build(asked, [kernel, bias], Place("cpu"))
        for group in made.param_groups:
            group["lr"] = 0.1
        with torch.no_grad():
            for weights in (kernel, bias):
                weights.fill_(1.0)
                weights.grad = torch.zeros_like(weights)
        made.step()
        assert kernel.detach().unique().tolist() == pytest.approx([0.95])
        assert bias.detach().unique().tolist() == pytest.approx([left])


def test_loaded_memory_lies_as_the_weights_do() -> None:
    """A file holds what an optimiser remembers in rows, whatever the layout of the weights."""
    weights = torch.nn.Parameter(torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last))
    made = run.build(Optimizer(), [weights], Place("cpu"))
    weights.grad = torch.randn_like(weights)
    made.step()
    state = copy.deepcopy(made.state_dict())
    remembered = state["state"][0]["momentum_buffer"]
    state["state"][0]["momentum_buffer"] = remembered.contiguous()
    made.load_state_dict(state)
    run.align(made)
    assert made.state[weights]["momentum_buffer"].stride() == weights.stride()
    assert torch.equal(made.state[weights]["momentum_buffer"], remembered)
