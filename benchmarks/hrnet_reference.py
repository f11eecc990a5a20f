"""HRNet's own kind of training loop with our network by our recipe "small", for so many seconds.

    python benchmarks/hrnet_reference.py SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS [--channels 294]

As in the winners' code, which is HRNet's: a Dataset of objects that reads a picture with OpenCV, warps the object,
moves its points one by one and draws a Gaussian for each; a DataLoader; a loss that goes through the channels; Adam,
whose rate falls to a tenth at 7 and 10 twelfths of the time; the accuracy of every batch. The network is timm's, of
our size, without the layers that nothing learns from. Nothing is validated before the end. Writes the landmarks in the
true boxes of the validation pictures as COCO results of 294 points; every object counts as a picture.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import timm
import torch
import yaml
from coco_pictures import command_line, parse
from numpy.typing import NDArray
from pycocotools.coco import COCO
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from converters.model import landmarks

RECIPE = Path(__file__).parents[1] / "specs/hrnet/recipes/small.yaml"
WIDTH, HEIGHT, STRIDE, SIGMA, MARGIN = 96, 128, 4, 3, 1.25
SCALE, ROTATION, TURNED = 0.25, 30, 0.6
LOGGED = 50
"""Steps between two lines."""
Floats = NDArray[np.float64]


class PoseNet(nn.Module):
    def __init__(self, size: str, channels: int) -> None:
        super().__init__()
        body: Any = timm.create_model(
            f"hrnet_{size}", features_only=True, feature_location="", out_indices=(1,), pretrained=False
        )
        body.stage4[-1].fuse_layers = body.stage4[-1].fuse_layers[:1]
        self.body: nn.Module = body
        self.final_layer = nn.Conv2d(body.feature_info.channels()[0], channels, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.final_layer(self.body(images)[0])
        return maps


@dataclass
class Thing:
    """An object: ``points`` [channels, 3], ``centre`` and the ``width`` that is shown of it, in pixels."""

    path: Path
    points: Floats
    centre: Floats
    width: float
    record: dict[str, Any]


class Objects(Dataset[Any]):
    """The objects of COCO's ``annotations`` that have a labelled point, as an input, heat maps and weights."""

    def __init__(self, annotations: Path, images: Path, channels: int, *, training: bool) -> None:
        coco = COCO(str(annotations))
        self.training, self.channels = training, channels
        self.things = [thing for each in coco.anns.values() if (thing := self._thing(coco, each, images))]
        self.normalise = transforms.Compose([
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.things)

    def _thing(self, coco: COCO, annotation: dict[str, Any], images: Path) -> Thing | None:
        if not annotation.get("num_keypoints"):
            return None
        image = coco.imgs[annotation["image_id"]]
        x, y, w, h = annotation["bbox"]
        left, top = max(0, x), max(0, y)
        wide = min(image["width"] - 1, left + max(0, w - 1)) - left
        high = min(image["height"] - 1, top + max(0, h - 1)) - top
        width = max(wide, high * WIDTH / HEIGHT) * MARGIN
        centre = np.array([left + wide / 2, top + high / 2])
        points = np.array(annotation["keypoints"], np.float64).reshape(-1, 3)
        if self.channels == landmarks.AGGREGATED:
            shared = np.zeros((self.channels, 3))
            np.add.at(shared, np.array(landmarks.CHANNELS), points)
            points = shared
        return Thing(images / image["file_name"], points, centre, width, annotation)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        thing = self.things[index]
        picture = cv2.imread(str(thing.path), cv2.IMREAD_COLOR)
        assert picture is not None
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        width, angle = thing.width, 0.0
        if self.training:
            width *= np.clip(np.random.randn() * SCALE + 1, 1 - SCALE, 1 + SCALE)
            if random.random() <= TURNED:
                angle = float(np.clip(np.random.randn() * ROTATION, -2 * ROTATION, 2 * ROTATION))
        carried = affine(thing.centre, width, angle)
        pixels = cv2.warpAffine(image, carried, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        points = thing.points.copy()
        for number in range(len(points)):
            if points[number, 2] > 0:
                points[number, :2] = carried @ np.array([points[number, 0], points[number, 1], 1.0])
        heat, weights = targets(points)
        return self.normalise(pixels), torch.from_numpy(heat), torch.from_numpy(weights)


def affine(centre: Floats, width: float, angle: float) -> Floats:
    """Pixels of the picture to those of the input, by three points."""
    turn = math.radians(angle)
    up = np.array([math.sin(turn), -math.cos(turn)]) * width / 2
    side = np.array([-up[1], up[0]])
    source = np.array([centre, centre + up, centre + up + side], np.float32)
    middle, above = np.array([WIDTH / 2, HEIGHT / 2]), np.array([0, -WIDTH / 2])
    target = np.array([middle, middle + above, middle + above + [WIDTH / 2, 0]], np.float32)
    return np.asarray(cv2.getAffineTransform(source, target), np.float64)


def targets(points: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Heat maps [channels, h, w] and weights [channels, 1]."""
    width, height = WIDTH // STRIDE, HEIGHT // STRIDE
    heat = np.zeros((len(points), height, width), np.float32)
    weights = np.zeros((len(points), 1), np.float32)
    reach = 3 * SIGMA
    for number, (x, y, visible) in enumerate(points):
        column, row = int(x / STRIDE + 0.5), int(y / STRIDE + 0.5)
        left, top, right, bottom = column - reach, row - reach, column + reach + 1, row + reach + 1
        if not visible or left >= width or top >= height or right <= 0 or bottom <= 0:
            continue
        weights[number] = 1
        along = np.arange(2 * reach + 1, dtype=np.float32)
        gaussian = np.exp(-((along - reach) ** 2 + (along[:, None] - reach) ** 2) / (2 * SIGMA**2))
        rows, columns = slice(max(0, top), min(bottom, height)), slice(max(0, left), min(right, width))
        heat[number, rows, columns] = gaussian[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
    return heat, weights


def loss_of(maps: Tensor, heat: Tensor, weights: Tensor) -> Tensor:
    """Half the mean squared error, channel after channel."""
    total = maps.new_zeros(())
    for channel in range(maps.shape[1]):
        weight = weights[:, channel, :, None]
        total = total + 0.5 * nn.functional.mse_loss(maps[:, channel] * weight, heat[:, channel] * weight)
    return total / maps.shape[1]


def decoded(maps: NDArray[np.float32]) -> Floats:
    """[B, channels, 3]: x, y in cells, and how high the peak is."""
    batch, channels, _, width = maps.shape
    flat = maps.reshape(batch, channels, -1)
    places, highest = flat.argmax(2), flat.max(2)
    found: Floats = np.stack([places % width, places // width, highest], axis=2).astype(np.float64)
    found[..., :2] *= highest[..., None] > 0
    return found


def accuracy(maps: NDArray[np.float32], heat: NDArray[np.float32]) -> float:
    """How many peaks are within half of a tenth of the map of those to be learnt."""
    ours, true = decoded(maps), decoded(heat)
    scale = np.array(maps.shape[:1:-1]) / 10
    apart = np.linalg.norm((ours[..., :2] - true[..., :2]) / scale, axis=2)
    counts = (true[..., :2] > 1).all(axis=2)
    return float((apart[counts] < 0.5).mean()) if counts.any() else 0.0


def for_ever(batches: Any) -> Iterator[Any]:
    while True:
        yield from batches


def train(model: nn.Module, data: Objects, batch: int, seconds: float) -> int:
    """Returns how many objects were seen."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = DataLoader(data, batch, shuffle=True, num_workers=1, drop_last=True)
    began, seen = time.monotonic(), 0
    model.train()
    for step, (images, heat, weights) in enumerate(for_ever(batches)):
        progress = (time.monotonic() - began) / seconds
        if progress >= 1:
            break
        optimizer.param_groups[0]["lr"] = 1e-3 * 0.1 ** sum(progress >= part / 12 for part in (7, 10))
        maps = model(images)
        loss = loss_of(maps, heat, weights)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        right = accuracy(maps.detach().numpy(), heat.numpy())
        if step % LOGGED == 0:
            print(f"step {step}, loss {loss.item():.6f}, accuracy {right:.3f}", flush=True)
        seen += len(images)
    return seen


@torch.inference_mode()
def results(model: nn.Module, data: Objects) -> list[dict[str, Any]]:
    """COCO results in the true boxes: all 294 points, whatever garment it is."""
    found = []
    model.eval()
    for start in range(0, len(data), 32):
        things = data.things[start : start + 32]
        images = torch.stack([data[start + place][0] for place in range(len(things))])
        maps = model(images).numpy()
        for thing, points, each in zip(things, decoded(maps), maps, strict=True):
            found.append(record(thing, refined(points, each)))
    return found


def refined(points: Floats, maps: NDArray[np.float32]) -> Floats:
    """A quarter of a cell towards the higher neighbour."""
    height, width = maps.shape[1:]
    for number, (x, y) in enumerate(points[:, :2].astype(int)):
        if 1 < x < width - 1 and 1 < y < height - 1:
            each = maps[number]
            slope = np.array([each[y, x + 1] - each[y, x - 1], each[y + 1, x] - each[y - 1, x]])
            points[number, :2] += np.sign(slope) / 4
    return points


def record(thing: Thing, points: Floats) -> dict[str, Any]:
    back = cv2.invertAffineTransform(affine(thing.centre, thing.width, 0.0))
    stored = points[:, :2] * STRIDE @ back[:, :2].T + back[:, 2]
    sure = points[:, 2][points[:, 2] > 0.2]
    rows = np.column_stack([stored, np.ones(len(stored))])
    if len(rows) == landmarks.AGGREGATED:
        rows = rows[list(landmarks.CHANNELS)]
    return {
        "image_id": thing.record["image_id"],
        "category_id": thing.record["category_id"],
        "keypoints": rows.round(3).ravel().tolist(),
        "score": float(sure.mean()) if len(sure) else 0.0,
    }


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--channels", type=int, choices=(landmarks.AGGREGATED, 294), default=landmarks.AGGREGATED)
    said = parse(parser)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    settings = yaml.safe_load(RECIPE.read_text())
    data = Objects(said.train_json, said.train_images, said.channels, training=True)
    held_out = Objects(said.validation_json, said.validation_images, said.channels, training=False)
    model = PoseNet(settings["type"], said.channels)
    seen = train(model, data, settings["batch_size"], said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs in {said.seconds:.0f} s", flush=True)
    said.results.write_text(json.dumps(results(model, held_out)))
