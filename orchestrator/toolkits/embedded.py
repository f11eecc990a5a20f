"""Our own programs: command lines, specs and file names of TLT 2.0, on this machine or in our image."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.jobs import At, Augment, Convert, Evaluate, Export, Infer, Program, Prune, Request, Secret, Train
from orchestrator.jobs.images import Needs
from orchestrator.toolkits import tlt2
from tltpipe import __version__, inputs, progress
from tltpipe.errors import RunFailed

IMAGES: tuple[str, ...] = (f"tltpipe:{__version__}",)
CONTAINED = False
ENVIRONMENT: Mapping[str, str] = {
    **tlt2.ENVIRONMENT,
    "TLTPIPE_PROGRESS_SECONDS": "0.5",
    "TLTPIPE_SEAL_KEY": "/run/tltpipe/seal.key",  # where a container has it; without one our programs find their own
}
NEEDS: Mapping[str, Needs] = {}
MOUNTS_FILES: tuple[str, ...] = ()
IMAGE_EXTENSIONS: tuple[str, ...] | None = None

FAILED: str | None = None
UNQUOTED = False

EXPORTS: Mapping[str, str] = {
    "onnx": ".onnx",
    "onnx_decoded": ".onnx",
    "onnx_raw": ".onnx",
    "deepstream": ".onnx",
    "pt2": ".pt2",
}

KEY = Secret("key", optional=True)

tick = progress.read
trained_on = tlt2.trained_on
CHECKPOINT_SUFFIX = ".*"
_TABLES = re.compile(r"^(class\s+images\s|not in the mean)")
"""How the tables begin that our program prints below NVIDIA's block."""
_CHECKPOINT = re.compile(r"_epoch_(\d+)\.(?:tlt|safetensors)$")


def checkpoint(results: Path, epoch: int) -> Path | None:
    return tlt2.checkpoint(results, epoch, named=_CHECKPOINT)


def resume_point(results: Path) -> tuple[Path, int] | None:
    return tlt2.resume_point(results, named=_CHECKPOINT)


def image(request: Request) -> str:  # noqa: ARG001 (the protocol's signature)
    return IMAGES[0]


def template(kind: str) -> str | None:
    import specs

    return tlt2.template(kind) or specs.template(kind)


def argv(request: Request, at: At) -> tuple[str | Secret, ...]:
    """TLT 2.0's line; checkpoints are encrypted where a key was given, and only there."""
    if isinstance(request, Augment):
        return _augment(request, at)
    if isinstance(request, Program):
        return (request.name, *(at(word) if isinstance(word, Path) else word for word in request.words))
    chosen: list[str] = []
    if isinstance(request, Train):
        chosen += ["--fresh"] if request.fresh else []
        chosen += ["--nodes", str(request.nodes)] if request.nodes > 1 else []
        for name, value in request.options.items():
            chosen += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        # Where it stopped, our program sees for itself, to the batch.
        request = replace(request, options={}, resume=None, nodes=1)
    if isinstance(request, Evaluate) and request.results is not None:
        chosen += ["-r", at(request.results)]
        coco = ["--coco"] if _in_coco(request) else []
        chosen += [*coco, "--class_map", *map(at, request.class_maps)] if request.class_maps else []
        chosen += _boxes(request, at)
        request = replace(request, boxes=None)
    if isinstance(request, Convert) and request.allow_loss:
        chosen += ["--allow-loss"]
    if isinstance(request, Prune) and request.force:
        chosen += ["--force"]
    if isinstance(request, Infer):
        return _infer(request, at)
    if isinstance(request, Export):
        return _export(request, at)
    return _ours(tlt2.argv(request, at), *chosen)


def _ours(words: tuple[str | Secret, ...], *more: str) -> tuple[str | Secret, ...]:
    """NVIDIA's line, but the key is only there where one was given."""
    return (*(KEY if word == tlt2.KEY else word for word in words), *more)


