"""A whole training, pictures read, against the bare loop of the same network: resnet18 at 300x300.

The bare loop (``train_step_floor.py``) has one random batch and nothing else to do: forward, torchvision's SSD loss,
backward, SGD. ``tlt-train`` reads, decodes and augments pictures, matches, logs and guards; its pictures a second are
those of its epochs but for the first, checkpoints between the epochs not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import yaml
from measure import BIN, run, told

BATCH = 8
FLOOR = Path(__file__).with_name("train_step_floor.py")
SETTINGS = {
    "augment": {"output_image_width": 300, "output_image_height": 300},
    "ssd": {
        "arch": "resnet",
        "nlayers": 18,
        "input_width": 300,
        "input_height": 300,
        "batch_size_per_gpu": BATCH,
        "num_epochs": 3,
        "validation_period": 3,
        "max_learning_rate": 1e-3,
    },
}


@dataclass(frozen=True)
class Workspace:
    """A folder with pictures and records, ready to be trained on."""

    folder: Path

    def make(self, *, pictures: int) -> None:
        (self.folder / "tltpipe.yaml").write_text(yaml.safe_dump(SETTINGS))
        sample = ["sample", "--train", str(pictures), "--validation", "8"]
        for words in (sample, ["run", "prepare", "augment", "tfrecords"], ["train", "--dry-run"]):
            run([BIN / "tltpipe", *words, "--workspace", self.folder])

    def speed(self) -> float:
        """Pictures a second of a training, by the time that its later epochs took."""
        run([BIN / "tltpipe", "train", "--fresh", "--workspace", self.folder])
        lines = (self.folder / "output" / "status.json").read_text().splitlines()
        epochs = [entry for entry in map(json.loads, lines) if "time_per_epoch" in entry]
        return self.pictures / median(map(_seconds, (epoch["time_per_epoch"] for epoch in epochs[1:])))

    @property
    def pictures(self) -> int:
        """Shown in an epoch: whole batches."""
        count = len(list((self.folder / "KITTI-dataset-augmented/train/images").iterdir()))
        return -(-count // BATCH) * BATCH


def _seconds(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()


def floor(spec: Path) -> float:
    """Pictures a second of the bare loop."""
    argv: list[str | Path] = [sys.executable, FLOOR, spec, str(BATCH)]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name))
        workspace.make(pictures=12 * BATCH)
        ratios = []
        for number in range(rounds):
            bare, whole = floor(workspace.folder / "specs/train.conf"), workspace.speed()
            ratios.append(whole / bare)
            print(f"round {number + 1}: {whole:.2f} pictures/s, bare loop {bare:.2f}, {ratios[-1]:.3f} x", flush=True)
    told(f"{median(ratios):.3f} x the bare loop", "0.90", met=median(ratios) >= 0.9, bound="least")
