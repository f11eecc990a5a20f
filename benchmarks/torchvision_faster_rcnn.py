"""torchvision's reference loop with the Faster R-CNN and the recipe of accuracy_faster_rcnn.yaml, for so many seconds.

    python benchmarks/torchvision_faster_rcnn.py SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS

The loop is that of torchvision's references/detection (train.py, engine.py): a DataLoader of whole pictures that the
model itself resizes, losses logged in every step, COCO's figures on the validation pictures after every epoch. Model,
optimiser and learning rate are those that tlt-train gets, the rate stretched over the seconds. Writes what it finds
on the validation pictures in the end as COCO results.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn
from torchvision.models import resnet
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.transforms import v2
from torchvision_ssd import Pictures, loader, results

SETTINGS = Path(__file__).parent / "accuracy_faster_rcnn.yaml"
LOGGED = 20
"""Steps between two lines."""


def build(settings: dict[str, Any], classes: int) -> FasterRCNN:
    stages = settings["returned_layers"]
    body = resnet.__dict__[settings["backbone"]](weights=None)
    width = body.inplanes // 8
    pyramid = BackboneWithFPN(
        body,
        {f"layer{stage}": str(level) for level, stage in enumerate(stages)},
        [width * 2 ** (stage - 1) for stage in stages],
        settings["fpn_channels"],
        extra_blocks=LastLevelMaxPool(),
    )
    sizes = tuple(tuple(level) for level in settings["anchor_sizes"])
    hidden = settings["box_representation_size"]
    taken = {name: value for name, value in settings.items() if name.startswith(("rpn_", "box_"))}
    model = FasterRCNN(
        pyramid,
        min_size=settings["min_size"][-1],
        max_size=1333,
        rpn_anchor_generator=AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes)),
        box_roi_pool=MultiScaleRoIAlign([str(level) for level in range(len(stages))], 7, 2),
        box_head=TwoMLPHead(settings["fpn_channels"] * 49, hidden),
        box_predictor=FastRCNNPredictor(hidden, classes + 1),
        **{name: value for name, value in taken.items() if name != "box_representation_size"},
    )
    assert isinstance(model, nn.Module)
    return model


class Log:
    """The reference's MetricLogger in what it costs: every loss of every step becomes a number."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def update(self, step: int, losses: dict[str, torch.Tensor], rate: float) -> None:
        for name, value in losses.items():
            self.values.setdefault(name, []).append(value.item())
        if step % LOGGED == 0:
            recent = {name: sum(values[-LOGGED:]) / len(values[-LOGGED:]) for name, values in self.values.items()}
            print(f"step {step}, lr {rate:.3g}, {', '.join(f'{k} {v:.3f}' for k, v in recent.items())}", flush=True)


def for_ever(batches: Any, model: nn.Module, held_out: Pictures, truth: COCO, until: float) -> Iterator[Any]:
    """Batches, with COCO's figures after each time through them."""
    while True:
        yield from batches
        if time.monotonic() < until:
            evaluate(model, held_out, truth)
            model.train()


def evaluate(model: nn.Module, held_out: Pictures, truth: COCO) -> None:
    found = results(model, held_out)
    if not found:
        return
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    print(f"AP {evaluation.stats[0]:.3f}, AP50 {evaluation.stats[1]:.3f}", flush=True)


def train(model: nn.Module, settings: dict[str, Any], data: Pictures, held_out: Pictures, seconds: float) -> int:
    """Returns how many pictures were seen."""
    began, seen = time.monotonic(), 0
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[settings["optimizer"]]
    optimizer = kind(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    truth, log = COCO(str(held_out.path)), Log()
    batches = loader(data, settings["batch_size"], shuffle=True)
    model.train()
    for step, (images, targets) in enumerate(for_ever(batches, model, held_out, truth, began + seconds)):
        progress = (time.monotonic() - began) / seconds
        if progress >= 1:
            break
        warmth = min(1.0, 0.001 + step / settings["warmup_steps"])
        rate = settings["lr"] * warmth * (1 + math.cos(math.pi * progress)) / 2
        optimizer.param_groups[0]["lr"] = rate
        losses = model(list(images), [dict(target) for target in targets])
        if not math.isfinite(sum(losses.values()).item()):
            raise RuntimeError(f"the loss is {losses}")
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings["clip_grad_norm"])
        optimizer.step()
        log.update(step, losses, rate)
        seen += len(images)
    return seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float)
    for name in ("train_json", "train_images", "validation_json", "validation_images", "results"):
        parser.add_argument(name, type=Path)
    said = parser.parse_args()
    torch.manual_seed(1)
    settings = yaml.safe_load(SETTINGS.read_text())["faster_rcnn"]
    data = Pictures(said.train_json, said.train_images, [v2.RandomHorizontalFlip(0.5)])
    held_out = Pictures(said.validation_json, said.validation_images, [])
    model = build(settings, max(data.coco.cats))
    seen = train(model, settings, data, held_out, said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs", flush=True)
    said.results.write_text(json.dumps(results(model, held_out)))
