"""NVIDIA TLT 3.0: one program for each network, the task as its first word, SSD trained on folders of images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestrator.jobs import At, Augment, Program, Request, Secret, Train
from orchestrator.jobs.images import Needs
from orchestrator.toolkits import tlt2
from tltpipe.errors import UsageError
from tltpipe.progress import Tick

IMAGES: tuple[str, ...] = ("nvcr.io/nvidia/tlt-streamanalytics:v3.0-py3",)
NEEDS: Mapping[str, Needs] = {
    # CUDA 11.1, which has no code for GPUs after Ampere
    IMAGES[0]: Needs(driver=455, data_centre_driver=418, capabilities=(6.0, 8.6), room=100),
}
CONTAINED = True
SPECS: Final[Mapping[str, str]] = {
    "augment": "augment.conf.j2",
    "dataset_convert": "kitti.dali.conf.j2",
    "ssd": "train.tlt3.conf.j2",
    "dssd": "train.tlt3.conf.j2",
}
ENVIRONMENT: Mapping[str, str] = tlt2.ENVIRONMENT
MOUNTS_FILES: tuple[str, ...] = (".tlt_mounts.json", ".tao_mounts.json")
IMAGE_EXTENSIONS = tlt2.IMAGE_EXTENSIONS
EXPORTS = tlt2.EXPORTS
FAILED: str | None = "Execution status: FAIL"
UNQUOTED = True

TASKS: Final[Mapping[str, str]] = {
    "tlt-dataset-convert": "dataset_convert",
    "tlt-train": "train",
    "tlt-evaluate": "evaluate",
    "tlt-infer": "inference",
    "tlt-prune": "prune",
    "tlt-export": "export",
}
"""The programs of TLT 2.0, and what they are called behind the name of a network."""

_STEP = re.compile(r"\s*(\d+)/(\d+) \[[=>.]+\]")
"""A bar of Keras: ``12/85 [===>.......] - ETA: 18s - loss: 1.7293``."""

KEY: Final = tlt2.KEY
CHECKPOINT_SUFFIX = tlt2.CHECKPOINT_SUFFIX
Evaluation, evaluation = tlt2.Evaluation, tlt2.evaluation
final_epoch, resumes, fans_out = tlt2.final_epoch, tlt2.resumes, tlt2.fans_out
checkpoint, resume_point, pruned_suffix = tlt2.checkpoint, tlt2.resume_point, tlt2.pruned_suffix


def image(request: Request) -> str:  # noqa: ARG001 (the protocol's signature)
    return IMAGES[0]


def trained_on(network: str) -> str:  # noqa: ARG001 (the protocol's signature)
    return "kitti"


def template(kind: str) -> str | None:
    return SPECS.get(kind)


def argv(request: Request, at: At) -> tuple[str | Secret, ...]:
    """TLT 2.0's line, but for its first words."""
    if isinstance(request, Program):
        raise UsageError(f"NVIDIA has no program {request.name}", hint="use our own programs: --toolkit embedded")
    program, *rest = tlt2.argv(request, at)
    if isinstance(request, Augment):
        return ("augment", *rest)
    words = rest[1:] if rest[0] == request.network else rest
    return (request.network, TASKS[str(program)], *words)


def tick(line: str) -> Tick | None:
    """As TLT 2.0's; the steps within an epoch, too, but for the last, whose line has the loss."""
    step = _STEP.match(line)
    if step is None:
        return tlt2.tick(line)
    done, total = int(step[1]), int(step[2])
    return Tick("steps", done, total, "batches") if done < total else None


def gpus(request: Request, wanted: int) -> int:
    """Every program looks for a GPU when it starts; more than one is refused outside training."""
    return wanted if isinstance(request, Train) else min(wanted, 1)
