"""The seed's recipe for categories and attributes in a bare loop, for so many seconds.

    python benchmarks/multitask_reference.py SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS [--side 96]

The network of FarnooshGhadiri/Cloth_category_classifier as it was published: ResNet18, the box from 32 channels, the
largest features in it as a grid of 3 x 3 cells, one layer for categories and one for attributes; losses summed over the
attributes, the box at 0.001; Adam at 2e-4; images stretched, cut at random, mirrored. What made it crash or look better
than it was is not repeated (docs/multitask.md): labels count from 0, images are those of their split, corners stay
within the input, nothing random happens in validation. Annotations are COCO's, attributes by Fashionpedia's convention.

Writes what it says of the validation images, and prints the figures of it by the metrics of ``tlt-evaluate``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from coco_pictures import command_line, parse
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.models import resnet18
from torchvision.transforms import v2

BATCH, RATE, BETA = 32, 2e-4, 0.001
LARGER = 256 / 224
"""Sides of the image that inputs are cut out of, in those of an input."""


class Target(NamedTuple):
    """``category`` from 0, ``attributes`` float32 [A], ``box`` [4] as shares of the input."""

    category: int
    attributes: Tensor
    box: Tensor


class Garments(Dataset[Any]):
    """One garment an image: the largest."""

    def __init__(self, annotations: Path, images: Path, side: int, *, train: bool) -> None:
        page = json.loads(annotations.read_text())
        self.folder, self.side = images, side
        self.names = {name: [each["name"] for each in page[name]] for name in ("categories", "attributes")}
        self.places = {name: {each["id"]: at for at, each in enumerate(page[name])} for name in self.names}
        things: dict[int, Any] = {}
        for thing in page["annotations"]:
            if thing["area"] >= things.get(thing["image_id"], thing)["area"]:
                things[thing["image_id"]] = thing
        self.items = [(each["file_name"], things[each["id"]]) for each in page["images"] if each["id"] in things]
        cut: list[Any] = [v2.RandomCrop(side), v2.RandomHorizontalFlip()] if train else [v2.CenterCrop(side)]
        resize, to_float = v2.Resize((round(LARGER * side),) * 2), v2.ToDtype(torch.float32, scale=True)
        normalise = v2.Normalize([0.5] * 3, [0.5] * 3)
        self.transform = v2.Compose([resize, *cut, to_float, normalise, v2.ToPureTensor()])

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        name, thing = self.items[index]
        with Image.open(self.folder / name) as picture:
            pixels = tv_tensors.Image(v2.functional.pil_to_tensor(picture.convert("RGB")))
        left, top, width, height = thing["bbox"]
        box: Any = tv_tensors.BoundingBoxes(
            torch.tensor([[left, top, left + width, top + height]]),
            format=tv_tensors.BoundingBoxFormat.XYXY,
            canvas_size=pixels.shape[-2:],
        )
        pixels, box = self.transform(pixels, box)
        attributes = torch.zeros(len(self.names["attributes"]))
        attributes[[self.places["attributes"][each] for each in thing.get("attribute_ids", ())]] = 1
        category = self.places["categories"][thing["category_id"]]
        return pixels, Target(category, attributes, box[0].clamp(0, self.side) / self.side)


class Network(nn.Module):
    def __init__(self, side: int, categories: int, attributes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*list(resnet18(weights=None).children())[:-2])
        cells = -(-side // 32)
        self.reduce = nn.Conv2d(512, 32, 1)
        self.corner, self.sides = (nn.Linear(32 * cells * cells, 2) for _ in range(2))
        self.category, self.attributes = (nn.Linear(512 * 10, count) for count in (categories, attributes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.body(images)
        flat = self.reduce(maps).flatten(1)
        corner = self.corner(flat).sigmoid()
        box = torch.cat([corner, corner + self.sides(flat).sigmoid()], dim=1)
        local = torch.stack([self.within(one, place) for one, place in zip(maps, box.detach(), strict=True)])
        features = torch.cat([maps.mean((2, 3)), local], dim=1)
        return self.category(features), self.attributes(features), box

    def within(self, maps: Tensor, box: Tensor) -> Tensor:
        last = maps.shape[-1] - 1
        left, top, right, bottom = (min(last, int(last * corner)) for corner in box.tolist())
        return functional.adaptive_max_pool2d(maps[:, top : bottom + 1, left : right + 1], 3).flatten()


def train(model: Network, data: Garments, seconds: float, rate: float) -> int:
    """Returns how many images were seen."""
    began, seen = time.monotonic(), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, eps=1e-8)
    batches = DataLoader(data, BATCH, shuffle=True, num_workers=1, drop_last=True)
    model.train()
    while True:
        for images, truth in batches:
            if time.monotonic() - began >= seconds:
                return seen
            categories, attributes, boxes = model(images)
            summed = functional.binary_cross_entropy_with_logits(attributes, truth.attributes, reduction="none")
            loss = functional.cross_entropy(categories, truth.category) + summed.sum(dim=1).mean()
            loss = loss + BETA * (boxes - truth.box).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)


@torch.inference_mode()
def predictions(model: Network, data: Garments) -> dict[str, Any]:
    """Of all images, in their order: probabilities and boxes in pixels of the input, and what is true."""
    model.eval()
    said: dict[str, list[Any]] = {name: [] for name in ("choices", "attributes", "box")}
    true: dict[str, list[Any]] = {name: [] for name in said}
    for images, truth in DataLoader(data, BATCH, num_workers=1):
        categories, attributes, boxes = model(images)
        for name, values in zip(said, (categories.softmax(1), attributes.sigmoid(), boxes.clamp(max=1)), strict=True):
            said[name] += values.tolist()
        for name, values in zip(true, (truth.category + 1, truth.attributes, truth.box), strict=True):
            true[name] += values.tolist()
    return {"images": [name for name, _ in data.items], **data.names, "predictions": said, "truth": true}


def figures(found: dict[str, Any]) -> dict[str, float]:
    """By the metrics of ``tlt-evaluate``."""
    from runtime.tasks import ImageInfo
    from runtime.tasks.classification.measuring import ClassificationMetrics
    from runtime.tasks.classification.names import Names

    names = Names(("category",), (tuple(found["categories"]),), tuple(found["attributes"]))
    metrics = ClassificationMetrics(names, primary="top3", boxes=True)
    said, true = ({name: np.array(values, np.float32) for name, values in found[key].items()}
                  for key in ("predictions", "truth"))  # fmt: skip
    for at, image in enumerate(found["images"]):
        prediction = {"label": said["choices"][at].argmax() + 1, **{name: values[at] for name, values in said.items()}}
        target = {
            "choices": true["choices"][at : at + 1].astype(np.int64),
            "attributes": true["attributes"][at].astype(np.int8),
            "box": true["box"][at],
        }
        metrics.update([prediction], [target], [ImageInfo(image, (1, 1), (1, 1))])
    return metrics.scores().plain


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--side", type=int, default=96, help="of the input (default 96)")
    parser.add_argument("--lr", type=float, default=RATE, help=f"learning rate (default {RATE:g})")
    said = parse(parser)
    torch.manual_seed(1)
    data = Garments(said.train_json, said.train_images, said.side, train=True)
    held_out = Garments(said.validation_json, said.validation_images, said.side, train=False)
    model = Network(said.side, len(data.names["categories"]), len(data.names["attributes"]))
    seen = train(model, data, said.seconds, said.lr)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs in {said.seconds:.0f} s", flush=True)
    found = predictions(model, held_out)
    said.results.write_text(json.dumps(found))
    print(", ".join(f"{name} {value:.4f}" for name, value in figures(found).items()), flush=True)
