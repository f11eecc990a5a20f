"""Accuracy for minutes: the sample set, from scratch, against torchvision's SSDs in the same time on the same machine.

    python benchmarks/accuracy.py [FOLDER] [--minutes 15] [--only NAME ...]

2,000 pictures to train on, 500 to judge by, 13 classes. ``tlt-train`` goes first, with as many epochs as fit into the
time by what one of them took; all of its command counts, from start to last checkpoint. The peers then get the time
that it took, if that is more. pycocotools judges all by the same file: mAP over IoU 0.5 to 0.95, in stored pixels.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from measure import BIN, run, told

HERE = Path(__file__).parent
SETTINGS = HERE / "accuracy.yaml"
PEER = HERE / "torchvision_ssd.py"
PEERS = ("ssdlite320", "ssd300")
TRAIN, VALIDATION = 2000, 500


@dataclass(frozen=True)
class Place:
    """A workspace with the sample set, and where each contender's results go."""

    folder: Path

    def prepare(self) -> None:
        """Draw and convert, unless an earlier call did."""
        settings = yaml.safe_load(SETTINGS.read_text())
        if not (self.folder / "Original-Data").is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.tltpipe("sample", "--train", str(TRAIN), "--validation", str(VALIDATION), "--seed", "1")
        (self.folder / "tltpipe.yaml").write_text(yaml.safe_dump(settings))
        self.tltpipe("run", "prepare", "augment", "tfrecords")

    def tltpipe(self, *words: str) -> None:
        run([BIN / "tltpipe", *words, "--workspace", self.folder])

    def images(self, split: str) -> Path:
        return self.folder / "Original-Data" / split / "image"

    def annotations(self, split: str) -> Path:
        return self.folder / "COCO" / f"{split}.json"

    def results(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def ours(self, seconds: float) -> float:
        """Train within ``seconds``; returns how many it took."""
        began = self._train(1), self._train(2)
        epoch = began[1] - began[0]
        epochs = max(1, int((seconds - (began[0] - epoch)) / epoch))
        took = self._train(epochs)
        print(f"tltpipe: {epochs} epochs of {TRAIN} pictures in {took:.0f} s", flush=True)
        (model,) = (self.folder / "output/weights").glob("*_epoch_*.safetensors")
        look: list[str | Path] = [BIN / "tlt-infer", "ssd", "-m", model, "-i", self.images("validation"), "-t", "0.011"]
        run([*look, "--coco", self.results("tltpipe"), "--coco_ids", self.annotations("validation")])
        return took

    def _train(self, epochs: int) -> float:
        given = [f"--set=ssd.{name}={epochs}" for name in ("num_epochs", "validation_period", "checkpoint_interval")]
        began = time.monotonic()
        self.tltpipe("train", "--fresh", *given)
        return time.monotonic() - began

    def peer(self, name: str, seconds: float) -> None:
        data = [path for split in ("train", "validation") for path in (self.annotations(split), self.images(split))]
        said = subprocess.run(
            [sys.executable, PEER, name, str(seconds), *data, self.results(name)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        seen = next(line for line in said.splitlines() if line.endswith("epochs"))
        print(f"{name}: {seen} in {seconds:.0f} s", flush=True)

    def judge(self, name: str) -> float:
        """mAP over IoU 0.5 to 0.95 of what ``name`` found on the validation pictures."""
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(str(self.annotations("validation")))
            found = json.loads(self.results(name).read_text())
            if not found:
                return 0.0
            evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        print(f"{name}: mAP@0.5:0.95 {evaluation.stats[0]:.4f}, mAP@0.5 {evaluation.stats[1]:.4f}", flush=True)
        return float(evaluation.stats[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep data and results here")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--only", nargs="+", choices=("tltpipe", *PEERS), help="the others' results are as they are")
    said = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = said.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place, wanted = Place(folder.absolute()), said.only or ("tltpipe", *PEERS)
        place.prepare()
        seconds = said.minutes * 60
        if "tltpipe" in wanted:
            seconds = max(seconds, place.ours(seconds))
        for name in PEERS:
            if name in wanted:
                place.peer(name, seconds)
        scores = {name: place.judge(name) for name in ("tltpipe", *PEERS)}
    best = max(scores[name] for name in PEERS)
    ratio = scores["tltpipe"] / best if best else float("inf")
    told(f"{ratio:.2f} x the better peer", "1.10", met=ratio >= 1.1, bound="least")
