"""Recipes as trainings: each is read to its model and its rates, with random weights."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

import specs
from runtime import networks
from specs import recipes

KINDS = [name for name in specs.folders() if hasattr(specs.load(name), "EXPERIMENT")]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in recipes.names(kind)])
def test_each_can_start(kind: str, name: str) -> None:
    tunables = specs.tunables_from(kind, recipes.read(kind, name).settings)
    data = {"path": "/d", "val_path": None, "classes": [f"class {number}" for number in range(13)]}
    spec = specs.parse_text(specs.render(kind, str(specs.template(kind)), tunables, **data), kind, source=name)
    recipe = networks.recipe(spec)
    steps = 40 * recipe.epochs
    rate = recipe.schedule(recipe.iterations or steps, 1)
    most = max(rate(step) for step in range(0, steps, 7))
    assert 0.8 < most / (spec.message.train.optim.lr or 0.01) < 1.000001, "YOLOX's is for 64 images a step"
    model = networks.load(kind).build(recipe)
    assert all(torch.isfinite(weights).all() for weights in model.parameters())
    assert any(weights.requires_grad for weights in model.parameters())
