"""NVIDIA TLT 2.0: programs called ``tlt-*`` in one container, every model under a key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.jobs import At, Augment, Convert, Evaluate, Export, Infer, Program, Prune, Request, Secret, Train
from orchestrator.jobs.images import Needs
from tltpipe.errors import UsageError
from tltpipe.progress import Tick

IMAGES: tuple[str, ...] = ("nvcr.io/nvidia/tlt-streamanalytics:v2.0_py3",)
CONTAINED = True
SPECS: Final[Mapping[str, str]] = {
    "augment": "augment.conf.j2",
    "dataset_convert": "kitti.conf.j2",
    "ssd": "train.tlt2.conf.j2",
}
ENVIRONMENT: Mapping[str, str] = {"PYTHONUNBUFFERED": "1"}
NEEDS: Mapping[str, Needs] = {
    # CUDA 10.0, which has no code for GPUs after Turing
    IMAGES[0]: Needs(driver=410, data_centre_driver=384, capabilities=(6.0, 7.5), room=50),
}
MOUNTS_FILES: tuple[str, ...] = ()
IMAGE_EXTENSIONS: tuple[str, ...] | None = (".jpg", ".png", ".jpeg")
EXPORTS: Mapping[str, str] = {"etlt": ".etlt"}
FAILED: str | None = None
UNQUOTED = False

KEY: Final = Secret("key")
CHECKPOINT_SUFFIX = ".tlt"
CHECKPOINT: Final = re.compile(r"_epoch_(\d+)\.tlt$")
_EPOCH = re.compile(r"^Epoch (\d+)/(\d+)\s*$")
_CLASS = re.compile(r"^(\S+)\s+AP\s+([\d.]+|-)\s*$")
_MEAN = re.compile(r"^\s*mAP\s+([\d.]+)\s*$")
_FRAME = re.compile(r"^\*{5,}\s*$")
_BAR = re.compile(r"(\d+)/(\d+) \[[^\]]*(?:it/s|s/it|img/s)")


def image(request: Request) -> str:  # noqa: ARG001 (the protocol's signature)
    return IMAGES[0]


def trained_on(network: str) -> str:
    import specs

    return str(specs.load(network).DATA)


def template(kind: str) -> str | None:
    return SPECS.get(kind)


def argv(request: Request, at: At) -> tuple[str | Secret, ...]:
    """Short flags only: the long names changed from release to release."""
    match request:
        case Augment(dataset, spec, output):
            refuse_choices(request, "NVIDIA's tlt-augment")
            return ("tlt-augment", "-d", at(dataset), "-a", at(spec), "-o", at(output))
        case Convert(_, spec, prefix):
            return ("tlt-dataset-convert", "-d", at(spec), "-o", at(prefix))
        case Train(network, spec, results, gpus, resume, weights, _, options):
            if options:
                what = f"NVIDIA's tlt-train has no {', '.join(f'--{name}' for name in options)}"
                raise UsageError(what, hint="leave these settings of train out, or use our own programs")
            if request.nodes > 1:
                what = f"NVIDIA's programs of this generation train on one machine, not on {request.nodes}"
                raise UsageError(what, hint="leave nodes out, or use our own programs: --toolkit embedded")
            line = ("tlt-train", network, "--gpus", str(gpus), "-e", at(spec), "-r", at(results), "-k", KEY)
            if resume is not None:
                return (*line, "-m", at(resume[0]), "--initial_epoch", str(resume[1]))
            return line if weights is None else (*line, "-m", at(weights))
        case Evaluate(network, spec, model):  # where results go, nobody asks it
            if request.boxes is not None:
                raise UsageError("NVIDIA's tlt-evaluate takes no boxes from elsewhere", hint="use our own programs")
            return ("tlt-evaluate", network, "-e", at(spec), "-m", at(model), "-k", KEY)
        case Infer(network, spec, model, images, drawn, labels, threshold, more, _, _, options):
            if request.first is not None:
                raise UsageError("NVIDIA's tlt-infer knows no cascade of two models", hint="use our own programs")
            if more or options or request.cutouts is not None:
                what = "NVIDIA's tlt-infer takes one image or one folder, and no other options"
                raise UsageError(what, hint="name one at a time, or use our own programs")
            files = ("-i", at(images), "-o", at(drawn), "-e", at(spec), "-m", at(model), "-k", KEY, "-l", at(labels))
            return ("tlt-infer", network, *files, "-t", f"{threshold:g}")
        case Prune(_, model, output, threshold, criterion, granularity, minimum, normalizer, excluded):
            rule = ("-pth", f"{threshold:g}", "-eq", criterion, "-pg", f"{granularity}", "-nf", f"{minimum}")
            spared = ("-el", *excluded) if excluded else ()
            # No word for the network: the model says what it is.
            return ("tlt-prune", "-m", at(model), "-o", at(output), "-k", KEY, *rule, "-n", normalizer, *spared)
        case Export():
            return _export(request, at)
        case Program(name):
            raise UsageError(f"NVIDIA has no program {name}", hint="use our own programs: --toolkit embedded")


def refuse_choices(request: Augment, program: str) -> None:
    """Raise UsageError for what augmentation has a choice of in our own program alone."""
    if request.arithmetic != "tao5" or request.antialias or request.skip_bad:
        what = f"{program} has no option for arithmetic, antialias or skip_bad"
        raise UsageError(what, hint="leave these settings of augment out, or use our own programs")


def spelled(options: Mapping[str, str]) -> list[str]:
    """Options with values as words of a command line; those with none are left out."""
    return [word for name, value in options.items() for word in (f"--{name}", value) if word]


def _export(request: Export, at: At) -> tuple[str | Secret, ...]:
    if request.options:
        what = f"NVIDIA's tlt-export has no {', '.join(f'--{name}' for name in request.options)}"
        raise UsageError(what, hint="leave these settings of export out, or use our own programs")
    files = ("-m", at(request.model), "-o", at(request.output), "-e", at(request.spec), "-k", KEY)
    line: tuple[str | Secret, ...] = ("tlt-export", request.network, *files, "--data_type", request.data_type)
    if request.calibration is None:
        return line
    amount = ("--batches", f"{request.batches}", "--batch_size", f"{request.batch_size}")
    left = {"--cal_cache_file": ".bin", "--cal_data_file": ".tensorfile"}
    tables = [word for flag, suffix in left.items() for word in (flag, at(request.output.with_suffix(suffix)))]
    return (*line, "--cal_image_dir", at(request.calibration), *amount, *tables)


class Evaluation:
    """Reads the block of average precisions from the lines of NVIDIA's program."""

    def __init__(self) -> None:
        self.classes: dict[str, float | None] = {}
        self.mean: float | None = None

    def clear(self) -> None:
        pass

    def read(self, line: str) -> bool:
        if self.mean is not None and not line.strip():
            return True
        if match := _CLASS.match(line):
            self.classes[match[1]] = None if match[2] == "-" else float(match[2])
        elif match := _MEAN.match(line):
            self.mean = float(match[1])
        return match is not None or _FRAME.match(line) is not None

    def scores(self) -> dict[str, Any] | None:
        if self.mean is None:
            return None
        return {
            "primary": "mAP",
            "mAP": self.mean,
            "figures": {"mAP": self.mean},
            "per_class": {"AP": self.classes},
            "average_precision": self.classes,
        }


