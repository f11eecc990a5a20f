"""torchvision's own SSD300 and SSDlite320, trained from scratch by torchvision's reference recipe for so many seconds.

    python benchmarks/torchvision_ssd.py MODEL SECONDS TRAIN_JSON TRAIN_IMAGES VALIDATION_JSON VALIDATION_IMAGES RESULTS

The recipe is that of torchvision's references/detection (README and train.py): augmentation "ssd" or "ssdlite", SGD
with momentum 0.9, the learning rate scaled from its eight GPUs to one process by the batch size, warm-up over the first
epoch. Its schedules count epochs; here they are stretched over the seconds. Writes what it finds on the validation
pictures as COCO results.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from coco_pictures import Pictures, command_line, loader, parse, results
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.models import detection
from torchvision.transforms import v2

FILL: dict[Any, Any] = {tv_tensors.Image: (123, 117, 104), "others": 0}
SSDLITE = [v2.RandomIoUCrop(), v2.SanitizeBoundingBoxes(), v2.RandomHorizontalFlip(0.5)]
SSD = [v2.RandomPhotometricDistort(), v2.RandomZoomOut(fill=FILL), *SSDLITE]


@dataclass(frozen=True)
class Recipe:
    """``rate`` is meant for eight GPUs with ``batch`` pictures each."""

    build: Callable[..., torch.nn.Module]
    batch: int
    rate: float
    decay: float
    augment: list[Any]
    schedule: Callable[[float], float]


def cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


def steps(progress: float) -> float:
    """A tenth after epochs 80 and 110 of 120."""
    return 0.1 ** sum(progress >= epoch / 120 for epoch in (80, 110))


RECIPES = {
    "ssdlite320": Recipe(detection.ssdlite320_mobilenet_v3_large, 24, 0.15, 4e-5, SSDLITE, cosine),
    "ssd300": Recipe(detection.ssd300_vgg16, 4, 0.002, 5e-4, SSD, steps),
}


def for_ever(batches: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from batches


def train(model: torch.nn.Module, recipe: Recipe, pictures: Pictures, seconds: float) -> int:
    """Returns how many pictures were seen; building the loader counts, as it does for everybody."""
    rate = recipe.rate / 8
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=recipe.decay)
    warm_up = min(1000, math.ceil(len(pictures) / recipe.batch))
    began, seen = time.monotonic(), 0
    model.train()
    for step, (images, targets) in enumerate(for_ever(loader(pictures, recipe.batch, shuffle=True))):
        progress = (time.monotonic() - began) / seconds
        if progress >= 1:
            break
        warmth = min(1.0, 0.001 + step / warm_up)
        optimizer.param_groups[0]["lr"] = rate * warmth * recipe.schedule(progress)
        losses = model(list(images), [dict(target) for target in targets])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        seen += len(images)
    return seen


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("model", choices=sorted(RECIPES))
    said = parse(parser)
    torch.manual_seed(1)
    recipe = RECIPES[said.model]
    data = Pictures(said.train_json, said.train_images, recipe.augment)
    model = recipe.build(weights=None, weights_backbone=None, num_classes=max(data.coco.cats) + 1)
    seen = train(model, recipe, data, said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs in {said.seconds:.0f} s", flush=True)
    held_out = Pictures(said.validation_json, said.validation_images, [])
    said.results.write_text(json.dumps(results(model, held_out)))
