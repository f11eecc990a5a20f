"""Recipes as trainings: each is read to its model and its rates, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

import specs
from converters.model import garments
from runtime import networks
from specs import recipes

KINDS = [name for name in specs.folders() if hasattr(specs.load(name), "EXPERIMENT")]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in recipes.names(kind)])
def test_each_can_start(kind: str, name: str, tmp_path: Path) -> None:
    classes = [garment.name for garment in garments.CATEGORIES]
    listed = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    image = {"id": 1, "file_name": "1.jpg", "width": 40, "height": 30}
    thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20], "area": 600, "iscrowd": 0}
    page = {"images": [image], "annotations": [thing], "categories": listed}
    (tmp_path / "train.json").write_text(json.dumps(page))
    Image.new("RGB", (40, 30)).save(tmp_path / "1.jpg")
    tunables = specs.tunables_from(kind, recipes.read(kind, name).settings)
    data = {"path": str(tmp_path / "train.json"), "val_path": None, "classes": classes}
    spec = specs.parse_text(specs.render(kind, str(specs.template(kind)), tunables, **data), kind, source=name)
    recipe = networks.recipe(spec)
    steps = 40 * recipe.epochs
    rate = recipe.schedule(recipe.iterations or steps, 1)
    most = max(rate(step) for step in range(0, steps, 7))
    assert 0.8 < most / (spec.message.train.optim.lr or 0.01) < 1.000001, "YOLOX's is for 64 images a step"
    model = networks.load(kind).build(recipe)
    assert all(torch.isfinite(weights).all() for weights in model.parameters())
    assert any(weights.requires_grad for weights in model.parameters())
