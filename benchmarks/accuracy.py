"""Accuracy for minutes: the sample set, from scratch, against torchvision's own training in the same time.

    python benchmarks/accuracy.py [FOLDER] [--network NAME] [--minutes 15] [--only NAME ...]

2,000 pictures to train on, 500 to judge by, 13 classes. ``tlt-train`` goes first, with as many epochs as fit into the
time by what one of them took; all of its command counts, from start to last checkpoint. The peers then get the time
that it took, if that is more: torchvision's SSDs by its reference recipe, or its Faster R-CNN with the model and the
recipe of ours in its reference loop. pycocotools judges all by the same file: mAP over IoU 0.5 to 0.95, in stored
pixels.
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from measure import BIN, run, told

HERE = Path(__file__).parent
TRAIN, VALIDATION = 2000, 500


@dataclass(frozen=True)
class Contest:
    """``peers``: the command of each, up to its time. ``stages`` come before the training; ``lengths`` are the settings
    that say after how many epochs there is something. ``floors``: of the scores, and of pictures a second where the
    peers compute the same."""

    settings: str
    peers: Mapping[str, Sequence[str]]
    stages: tuple[str, ...]
    lengths: tuple[str, ...]
    floors: tuple[float, float | None]


CONTESTS = {
    "ssd": Contest(
        "accuracy.yaml",
        {name: ("torchvision_ssd.py", name) for name in ("ssdlite320", "ssd300")},
        ("prepare", "augment", "tfrecords"),
        ("num_epochs", "validation_period", "checkpoint_interval"),
        (1.1, None),
    ),
    "faster_rcnn": Contest(
        "accuracy_faster_rcnn.yaml",
        {"reference loop": ("torchvision_faster_rcnn.py",)},
        ("prepare",),
        ("num_epochs", "validation_interval", "checkpoint_interval"),
        (1.0, 1.15),
    ),
}


@dataclass(frozen=True)
class Place:
    """A workspace with the sample set, and where each contender's results go."""

    folder: Path
    network: str

    @property
    def contest(self) -> Contest:
        return CONTESTS[self.network]

    def prepare(self) -> None:
        """Draw and convert, unless an earlier call did."""
        settings = yaml.safe_load((HERE / self.contest.settings).read_text())
        if not (self.folder / "Original-Data").is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.tltpipe("sample", "--train", str(TRAIN), "--validation", str(VALIDATION), "--seed", "1")
        (self.folder / "tltpipe.yaml").write_text(yaml.safe_dump(settings))
        self.tltpipe("run", *self.contest.stages)

    def tltpipe(self, *words: str) -> None:
        run([BIN / "tltpipe", *words, "--workspace", self.folder])

    def images(self, split: str) -> Path:
        return self.folder / "Original-Data" / split / "image"

    def annotations(self, split: str) -> Path:
        return self.folder / "COCO" / f"{split}.json"

    def results(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def ours(self, seconds: float) -> tuple[float, float]:
        """Train within ``seconds``; returns how many it took, and pictures a second."""
        began = self._train(1), self._train(2)
        epoch = began[1] - began[0]
        epochs = max(1, int((seconds - (began[0] - epoch)) / epoch))
        took = self._train(epochs)
        rate = epochs * TRAIN / took
        print(f"tltpipe: {epochs} epochs of {TRAIN} pictures in {took:.0f} s, {rate:.1f}/s", flush=True)
        (model,) = (self.folder / "output/weights").glob("*_epoch_*.safetensors")
        look: list[str | Path] = [
            BIN / "tlt-infer",
            self.network,
            "-m",
            model,
            "-i",
            self.images("validation"),
            "-t",
            "0.011",
        ]
        run([*look, "--coco", self.results("tltpipe"), "--coco_ids", self.annotations("validation")])
        return took, rate

    def _train(self, epochs: int) -> float:
        given = [f"--set={self.network}.{name}={epochs}" for name in self.contest.lengths]
        began = time.monotonic()
        self.tltpipe("train", "--fresh", *given)
        return time.monotonic() - began

    def peer(self, name: str, seconds: float) -> float:
        """Train within ``seconds``; returns pictures a second."""
        data = [path for split in ("train", "validation") for path in (self.annotations(split), self.images(split))]
        script, *words = self.contest.peers[name]
        said = subprocess.run(
            [sys.executable, HERE / script, *words, str(seconds), *data, self.results(name)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        seen = next(line for line in said.splitlines() if line.endswith("epochs"))
        rate = int(seen.split()[0]) / seconds
        print(f"{name}: {seen} in {seconds:.0f} s, {rate:.1f}/s", flush=True)
        return rate

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


def compete(place: Place, chosen: Sequence[str], seconds: float) -> None:
    peers = place.contest.peers
    rates: dict[str, float] = {}
    if "tltpipe" in chosen:
        took, rates["tltpipe"] = place.ours(seconds)
        seconds = max(seconds, took)
    rates |= {name: place.peer(name, seconds) for name in peers if name in chosen}
    scores = {name: place.judge(name) for name in ("tltpipe", *peers)}
    best = max(scores[name] for name in peers)
    ratio = scores["tltpipe"] / best if best else float("inf")
    least, fastest = place.contest.floors
    told(f"{ratio:.2f} x the better peer", f"{least:.2f}", met=ratio >= least, bound="least")
    if fastest is not None and len(rates) == len(scores):
        ratio = rates["tltpipe"] / max(rates[name] for name in peers)
        told(f"{ratio:.2f} x its pictures/s", f"{fastest:.2f}", met=ratio >= fastest, bound="least")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep data and results here")
    parser.add_argument("--network", choices=CONTESTS, default="ssd")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="tltpipe or peers; the others' results are as they are"
    )
    said = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = said.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = Place(folder.absolute(), said.network)
        place.prepare()
        compete(place, said.only or ("tltpipe", *place.contest.peers), said.minutes * 60)
