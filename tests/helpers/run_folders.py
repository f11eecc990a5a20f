"""Results folders of trainings, as tlt-train and tlt-evaluate leave them (docs/outputs.md), of any length at once."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

CLASSES = ("vest", "skirt", "</script><b onclick=alert(1)>")
"""The last one is what a name from a data set may hold."""
LOG = "yolox_training_log_nano.csv"
STEPS = 20
"""In an epoch."""
SPEC = """\
dataset:
  train_data_sources: [{{image_dir: /data/images, json_file: /data/train.json}}]
  classes: [vest, skirt]
train:
  num_epochs: {epochs}
  optim: {{lr: {rate}}}
"""


def write(
    folder: Path,
    *,
    epochs: int,
    done: int,
    best: float = 0.6,
    failure: str | None = None,
    evaluated: bool = False,
    rate: float = 0.01,
    classes: Sequence[str] = CLASSES,
) -> Path:
    """A training of ``epochs``, of which ``done`` are over; it goes on unless they all are, or it ended in ``failure``.

    Its mAP after epoch e is best (1 - exp(-e / 30)), its loss at step s is 0.5 + exp(-s / 200).
    """
    (folder / "samples").mkdir(parents=True)
    told = {
        "format": "tltpipe training 1", "version": "0.1.0", "network": "yolox", "name": "yolox_nano",
        "classes": list(classes), "epochs": epochs, "first_epoch": 1, "steps": epochs * STEPS,
        "steps_per_epoch": STEPS, "primary": "mAP", "titles": {"mAP": "mean average precision"},
        "figures": ["mAP"], "per_class": {"AP": list(classes)}, "host": socket.gethostname(), "process": os.getpid(),
        "command": f"tlt-train yolox -e train.yaml -r {folder}", "folder": str(folder.parent), "device": "cpu",
        "log": LOG, "spec": SPEC.format(epochs=epochs, rate=rate), "began": "2026-11-30T07:00:00+00:00",
    }  # fmt: skip
    (folder / "training.json").write_text(json.dumps(told))
    (folder / LOG).write_text(log(done, best, classes))
    (folder / "steps.jsonl").write_text("".join(map(step, range(done * STEPS))))
    lines = [{"status": "STARTED", "message": "Starting Training Loop."}]
    if failure:
        lines.append({"status": "FAILURE", "message": failure})
    elif done == epochs:
        lines.append({"status": "SUCCESS", "message": "Training finished successfully."})
    clock = time.strftime("%m/%d/%Y %H:%M:%S").split()
    told_lines = [json.dumps({"date": clock[0], "time": clock[1], "verbosity": "INFO", **line}) for line in lines]
    (folder / "status.json").write_text("\n".join(told_lines) + "\n")
    for epoch in range(1, done + 1, max(1, done // 20)):
        image(folder / f"samples/epoch_{epoch:04d}.jpg", f"epoch {epoch}")
    (folder / "labels.csv").write_text(
        "class,training_images,training_objects\n" + "".join(f'"{name}",7,9\n' for name in classes)
    )
    if evaluated:
        evaluate(folder / "evaluation", best, classes)
    return folder


def log(epochs: int, best: float, classes: Sequence[str]) -> str:
    head = ",".join(["epoch", *(f'"AP_{name}"' for name in classes), "loss", "lr", "mAP"])
    values = (best * (1 - math.exp(-epoch / 30)) for epoch in range(1, epochs + 1))
    rows = [
        ",".join(map(str, [epoch, *(round(value, 5) for _ in classes), 0.5, 0.01, round(value, 5)]))
        for epoch, value in enumerate(values, 1)
    ]
    return "\n".join([head, *rows]) + "\n"


def step(number: int) -> str:
    loss = 0.5 + math.exp(-number / 200)
    told: dict[str, Any] = {
        "step": number,
        "epoch": number // STEPS + 1,
        "loss": loss,
        "terms": {"iou": loss * 0.75, "class": loss * 0.25},
    }
    told |= {"lr": 0.01, "gradient_norm": 2.5, "images_per_second": 80.0, "data_wait": 0.02, "time": time.time()}
    return json.dumps(told) + "\n"


def evaluate(folder: Path, best: float, classes: Sequence[str]) -> None:
    """Its counts: 8 of 10 of each class are right, one is taken for the next class, one is missed."""
    folder.mkdir()
    size = len(classes)
    counts = [[8 if r == c else 1 if c in ((r + 1) % size, size) else 0 for c in range(size + 1)] for r in range(size)]
    rows = [{"class": name, "objects": 10, "precision": 0.9, "recall": 0.8, "AP": best} for name in classes]
    curves = {name: {"recall": [0, 0.5, 1], "precision": [1, 0.9, 0.25]} for name in classes}
    told = {
        "model": "yolox_nano_best.safetensors", "primary": "mAP", "figures": {"mAP": best, "coco/APl": None},
        "per_class": {"AP": dict.fromkeys(classes, best)}, "pictures": 12, "threshold": 0.4, "classes": rows,
        "all": {"class": "all", "objects": 10 * size, "AP": best}, "curves": curves,
        "confusion": {"classes": list(classes), "counts": [*counts, [0] * (size + 1)]},
        "pictures_drawn": ["confusion.png", "worst.png"],
    }  # fmt: skip
    (folder / "evaluation.json").write_text(json.dumps(told))
    image(folder / "worst.png", "worst")
    image(folder / "confusion.png", "confusion")


def image(path: Path, text: str) -> None:
    drawn = Image.new("RGB", (640, 200), (90, 110, 120))
    pen = ImageDraw.Draw(drawn)
    for left in (20, 340):
        pen.rectangle((left, 40, left + 260, 180), outline=(240, 149, 90), width=4)
    pen.text((20, 10), text, fill=(255, 255, 255))
    drawn.save(path)
