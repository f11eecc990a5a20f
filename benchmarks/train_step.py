"""A whole training, pictures read, against the bare loop of the same network.

    python benchmarks/train_step.py [CASE ...] [--rounds N]

The bare loop (``train_step_floor.py``) has one random batch and nothing else to do: forward, losses, backward, SGD.
``tlt-train`` reads, decodes and augments pictures, matches, logs and guards; its pictures a second are those of its
epochs but for the first, checkpoints between the epochs not counted. YOLOX has mosaic and mixup on all the time, and
inputs of one size; HRNet's pictures are objects.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from measure import BIN, run, told

BATCHES, EPOCHS, TARGET = 12, 3, 0.9
FLOOR = Path(__file__).with_name("train_step_floor.py")


@dataclass(frozen=True)
class Case:
    """``settings`` of a workspace; ``stages`` make what is trained on, ``interval`` is the setting that puts validation
    off. What an epoch counts are ``samples``, images or items; ``layout`` is that of the sample set."""

    network: str
    batch: int
    settings: Mapping[str, Any]
    spec: str
    stages: tuple[str, ...] = ("prepare",)
    interval: str = "validation_interval"
    samples: str = "images"
    layout: str = "deepfashion2"

    def workspace(self) -> dict[str, Any]:
        lengths = {"num_epochs": EPOCHS, self.interval: EPOCHS}
        return {"network": self.network, **self.settings, self.network: {**self.settings[self.network], **lengths}}


def yolox(size: str, side: int, batch: int) -> Case:
    shape = {"width": side, "height": side, "batch_size": batch}
    return Case("yolox", batch, {"yolox": {"type": size, **shape, "multi_scale": 0, "closing_epochs": 0}}, "train.yaml")


def ssd(network: str, *stages: str) -> Case:
    settings = {
        "arch": "resnet",
        "nlayers": 18,
        "input_width": 300,
        "input_height": 300,
        "batch_size_per_gpu": 8,
        "max_learning_rate": 1e-3,
    }
    augment = {"output_image_width": 300, "output_image_height": 300}
    whole = {"augment": augment, network: settings}
    return Case(network, 8, whole, "train.conf", ("prepare", *stages), "validation_period")


CASES = {
    "ssd": ssd("ssd", "augment", "tfrecords"),
    "dssd": ssd("dssd", "augment"),
    "yolox-nano": yolox("nano", 416, 8),
    "yolox-s": yolox("s", 416, 4),
    "hrnet-w18-small": Case(
        "hrnet",
        32,
        {"hrnet": {"type": "w18_small", "width": 96, "height": 128, "batch_size": 32}},
        "train.yaml",
        samples="items",
    ),
    "multitask-resnet18": Case(
        "multitask",
        32,
        {"multitask": {"width": 96, "height": 96, "resize": 110, "batch_size": 32}},
        "train.yaml",
        layout="deepfashion",
    ),
    "unet-resnet18": Case(
        "unet",
        16,
        {"unet": {"width": 160, "height": 256, "batch_size": 16}},
        "train.yaml",
        layout="mask_png",
    ),
}


@dataclass(frozen=True)
class Workspace:
    """A folder with pictures, ready to be trained on."""

    folder: Path
    case: Case

    @property
    def pictures(self) -> int:
        return BATCHES * self.case.batch

    def make(self) -> None:
        (self.folder / "tltpipe.yaml").write_text(yaml.safe_dump(self.case.workspace()))
        sample = ["sample", "--layout", self.case.layout, "--train", str(self.pictures), "--validation", "8"]
        for words in (sample, ["run", *self.case.stages], ["train", "--dry-run"]):
            run([BIN / "tltpipe", *words, "--workspace", self.folder])

    def speed(self) -> float:
        """Pictures a second of a training, by the time that its later epochs took."""
        run([BIN / "tltpipe", "train", "--fresh", "--workspace", self.folder])
        lines = (self.folder / "output" / "status.json").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        epochs = [entry for entry in entries if "time_per_epoch" in entry]
        samples: int = entries[-1]["kpi"]["losses"]["out"][self.case.samples]
        steps = -(-samples // self.case.batch)
        return steps * self.case.batch / median(map(_seconds, (epoch["time_per_epoch"] for epoch in epochs[1:])))

    def floor(self) -> float:
        """Pictures a second of the bare loop."""
        spec = self.folder / "specs" / self.case.spec
        argv: list[str | Path] = [sys.executable, FLOOR, self.case.network, spec, str(self.case.batch)]
        return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def _seconds(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()


def measure(name: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), CASES[name])
        workspace.make()
        ratios = []
        for number in range(rounds):
            bare, whole = workspace.floor(), workspace.speed()
            ratios.append(whole / bare)
            print(f"round {number + 1}: {whole:.2f} pictures/s, bare loop {bare:.2f}, {ratios[-1]:.3f} x", flush=True)
    ratio = median(ratios)
    told(f"{name}: {ratio:.3f} x the bare loop", f"{TARGET:.2f}", met=ratio >= TARGET, bound="least")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    for name in said.cases or CASES:
        measure(name, said.rounds)
