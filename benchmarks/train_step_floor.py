"""The bare loop: forward, losses, backward and SGD on one random batch. Prints pictures a second.

    python benchmarks/train_step_floor.py NETWORK SPEC BATCH

SSD and DSSD have torchvision's loss, a network of another kind its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import specs
from runtime.machine import device
from specs.ssd import sections

STEPS = 12
"""Timed ones; two more come first."""


def of_torchvision(recipe: Any, images: Any, targets: Any) -> tuple[Any, Callable[[], Any]]:
    """An SSD or DSSD, and a call that gives torchvision's losses of it."""
    from torchvision.models.detection._utils import BoxCoder, SSDMatcher
    from torchvision.models.detection.ssd import SSD
    from torchvision.ops import box_iou

    from runtime import networks

    recipe = replace(recipe, classes=("background", *recipe.classes))  # of torchvision's, a class of its own
    detector: Any = networks.load(recipe.network).build(recipe)
    detector.train()
    anchors: Any = [detector.anchors * detector.pixels] * len(images)
    matcher = SSDMatcher(0.5)
    # What compute_loss wants of the model it is a method of.
    torchvision: Any = SimpleNamespace(box_coder=BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3)

    def losses() -> Any:
        logits, offsets = detector.raw(images)
        matched = [matcher(box_iou(target["boxes"], anchors[0])) for target in targets]
        outputs = {"bbox_regression": offsets, "cls_logits": logits}
        return SSD.compute_loss(torchvision, targets, outputs, anchors, matched)

    return detector, losses


def of_its_own(recipe: Any, images: Any, targets: Any) -> tuple[Any, Callable[[], Any]]:
    from runtime import networks

    model = networks.load(recipe.network).build(recipe)
    model.train()
    return model, lambda: model(images, targets)


def of_two(_recipe: Any, width: int, height: int) -> dict[str, Any]:
    """One large and one small object, as on every picture of the sample set."""
    boxes = torch.tensor([[0.2, 0.2, 0.7, 0.8], [0.5, 0.1, 0.8, 0.4]]) * torch.tensor([width, height, width, height])
    return {"boxes": boxes, "labels": torch.tensor([1, 2])}


def of_one(recipe: Any, width: int, height: int) -> dict[str, Any]:
    """An object with the first 24 landmarks."""
    points = torch.zeros(1, recipe.fields["keypoints"].count, 3)
    points[0, :24] = torch.rand(24, 3) * torch.tensor([width, height, 0]) + torch.tensor([0, 0, 2])
    return {"keypoints": points}


def of_image(recipe: Any, width: int, height: int) -> dict[str, Any]:
    """A value of each task, half of the attributes, a box."""
    attributes = torch.arange(recipe.model.attributes) % 2
    box = torch.tensor([0.2, 0.2, 0.7, 0.8]) * torch.tensor([width, height, width, height])
    return {"choices": torch.ones(len(recipe.model.tasks), dtype=torch.int64), "attributes": attributes, "box": box}


def of_pixels(recipe: Any, width: int, height: int) -> dict[str, Any]:
    """A map on which every class has a part."""
    values = torch.arange(height)[:, None].expand(height, width) * (len(recipe.classes) + 1) // height
    return {"map": values.to(torch.uint8)}


TARGETS = {"keypoints": of_one, "choices": of_image, "map": of_pixels}
"""By a field that targets of some networks have; those of the others have two objects."""


if __name__ == "__main__":
    device.require_torch()

    from runtime import networks

    network, path, batch = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    device.one(0)
    torch.manual_seed(1)
    recipe = networks.recipe(specs.parse(path, network))
    assert recipe.size is not None
    height, width = recipe.size
    images = torch.rand(batch, 3, height, width) * 255
    target = next((TARGETS[name] for name in recipe.fields or () if name in TARGETS), of_two)
    targets = [target(recipe, width, height) for _ in range(batch)]
    model, losses = (of_torchvision if network in sections.KINDS else of_its_own)(recipe, images, targets)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        summed = torch.stack(list(losses().values())).sum()
        optimizer.zero_grad()
        summed.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    for _ in range(2):
        step()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    print(STEPS * batch / (time.perf_counter() - began))
