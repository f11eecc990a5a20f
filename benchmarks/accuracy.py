"""Accuracy for minutes: the sample set, from scratch, against others' own training in the same time.

    python benchmarks/accuracy.py [FOLDER] [--network NAME] [--minutes 15] [--only NAME ...]

2,000 pictures to train on, 500 to judge by. ``tlt-train`` goes first, with as many epochs as fit into the time by what
one of them took; all of its command counts, from start to last checkpoint. The peers then get the time that it took, if
that is more: torchvision's SSDs by its reference recipe, its R-CNN with the model and the recipe of ours in its
reference loop, LibreYOLO's YOLOX by its own trainer, HRNet and the classifier in bare loops by their published recipes,
Unet in the loop of segmentation-models-pytorch's own example. A variant is ours with other settings, in the same time.
pycocotools judges all by the same file: mAP over IoU 0.5 to 0.95, in stored pixels, of boxes and, where the network
gives them, masks; over OKS of landmarks in the true boxes. Categories, attributes and maps of classes are judged by the
metrics of ``tlt-evaluate``.

With ``--only`` contenders can run at the same time, each on a core of its own; the calls without a name make the data
and compare:

    python benchmarks/accuracy.py FOLDER --network yolox --only
    taskset -c 0 python benchmarks/accuracy.py FOLDER --network yolox --only tltpipe &
    taskset -c 1 python benchmarks/accuracy.py FOLDER --network yolox --only LibreYOLO; wait
    python benchmarks/accuracy.py FOLDER --network yolox --only
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from measure import BIN, run, told

HERE = Path(__file__).parent
TRAIN, VALIDATION = 2000, 500
OURS = [
    f"--option={setting}"
    for setting in (
        "lr0=0.04",
        "warmup_epochs=1",
        "no_aug_epochs=3",
        "mosaic_scale=[0.5, 1.2]",
        "mixup_prob=0",
        "degrees=0",
        "shear=0",
        "ema_decay=0.998",
    )
]
"""What LibreYOLO's trainer is told so that its recipe is ours (specs/yolox/recipes/small.yaml); it gets through a third
of the epochs, and closes with as many in proportion."""
LENGTHS = ("num_epochs", "validation_interval", "checkpoint_interval")


@dataclass(frozen=True)
class Contest:
    """``peers``: the command of each, up to its time. ``settings`` is a file here; without one the network's recipe
    "small" is trained, with as many epochs as fit. ``stages`` come before the training; ``lengths`` are the settings
    that say after how many epochs there is something, ``shares`` those that are a share of the epochs, rounded down.
    ``judge`` gives the scores that are compared. ``floors``: of the scores, and of pictures a second where the peers
    compute the same; ``least`` is a score of boxes that has been reached in the same time in another way. ``measured``
    is the file of ``tlt-evaluate`` that has our results; without one they are those of ``tlt-infer``. ``variants`` are
    ours with other settings. ``layout`` is that of the data, ``images`` where pictures of a ``split`` (``short``: val)
    lie in it; an epoch of a network with ``objects`` counts those that have landmarks."""

    peers: Mapping[str, Sequence[str]]
    floors: tuple[float, float | None]
    settings: str | None = None
    stages: tuple[str, ...] = ("prepare",)
    lengths: tuple[str, ...] = LENGTHS
    shares: Mapping[str, float] = field(default_factory=dict)
    judge: Callable[[Place, str], dict[str, float]] = field(default=lambda place, name: detections(place, name, "bbox"))
    least: float | None = None
    measured: str | None = None
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    layout: str = "deepfashion2"
    images: str = "Original-Data/{split}/image"
    objects: bool = False


CONTESTS = {
    "ssd": Contest(
        {name: ("torchvision_ssd.py", name) for name in ("ssdlite320", "ssd300")},
        (1.1, None),
        "accuracy.yaml",
        stages=("prepare", "augment", "tfrecords"),
        lengths=("num_epochs", "validation_period", "checkpoint_interval"),
    ),
    "faster_rcnn": Contest({"reference loop": ("torchvision_rcnn.py", "faster_rcnn")}, (1.0, 1.15)),
    "mask_rcnn": Contest(
        {"reference loop": ("torchvision_rcnn.py", "mask_rcnn")},
        (1.0, 1.15),
        judge=lambda place, name: detections(place, name, "bbox", "segm"),
    ),
    "yolox": Contest(
        {"LibreYOLO": ("libreyolo_yolox.py", "160"), "LibreYOLO, our recipe": ("libreyolo_yolox.py", "160", *OURS)},
        (1.2, None),
        shares={"closing_epochs": 0.3},  # none of the two that are timed: those with mosaic take longer
        least=0.683,  # of our SSD, as docs/benchmarks.md has it
    ),
    "hrnet": Contest(
        {"bare HRNet loop": ("hrnet_reference.py",)},
        (1.0, 1.3),
        judge=lambda place, name: landmarks_of(place, name),
        measured="evaluation/coco_results.json",
        variants={"294 channels": {"aggregated": False}},
        objects=True,
    ),
    "multitask": Contest(
        {"the seed's recipe": ("multitask_reference.py",)},
        (1.0, None),
        judge=lambda place, name: categories_of(place, name),
        measured="evaluation.json",
        layout="deepfashion",
        images="Original-Data/Img/img",
    ),
    "unet": Contest(
        {"smp's example": ("smp_reference.py",)},
        (1.0, 1.15),
        judge=lambda place, name: pixels_of(place, name),
        measured="evaluation.json",
        layout="mask_png",
        images="Original-Data/{short}/images",
    ),
}


@dataclass(frozen=True)
class Place:
    """A workspace with the sample set, and where each contender's results go. A ``variant`` of ours has one of its own
    within."""

    folder: Path
    network: str
    variant: str = ""

    @property
    def contest(self) -> Contest:
        return CONTESTS[self.network]

    @property
    def workspace(self) -> Path:
        return self.folder / self.variant.replace(" ", "-")

    def prepare(self) -> None:
        """Draw and convert, unless an earlier call did."""
        settings: dict[str, Any] = {"network": self.network, "recipe": "small"}
        if self.contest.settings:
            settings = yaml.safe_load((HERE / self.contest.settings).read_text())
        if self.variant:
            settings[self.network] = dict(self.contest.variants[self.variant])
        self.workspace.mkdir(parents=True, exist_ok=True)
        data = self.workspace / "Original-Data"
        if self.variant and not data.is_dir():
            shutil.copytree(self.folder / data.name, data, copy_function=os.link)
        if not data.is_dir():
            layout = ("--layout", self.contest.layout)
            self.tltpipe("sample", "--train", str(TRAIN), "--validation", str(VALIDATION), "--seed", "1", *layout)
        (self.workspace / "tltpipe.yaml").write_text(yaml.safe_dump(settings))
        self.tltpipe("run", *self.contest.stages)

    def tltpipe(self, *words: str) -> None:
        run([BIN / "tltpipe", *words, "--workspace", self.workspace])

    def images(self, split: str) -> Path:
        return self.folder / self.contest.images.format(split=split, short=split.replace("validation", "val"))

    def annotations(self, split: str) -> Path:
        return self.folder / "COCO" / f"{split}.json"

    def results(self, name: str) -> Path:
        return self.folder / f"{self.network}-{name}.json"

    def speed(self, name: str) -> Path:
        """Pictures a second that ``name`` trained on, as text."""
        return self.results(name).with_suffix(".speed")

    def ours(self, seconds: float) -> float:
        """Train within ``seconds``; returns how many it took."""
        began = [self._train(epochs) for epochs in (1, 2)]
        epoch = began[1] - began[0]
        epochs = max(1, int((seconds - (began[0] - epoch)) / epoch))
        took = self._train(epochs)
        name = self.variant or "tltpipe"
        self._tell(name, f"{epochs * self.samples()} pictures, {epochs} epochs in {took:.0f} s")
        if self.contest.measured:
            self.tltpipe("evaluate", *self._lengths(epochs))
            shutil.copy(self.workspace / "output" / self.contest.measured, self.results(name))
        else:
            self._infer()
        return took

    def samples(self) -> int:
        """How many an epoch has."""
        if not self.contest.objects:
            return TRAIN
        page = json.loads(self.annotations("train").read_text())
        return sum(each["num_keypoints"] > 0 for each in page["annotations"])

    def _infer(self) -> None:
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

    def _train(self, epochs: int) -> float:
        began = time.monotonic()
        self.tltpipe("train", "--fresh", *self._lengths(epochs))
        return time.monotonic() - began

    def _lengths(self, epochs: int) -> list[str]:
        """The options of a training of so many epochs."""
        parts = {name: int(share * epochs) for name, share in self.contest.shares.items()}
        given = {**dict.fromkeys(self.contest.lengths, epochs), **parts}
        return [f"--set={self.network}.{name}={value}" for name, value in given.items()]

    def peer(self, name: str, seconds: float) -> None:
        """Train within ``seconds``."""
        data = [path for split in ("train", "validation") for path in (self.annotations(split), self.images(split))]
        script, *words = self.contest.peers[name]
        said = subprocess.run(
            [sys.executable, HERE / script, *words, str(seconds), *data, self.results(name)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        self._tell(name, said)

    def _tell(self, name: str, said: str) -> None:
        """The line of ``said`` that tells what was trained on in which time, and the speed for a later comparison."""
        line = re.search(r"^(\d+) pictures, .* in (\d+) s$", said, re.MULTILINE)
        assert line is not None
        rate = int(line[1]) / int(line[2])
        self.speed(name).write_text(f"{rate:.2f}")
        print(f"{name}: {line[0]}, {rate:.1f}/s", flush=True)


def detections(place: Place, name: str, *kinds: str) -> dict[str, float]:
    """mAP over IoU 0.5 to 0.95 of what ``name`` found on the validation pictures, of boxes and of masks."""
    found = json.loads(place.results(name).read_text())
    return {kind: average_precision(place, name, found, kind) for kind in kinds}


def landmarks_of(place: Place, name: str) -> dict[str, float]:
    """mAP over OKS 0.5 to 0.95 of the landmarks that ``name`` found in the true boxes."""
    from converters.model import garments, landmarks

    layouts = [landmarks.layout(garment.name) for garment in garments.CATEGORIES]
    sigmas = [sigma for layout in layouts if layout for sigma in layout.sigmas]
    found = json.loads(place.results(name).read_text())
    return {"keypoints": average_precision(place, name, found, "keypoints", sigmas)}


def average_precision(place: Place, name: str, found: Any, kind: str, sigmas: Sequence[float] = ()) -> float:
    """By pycocotools, of all classes together."""
    import numpy as np
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not found:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(place.annotations("validation")))
        evaluation = COCOeval(truth, truth.loadRes(found), kind)
        if sigmas:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    score = float(evaluation.stats[0])
    print(f"{name}, {kind}: mAP@0.5:0.95 {score:.4f}, mAP@0.5 {evaluation.stats[1]:.4f}", flush=True)
    return score


def categories_of(place: Place, name: str) -> dict[str, float]:
    """How often the category is among three, and how many of an image's attributes are."""
    found = json.loads(place.results(name).read_text())
    if "figures" not in found:
        from multitask_reference import figures

        found["figures"] = figures(found)
    scores = {kind: float(found["figures"][kind]) for kind in ("top3", "recall3")}
    print(f"{name}: {', '.join(f'{kind} {score:.4f}' for kind, score in scores.items())}", flush=True)
    return scores


