"""Memory that a training and all its processes have written, epoch by epoch: is it flat from the second to the
fiftieth?"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import yaml
from measure import BIN, run, told
from memory import written

EPOCHS = 50
ROOM = 20.0
"""Megabytes that the last epoch may have more than the second."""

SETTINGS = {
    "augment": {"output_image_width": 128, "output_image_height": 128},
    "ssd": {
        "arch": "mobilenet_v2",
        "input_width": 128,
        "input_height": 128,
        "batch_size_per_gpu": 8,
        "num_epochs": EPOCHS,
        "validation_period": 1,  # so that the second epoch, too, has seen one
    },
}
_EPOCH = re.compile(r"^epoch (\d+)/\d+: loss")


def measure(folder: Path) -> dict[int, float]:
    """Megabytes at the end of each epoch."""
    spec, results = folder / "specs/train.conf", folder / "results"
    argv: list[str | Path] = [BIN / "tlt-train", "ssd", "--gpus", "0", "-e", spec, "-r", results]
    found: dict[int, float] = {}
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if epoch := _EPOCH.match(line):
            found[int(epoch[1])] = written(process.pid)
    if process.wait():
        raise RuntimeError(f"tlt-train ended with {process.returncode}")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tltpipe.yaml").write_text(yaml.safe_dump(SETTINGS))
        sample = ["sample", "--train", "64", "--validation", "16"]
        for words in (sample, ["run", "prepare", "augment", "tfrecords"], ["train", "--dry-run"]):
            run([BIN / "tltpipe", *words, "--workspace", folder])
        found = measure(folder)
    for epoch in (1, 2, 5, 10, 20, 30, 40, EPOCHS):
        print(f"epoch {epoch:2}: {found[epoch]:.0f} MB")
    grown = found[EPOCHS] - found[2]
    told(f"epoch {EPOCHS} has {grown:+.0f} MB more than epoch 2", f"{ROOM:.0f} MB", met=grown <= ROOM)
