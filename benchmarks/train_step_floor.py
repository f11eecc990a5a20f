"""The bare loop: forward, torchvision's SSD loss, backward and SGD on one random batch. Prints pictures a second.

python benchmarks/train_step_floor.py SPEC BATCH
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import specs
from runtime.machine import device

STEPS = 12
"""Timed ones; two more come first."""

if __name__ == "__main__":
    device.require_torch()
    import torch
    from torchvision.models.detection._utils import BoxCoder, SSDMatcher
    from torchvision.models.detection.ssd import SSD
    from torchvision.ops import box_iou

    from runtime.networks import ssd

    spec, batch = specs.parse(Path(sys.argv[1]), "ssd"), int(sys.argv[2])
    device.one(0)
    torch.manual_seed(1)
    recipe = ssd.recipe(spec)
    recipe = replace(recipe, classes=("background", *recipe.classes))  # of torchvision's, a class of its own
    detector = ssd.build(recipe).train()
    optimizer = torch.optim.SGD(detector.parameters(), lr=1e-4, momentum=0.9)
    height, width = detector.input_size
    images = torch.rand(batch, 3, height, width) * 255
    # One large and one small object on every picture, as in the sample set.
    boxes = torch.tensor([[0.2, 0.2, 0.7, 0.8], [0.5, 0.1, 0.8, 0.4]]) * torch.tensor([width, height, width, height])
    targets = [{"boxes": boxes, "labels": torch.tensor([1, 2])} for _ in range(batch)]
    anchors: Any = [detector.anchors * detector.pixels] * batch
    matcher = SSDMatcher(0.5)
    # What compute_loss wants of the model it is a method of.
    torchvision = SimpleNamespace(box_coder=BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3)

    def step() -> None:
        logits, offsets = detector.raw(images)
        matched = [matcher(box_iou(target["boxes"], anchors[0])) for target in targets]
        outputs = {"bbox_regression": offsets, "cls_logits": logits}
        losses: dict[str, torch.Tensor] = SSD.compute_loss(torchvision, targets, outputs, anchors, matched)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    for _ in range(2):
        step()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    print(STEPS * batch / (time.perf_counter() - began))
