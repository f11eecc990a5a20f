"""What the peers of accuracy.py do alike: COCO pictures for torchvision's models, their results, a command line.

A peer is called with its own words, SECONDS, TRAIN_JSON, TRAIN_IMAGES, VALIDATION_JSON, VALIDATION_IMAGES, RESULTS. It
prints "N pictures, M epochs in S s" and writes COCO results of the validation pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

TO_FLOAT = v2.ToDtype(torch.float32, scale=True)


class Pictures(Dataset[Any]):
    """COCO pictures with boxes, labels (category ids) and, where ``masks``, a mask of every object's polygons."""

    def __init__(self, annotations: Path, images: Path, augment: list[Any], *, masks: bool = False) -> None:
        self.path, self.coco = annotations, COCO(str(annotations))
        self.ids = sorted(self.coco.imgs)
        self.images, self.masks = images, masks
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
        if self.masks:
            drawn = [torch.from_numpy(self.coco.annToMask(thing)) for thing in things]
            target["masks"] = tv_tensors.Mask(torch.stack(drawn))
        made: tuple[Any, dict[str, Any]] = self.transform(pixels, target)
        return made


def loader(pictures: Pictures, batch: int, *, shuffle: bool) -> DataLoader[Any]:
    def together(items: list[Any]) -> tuple[Any, ...]:
        return tuple(zip(*items, strict=True))

    return DataLoader(pictures, batch, shuffle=shuffle, num_workers=1, collate_fn=together)


@torch.inference_mode()
def results(model: nn.Module, pictures: Pictures) -> list[dict[str, Any]]:
    """Boxes and, if the model gives them, masks, as records of COCO results."""
    found = []
    model.eval()
    for images, targets in loader(pictures, 8, shuffle=False):
        for target, detections in zip(targets, model(list(images)), strict=True):
            boxes, labels, scores = (detections[name].tolist() for name in ("boxes", "labels", "scores"))
            masks = _encoded(detections["masks"]) if "masks" in detections else [{}] * len(boxes)
            for box, label, score, mask in zip(boxes, labels, scores, masks, strict=True):
                found.append({**record(target["id"], label, box, score), **mask})
    return found


def record(image: int, category: int, box: Sequence[float], score: float) -> dict[str, Any]:
    """``box``: left, top, right and bottom, in stored pixels."""
    left, top, right, bottom = box
    return {
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, right - left, bottom - top],
        "score": score,
    }


def _encoded(masks: Tensor) -> list[dict[str, Any]]:
    """[n, 1, H, W] probabilities as run lengths."""
    made = []
    for mask in (masks[:, 0] > 0.5).numpy():
        lengths = run_lengths.encode(np.asfortranarray(mask))
        made.append({"segmentation": {"size": lengths["size"], "counts": lengths["counts"].decode()}})
    return made


def command_line(about: str | None) -> argparse.ArgumentParser:
    """The arguments that all peers take; a peer puts its own before them."""
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    parser.add_argument("seconds", type=float)
    for name in ("train_json", "train_images", "validation_json", "validation_images", "results"):
        parser.add_argument(name, type=Path)
    return parser.parse_args()