def pixels_of(place: Place, name: str) -> dict[str, float]:
    """The mean IoU of classes and background."""
    score = float(json.loads(place.results(name).read_text())["figures"]["mIoU"])
    print(f"{name}: mIoU {score:.4f}", flush=True)
    return {"mIoU": score}


def compete(place: Place, chosen: Sequence[str], seconds: float) -> None:
    if "tltpipe" in chosen:
        seconds = max(seconds, place.ours(seconds))
    for name in place.contest.peers:
        if name in chosen:
            place.peer(name, seconds)
    for name in place.contest.variants:
        if name in chosen:
            variant = replace(place, variant=name)
            variant.prepare()
            variant.ours(seconds)


def compare(place: Place) -> None:
    """Ours beside the best of the peers that have results, and beside its variants."""
    contest = place.contest
    names = [name for name in ("tltpipe", *contest.peers) if place.results(name).is_file()]
    scores = {name: contest.judge(place, name) for name in names}
    others = {name: contest.judge(place, name) for name in contest.variants if place.results(name).is_file()}
    if "tltpipe" not in scores:
        return
    ours = scores.pop("tltpipe")
    for name, other in others.items():
        print(*(f"{kind}: {score:.4f}, {other[kind]:.4f} with {name}" for kind, score in ours.items()), flush=True)
    if not scores:
        return
    least, fastest = contest.floors
    for kind, score in ours.items():
        best = max(each[kind] for each in scores.values())
        ratio = score / best if best else float("inf")
        told(f"{kind}: {ratio:.2f} x the better peer", f"{least:.2f}", met=ratio >= least, bound="least")
    if contest.least is not None:
        told(f"mAP {ours['bbox']:.3f}", f"{contest.least:.3f}", met=ours["bbox"] >= contest.least, bound="least")
    if fastest is not None:
        speed, *rates = (float(place.speed(name).read_text()) for name in names)
        ratio = speed / max(rates)
        told(f"{ratio:.2f} x its pictures/s", f"{fastest:.2f}", met=ratio >= fastest, bound="least")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep data and results here")
    parser.add_argument("--network", choices=CONTESTS, default="ssd")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument(
        "--only", nargs="*", metavar="NAME", help="tltpipe, peers, variants, or nobody; other results are as they are"
    )
    said = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = said.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = Place(folder.absolute(), said.network)
        every = ("tltpipe", *place.contest.peers, *place.contest.variants)
        chosen = every if said.only is None else tuple(said.only)
        if not chosen or "tltpipe" in chosen:
            place.prepare()
        compete(place, chosen, said.minutes * 60)
        compare(place)
