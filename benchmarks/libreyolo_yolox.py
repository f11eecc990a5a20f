"""LibreYOLO's YOLOX nano, trained from scratch by its own trainer and recipe for so many seconds.

    python benchmarks/libreyolo_yolox.py SIDE SECONDS TRAIN_JSON TRAIN_IMAGES VAL_JSON VAL_IMAGES RESULTS

LibreYOLO (MIT) comes from PyPI into a folder beside RESULTS, on the packages that are there; nothing else sees it. Its
trainer counts epochs: two of a trial, which do not count, say how many fit into the time. The recipe is its own but for
the size of the input, and ``--option NAME=VALUE`` changes another of its settings. Writes what its best checkpoint
finds on the validation pictures as COCO results.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from coco_pictures import command_line, parse, record
from measure import BIN, run

PACKAGE = "libreyolo==1.6.0"
CLOSING = 15
"""Epochs without mosaic at the end of its recipe. A shorter training has mosaic throughout: it never gets there."""


@dataclass(frozen=True)
class Trainer:
    """Its YOLOX nano on a YOLO data set."""

    data: Path
    folder: Path
    side: int
    options: dict[str, Any]

    def model(self, weights: Path | None = None) -> Any:
        from libreyolo.models.yolox.model import LibreYOLOX  # type: ignore[import-not-found]

        classes = len(yaml.safe_load(self.data.read_text())["names"])
        return LibreYOLOX(model_path=weights and str(weights), size="n", nb_classes=classes, device="cpu")

    def train(self, name: str, epochs: int, **options: Any) -> tuple[Path, list[float]]:
        """Its best checkpoint, or the last where nothing was validated, and the seconds of each epoch."""
        took: list[float] = []
        done = self.model().train(
            data=str(self.data),
            epochs=epochs,
            imgsz=self.side,
            device="cpu",
            workers=1,
            project=str(self.folder),
            name=name,
            callbacks=lambda event: took.append(event.epoch_seconds),
            **{**self.options, **options},
        )
        return Path(done["best_checkpoint"] or done["last_checkpoint"]), took

    def epochs(self, seconds: float) -> int:
        """How many fit, the last ones without mosaic, by what one of each kind takes."""
        _, (heavy, light) = self.train("trial", 2, no_aug_epochs=1, val=False)
        closing: int = self.options.get("no_aug_epochs", CLOSING)
        fitting = int(seconds / heavy) if seconds < (closing + 1) * heavy else 0
        return max(1, fitting, closing + math.floor((seconds - closing * light) / heavy))


def install(folder: Path) -> None:
    """Make LibreYOLO importable, here and in the processes that load its pictures."""
    if not folder.is_dir():
        run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, PACKAGE])
    sys.path.insert(0, str(folder))


def as_yolo(annotations: Path, images: Path, folder: Path) -> Path:
    """Its data set: the folder of ``annotations``, with the pictures of all splits; returns data.yaml."""
    run([BIN / "tltpipe", "convert", annotations.parent, folder, "--to", "yolo", "--images", images.parent.parent])
    return folder / "data.yaml"


def results(model: Any, annotations: Path, images: Path, side: int) -> list[dict[str, Any]]:
    page, found = json.loads(annotations.read_text()), []
    categories = [category["id"] for category in page["categories"]]
    for image in page["images"]:
        boxes = model(str(images / image["file_name"]), conf=0.001, imgsz=side, max_det=100).boxes
        columns = boxes.cls.tolist(), boxes.xyxy.tolist(), boxes.conf.tolist()
        for label, box, score in zip(*columns, strict=True):
            found.append(record(image["id"], categories[int(label)], box, score))
    return found


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("side", type=int)
    said = parse(parser)
    install(said.results.parent / "libreyolo")
    options = {name: yaml.safe_load(value) for name, _, value in (word.partition("=") for word in said.option)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = as_yolo(said.train_json, said.train_images, folder / "data")
        trainer = Trainer(data, folder, said.side, options)
        epochs = trainer.epochs(said.seconds)
        began = time.monotonic()
        weights, _ = trainer.train("whole", epochs)
        took = time.monotonic() - began
        pictures = len(json.loads(said.train_json.read_text())["images"])
        print(f"{epochs * pictures} pictures, {epochs} epochs in {took:.0f} s", flush=True)
        model = trainer.model(weights)
        said.results.write_text(json.dumps(results(model, said.validation_json, said.validation_images, said.side)))