def _infer(request: Infer, at: At) -> tuple[str | Secret, ...]:
    words = list(_ours(tlt2.argv(replace(request, more=(), options={}, first=None, cutouts=None), at)))
    if request.own_spec:
        place = words.index("-e")
        del words[place : place + 2]
    words[words.index("-i") + 2 : words.index("-i") + 2] = [at(path) for path in request.more]
    if request.extras is not None:
        words += ["--sheet", at(request.extras / "sheet.jpg")]
        words += ["--coco", at(request.extras / "coco.json")] if _in_coco(request) else []
        words += ["--class_map", *map(at, request.class_maps)] if request.class_maps else []
    words += ["--cutouts", at(request.cutouts)] if request.cutouts is not None else []
    words += ["--cascade", at(request.first)] if request.first is not None else []
    return (*words, *tlt2.spelled(request.options))


def _boxes(request: Evaluate, at: At) -> list[str]:
    words = ["--boxes", at(request.boxes)] if request.boxes is not None else []
    return words + (
        ["--boxes_threshold", f"{request.boxes_threshold:g}"] if request.boxes_threshold is not None else []
    )


def _in_coco(request: Evaluate | Infer) -> bool:
    """Whether COCO has a format for what the network predicts."""
    import specs

    return "coco" in specs.results(request.network)


def _export(request: Export, at: At) -> tuple[str | Secret, ...]:
    files = ("-m", at(request.model), "-o", at(request.output), "-e", at(request.spec), "-k", KEY)
    line: tuple[str | Secret, ...] = (
        "tlt-export",
        request.network,
        *files,
        "--format",
        request.format,
        "--data_type",
        request.data_type,
    )
    if request.calibration is not None:
        amount = ("--batches", f"{request.batches}", "--batch_size", f"{request.batch_size}")
        line = (*line, "--cal_image_dir", at(request.calibration), *amount)
    return (*line, *tlt2.spelled(request.options), *(["--force"] if request.force else []))


def _augment(request: Augment, at: At) -> tuple[str | Secret, ...]:
    words = tlt2.argv(Augment(request.dataset, request.spec, request.output), at)
    if request.arithmetic != "tao5":
        words += ("--arithmetic", request.arithmetic)
    chosen = {"--antialias": request.antialias, "--skip-bad": request.skip_bad, "--allow-loss": request.allow_loss}
    return (*words, *(flag for flag, wanted in chosen.items() if wanted))


class Evaluation(tlt2.Evaluation):
    """Reads the file that our own program leaves in ``folder``; the tables that it prints show the same."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path, self.below = folder / "evaluation.json", False

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)

    def read(self, line: str) -> bool:
        self.below |= self.mean is not None and _TABLES.match(line) is not None
        return super().read(line) or self.below

    def scores(self) -> dict[str, Any] | None:
        if not self.path.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(inputs.content(self.path))
        except ValueError as problem:
            raise RunFailed(f"tlt-evaluate wrote no JSON: {problem}", where=self.path) from problem
        if not found.keys() >= {"primary", "figures", "per_class"}:
            hint = "the image of our programs must be of this version: tltpipe image build"
            raise RunFailed("tlt-evaluate left no scores in here", where=self.path, hint=hint)
        return found


def evaluation(folder: Path) -> Evaluation:
    return Evaluation(folder)


def fans_out(request: Request) -> bool:
    return isinstance(request, Augment | Convert | Evaluate | Infer)


def resumes(request: Request) -> bool:
    """Data programs and training go on from what a killed run left."""
    return isinstance(request, Augment | Convert | Train)


def pruned_suffix(model: Path, *, key: bool) -> str:
    return tlt2.CHECKPOINT_SUFFIX if key else model.suffix


def gpus(request: Request, wanted: int) -> int:
    """The data programs, pruning and exporting run on the CPU."""
    return 0 if isinstance(request, Augment | Convert | Prune | Export) else wanted


def final_epoch(num_epochs: int, checkpoint_interval: int) -> int:  # noqa: ARG001 (the protocol's signature)
    """Every epoch is kept until the next, so the last one is always there."""
    return num_epochs
