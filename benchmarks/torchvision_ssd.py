"""torchvision's own SSD300 and SSDlite320, trained from scratch by torchvision's reference recipe for so many seconds.

    python benchmarks/torchvision_ssd.py MODEL SECONDS TRAIN_JSON TRAIN_IMAGES VALIDATION_JSON VALIDATION_IMAGES RESULTS

The recipe is that of torchvision's references/detection (README and train.py): augmentation "ssd" or "ssdlite", SGD
with momentum 0.9, the learning rate scaled from its eight GPUs to one process by the batch size, warm-up over the first
epoch. Its schedules count epochs; here they are stretched over the seconds. Writes what it finds on the validation
pictures as COCO results.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from pycocotools.coco import COCO
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.models import detection
from torchvision.transforms import v2

FILL: dict[Any, Any] = {tv_tensors.Image: (123, 117, 104), "others": 0}
SSDLITE = [v2.RandomIoUCrop(), v2.SanitizeBoundingBoxes(), v2.RandomHorizontalFlip(0.5)]
SSD = [v2.RandomPhotometricDistort(), v2.RandomZoomOut(fill=FILL), *SSDLITE]
TO_FLOAT = v2.ToDtype(torch.float32, scale=True)


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


class Pictures(Dataset[Any]):
    """COCO pictures with boxes and labels (category ids), augmented by ``augment``."""

    def __init__(self, annotations: Path, images: Path, augment: list[Any]) -> None:
        self.path, self.coco = annotations, COCO(str(annotations))
        self.ids = sorted(self.coco.imgs)
        self.images = images
        self.transform = v2.Compose([v2.ToImage(), *augment, TO_FLOAT, v2.ToPureTensor()])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        number = self.ids[index]
        with Image.open(self.images / self.coco.imgs[number]["file_name"]) as picture:
            pixels = tv_tensors.Image(v2.functional.pil_to_tensor(picture.convert("RGB")))
        things = self.coco.imgToAnns[number]
        boxes: Any = tv_tensors.BoundingBoxes(
            torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4),
            format=tv_tensors.BoundingBoxFormat.XYWH,
            canvas_size=pixels.shape[-2:],
        )
        boxes = v2.functional.convert_bounding_box_format(boxes, new_format=tv_tensors.BoundingBoxFormat.XYXY)
        target = {"boxes": boxes, "labels": torch.tensor([thing["category_id"] for thing in things]), "id": number}
        made: tuple[Any, dict[str, Any]] = self.transform(pixels, target)
        return made


def loader(pictures: Pictures, batch: int, *, shuffle: bool) -> DataLoader[Any]:
    def together(items: list[Any]) -> tuple[Any, ...]:
        return tuple(zip(*items, strict=True))

    return DataLoader(pictures, batch, shuffle=shuffle, num_workers=1, collate_fn=together)


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


@torch.inference_mode()
def results(model: torch.nn.Module, pictures: Pictures) -> list[dict[str, Any]]:
    found = []
    model.eval()
    for images, targets in loader(pictures, 8, shuffle=False):
        for target, detections in zip(targets, model(list(images)), strict=True):
            boxes, labels, scores = (detections[name].tolist() for name in ("boxes", "labels", "scores"))
            for (left, top, right, bottom), label, score in zip(boxes, labels, scores, strict=True):
                box = [left, top, right - left, bottom - top]
                found.append({"image_id": target["id"], "category_id": label, "bbox": box, "score": score})
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("seconds", type=float)
    for name in ("train_json", "train_images", "validation_json", "validation_images", "results"):
        parser.add_argument(name, type=Path)
    said = parser.parse_args()
    torch.manual_seed(1)
    recipe = RECIPES[said.model]
    data = Pictures(said.train_json, said.train_images, recipe.augment)
    model = recipe.build(weights=None, weights_backbone=None, num_classes=max(data.coco.cats) + 1)
    seen = train(model, recipe, data, said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs", flush=True)
    held_out = Pictures(said.validation_json, said.validation_images, [])
    said.results.write_text(json.dumps(results(model, held_out)))
