"""torchvision's reference loop with an R-CNN by our recipe "small", for so many seconds.

    python benchmarks/torchvision_rcnn.py NETWORK SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS

NETWORK is faster_rcnn or mask_rcnn; the second draws a mask of every object from its polygons. The loop is that of
torchvision's references/detection (train.py, engine.py): a DataLoader of whole pictures that the model itself resizes,
losses logged in every step, COCO's figures on the validation pictures after every epoch. Model, optimiser and learning
rate are those that tlt-train gets, the rate stretched over the seconds. Writes what it finds on the validation pictures
in the end as COCO results.
"""

from __future__ import annotations

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
from coco_pictures import Pictures, command_line, loader, parse, results
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn
from torchvision.models import resnet
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.transforms import v2

RECIPES = Path(__file__).parents[1] / "specs"
LOGGED = 20
"""Steps between two lines."""


def pyramid_of(settings: dict[str, Any]) -> BackboneWithFPN:
    stages = settings["returned_layers"]
    body = resnet.__dict__[settings["backbone"]](weights=None)
    width = body.inplanes // 8
    return BackboneWithFPN(
        body,
        {f"layer{stage}": str(level) for level, stage in enumerate(stages)},
        [width * 2 ** (stage - 1) for stage in stages],
        settings["fpn_channels"],
        extra_blocks=LastLevelMaxPool(),
    )


def build(settings: dict[str, Any], classes: int, *, masks: bool) -> nn.Module:
    """torchvision's own class with the parts that ``settings`` ask for; ``classes`` without the background."""
    channels, hidden = settings["fpn_channels"], settings["box_representation_size"]
    levels = [str(level) for level in range(len(settings["returned_layers"]))]
    sizes = tuple(tuple(level) for level in settings["anchor_sizes"])
    parts: dict[str, Any] = {
        "min_size": settings["min_size"][-1],
        "max_size": 1333,
        "rpn_anchor_generator": AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes)),
        "box_roi_pool": MultiScaleRoIAlign(levels, 7, 2),
        "box_head": TwoMLPHead(channels * 49, hidden),
        "box_predictor": FastRCNNPredictor(hidden, classes + 1),
    }
    if masks:
        layers = settings["mask_layers"]
        parts |= {
            "mask_roi_pool": MultiScaleRoIAlign(levels, 14, 2),
            "mask_head": MaskRCNNHeads(channels, layers, 1),
            "mask_predictor": MaskRCNNPredictor(layers[-1], settings["mask_dim_reduced"], classes + 1),
        }
    numbers = {name: value for name, value in settings.items() if name.startswith(("rpn_", "box_"))}
    del numbers["box_representation_size"]
    kind = MaskRCNN if masks else FasterRCNN
    model: nn.Module = kind(pyramid_of(settings), **parts, **numbers)
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
    for kind in ("bbox", "segm") if held_out.masks else ("bbox",):
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(truth, truth.loadRes(found), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        print(f"{kind}: AP {evaluation.stats[0]:.3f}, AP50 {evaluation.stats[1]:.3f}", flush=True)


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
    parser = command_line(__doc__)
    parser.add_argument("network", choices=("faster_rcnn", "mask_rcnn"))
    said = parse(parser)
    torch.manual_seed(1)
    settings = yaml.safe_load((RECIPES / said.network / "recipes/small.yaml").read_text())
    masks = said.network == "mask_rcnn"
    data = Pictures(said.train_json, said.train_images, [v2.RandomHorizontalFlip(0.5)], masks=masks)
    held_out = Pictures(said.validation_json, said.validation_images, [], masks=masks)
    model = build(settings, max(data.coco.cats), masks=masks)
    seen = train(model, settings, data, held_out, said.seconds)
    print(f"{seen} pictures, {seen / len(data):.1f} epochs in {said.seconds:.0f} s", flush=True)
    said.results.write_text(json.dumps(results(model, held_out)))
