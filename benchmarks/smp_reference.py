"""segmentation-models-pytorch's own example of several classes in plain PyTorch, for so many seconds.

    python benchmarks/smp_reference.py SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS [--width 160 ...]

Its model (Unet on a ResNet18, random weights), its loss (Dice of the batch, from logits), its rate (Adam at 2e-4, down
to 1e-5 on a cosine, by the time that is over here), images and masks read by Pillow, resized and mirrored. Masks are
painted from COCO's annotations before the time begins, one PNG an image as the example has them: larger objects first.

Writes the confusion matrix of the validation images at their stored size, and prints the mean IoU by the figures of
``tlt-evaluate``.
"""

from __future__ import annotations

import io
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from coco_pictures import command_line, parse
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

BATCH, RATE, LEAST = 16, 2e-4, 1e-5
VOID = 255
MEAN, DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)


class Pictures(Dataset[Any]):
    """Images float32 [3, H, W] with maps int64 [H, W] of category ids, 0 for the background; unless ``train`` also the
    map as it is stored."""

    def __init__(self, annotations: Path, images: Path, size: tuple[int, int], *, train: bool) -> None:
        self.coco, self.images, self.size, self.train = COCO(str(annotations)), images, size, train
        self.ids = sorted(self.coco.imgs)
        self.names = ["background", *(each["name"] for each in self.coco.loadCats(sorted(self.coco.getCatIds())))]
        self.masks = [self.painted(number) for number in self.ids]

    def painted(self, number: int) -> bytes:
        """The map of an image as a PNG."""
        described = self.coco.imgs[number]
        painted = np.zeros((described["height"], described["width"]), np.uint8)
        things = self.coco.imgToAnns[number]
        shapes = [(self.coco.annToMask(thing).astype(bool), thing) for thing in things]
        for shape, thing in sorted(shapes, key=lambda pair: -int(pair[0].sum())):
            painted[shape] = VOID if thing["iscrowd"] else self.coco.getCatIds().index(thing["category_id"]) + 1
        file = io.BytesIO()
        Image.fromarray(painted).save(file, "PNG")
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with Image.open(self.images / self.coco.imgs[self.ids[index]]["file_name"]) as picture:
            pixels = np.asarray(picture.convert("RGB").resize(self.size, Image.Resampling.BILINEAR), np.float32)
        with Image.open(io.BytesIO(self.masks[index])) as mask:
            small = mask.resize(self.size, Image.Resampling.NEAREST) if self.train else mask
            truth = np.asarray(small, np.int64)
        image = ((pixels / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)
        if self.train and torch.rand(()) < 0.5:
            image, truth = image[..., ::-1], truth[..., ::-1]
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(truth))


def train(model: Any, data: Pictures, seconds: float) -> int:
    """Returns how many images were seen."""
    began, seen = time.monotonic(), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    loss_of = smp.losses.DiceLoss(smp.losses.MULTICLASS_MODE, from_logits=True, ignore_index=VOID)
    batches = DataLoader(data, BATCH, shuffle=True, num_workers=1)
    model.train()
    while True:
        for images, truth in batches:
            over = (time.monotonic() - began) / seconds
            if over >= 1:
                return seen
            for group in optimizer.param_groups:
                group["lr"] = LEAST + (RATE - LEAST) * (1 + math.cos(math.pi * over)) / 2
            loss = loss_of(model(images), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)


@torch.inference_mode()
def confusion(model: Any, data: Pictures) -> NDArray[np.int64]:
    """Pixels of each value (rows) by what they are said to be, maps resized to those of the stored images."""
    from runtime.tasks.segmentation import counts

    values = len(data.names)
    matrix = np.zeros((values, values), np.int64)
    model.eval()
    for image, truth in DataLoader(data, None, num_workers=1):
        said = Image.fromarray(model(image[None]).argmax(1)[0].numpy().astype(np.uint8))
        stored = said.resize((truth.shape[1], truth.shape[0]), Image.Resampling.NEAREST)
        matrix += counts.confusion(truth.numpy().astype(np.uint8), np.asarray(stored), values)
    return matrix


def figures(matrix: NDArray[np.int64]) -> dict[str, float]:
    """By the metrics of ``tlt-evaluate``."""
    from runtime.tasks.segmentation.counts import PixelCounts

    found = PixelCounts(matrix)
    return {"mIoU": found.mean_iou, "mIoU_without_background": found.mean_iou_of_classes}


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--width", type=int, default=160, help="of the input (default 160)")
    parser.add_argument("--height", type=int, default=256, help="of the input (default 256)")
    said = parse(parser)
    torch.manual_seed(1)
    size = said.width, said.height
    data = Pictures(said.train_json, said.train_images, size, train=True)
    held_out = Pictures(said.validation_json, said.validation_images, size, train=False)
    model = smp.create_model("unet", "resnet18", encoder_weights=None, classes=len(data.names))
    seen = train(model, data, said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs in {said.seconds:.0f} s", flush=True)
    found = figures(confusion(model, held_out))
    said.results.write_text(json.dumps({"figures": found}))
    print(", ".join(f"{name} {value:.4f}" for name, value in found.items()), flush=True)
