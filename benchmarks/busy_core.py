"""Training with the number of threads that measuring chooses, against the better of one thread and all: on a quiet
machine, and with a core that another program keeps busy.

The busy program is one of its own, pinned to the first core. Images a second are those of a training's later epochs,
the trial of the first steps left out, of runs that take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median

import yaml
from measure import BIN, run, told
from train_step import _seconds

IMAGES, BATCH, SIZE = 240, 8, 160
SETTINGS = {
    "augment": {"output_image_width": SIZE, "output_image_height": SIZE},
    "ssd": {
        "arch": "mobilenet_v2",
        "input_width": SIZE,
        "input_height": SIZE,
        "batch_size_per_gpu": BATCH,
        "num_epochs": 4,
        "validation_period": 4,
    },
}
CHOICES: dict[str, dict[str, str]] = {
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "all threads": {"OMP_NUM_THREADS": str(os.cpu_count())},
    "measured": {},
}


@contextmanager
def busy() -> Iterator[None]:
    """Another program computes on the first core for as long as the block lasts."""
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def speed(folder: Path, environment: dict[str, str]) -> float:
    """Images a second of a training, by its epochs but for the first, in which numbers of threads are tried."""
    before = os.environ.copy()
    os.environ.pop("OMP_NUM_THREADS", None)
    os.environ.update(environment)
    try:
        run([BIN / "tltpipe", "train", "--fresh", "--workspace", folder])
    finally:
        os.environ.clear()
        os.environ.update(before)
    lines = (folder / "output" / "status.json").read_text().splitlines()
    epochs = [entry for entry in map(json.loads, lines) if "time_per_epoch" in entry]
    return IMAGES / median(_seconds(epoch["time_per_epoch"]) for epoch in epochs[1:])


def compare(folder: Path, name: str, *, rounds: int, loaded: bool) -> float:
    """The measured choice's speed over the better of the two fixed ones."""
    found: dict[str, list[float]] = {choice: [] for choice in CHOICES}
    for _ in range(rounds):
        for choice, environment in CHOICES.items():
            with busy() if loaded else nullcontext():
                found[choice].append(speed(folder, environment))
    middle = {choice: median(speeds) for choice, speeds in found.items()}
    print(name, ", ".join(f"{choice} {value:.1f} images/s" for choice, value in middle.items()), flush=True)
    return middle["measured"] / max(middle["1 thread"], middle["all threads"])


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        run([BIN / "tltpipe", "sample", "--train", str(IMAGES), "--validation", "8", "--workspace", folder])
        (folder / "tltpipe.yaml").write_text(yaml.safe_dump(SETTINGS))
        run([BIN / "tltpipe", "run", "prepare", "augment", "tfrecords", "--workspace", folder])
        run([BIN / "tltpipe", "train", "--dry-run", "--workspace", folder])
        for name, loaded in (("quiet", False), ("with a busy core", True)):
            ratio = compare(folder, name, rounds=rounds, loaded=loaded)
            told(f"{name}: {ratio:.3f} x the better of 1 and all threads", "0.90", met=ratio >= 0.9, bound="least")