def evaluation(folder: Path) -> Evaluation:  # noqa: ARG001 (the protocol's signature)
    return Evaluation()


def pruned_suffix(model: Path, *, key: bool) -> str:  # noqa: ARG001 (the protocol's signature)
    return CHECKPOINT_SUFFIX


def gpus(request: Request, wanted: int) -> int:  # noqa: ARG001 (the protocol's signature)
    """Every program of this generation looks for a GPU when it starts, conversion too."""
    return wanted


def fans_out(request: Request) -> bool:  # noqa: ARG001 (the protocol's signature)
    return False


def resumes(request: Request) -> bool:  # noqa: ARG001 (the protocol's signature)
    """None of its programs looks at what an earlier run left, but for training, which is told."""
    return False


def tick(line: str) -> Tick | None:
    """Keras counts epochs (``Epoch 3/80`` is printed as the third begins), tqdm counts images."""
    if epoch := _EPOCH.match(line):
        return Tick("train", int(epoch[1]) - 1, int(epoch[2]), "epochs")
    if bar := _BAR.search(line):
        return Tick("work", int(bar[1]), int(bar[2]), "batches")
    return None


def final_epoch(num_epochs: int, checkpoint_interval: int) -> int:
    """TLT saves at multiples of the interval only; the last epoch is not forced."""
    return num_epochs - num_epochs % max(1, checkpoint_interval)


def checkpoint(results: Path, epoch: int, *, named: re.Pattern[str] = CHECKPOINT) -> Path | None:
    return next((path for path, number in _checkpoints(results, named) if number == epoch), None)


def resume_point(results: Path, *, named: re.Pattern[str] = CHECKPOINT) -> tuple[Path, int] | None:
    newest = max(_checkpoints(results, named), key=lambda found: found[1], default=None)
    return None if newest is None else (newest[0], newest[1] + 1)


def _checkpoints(results: Path, named: re.Pattern[str]) -> list[tuple[Path, int]]:
    """Those whose names say so, with their epochs, the one written last first."""
    found = [(path, match) for path in (results / "weights").glob("*") if (match := named.search(path.name))]
    found.sort(key=lambda pair: pair[0].stat().st_mtime_ns, reverse=True)
    return [(path, int(match[1])) for path, match in found]
