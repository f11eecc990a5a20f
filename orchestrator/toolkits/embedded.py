"""Our own programs: command lines, specs and file names of TLT 2.0, no key, on this machine or in our image."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.jobs import At, Augment, Convert, Request, Secret
from orchestrator.toolkits import tlt2
from tltpipe import __version__, progress

IMAGE: str | None = f"tltpipe:{__version__}"
SPECS = tlt2.SPECS
ENVIRONMENT: Mapping[str, str] = {**tlt2.ENVIRONMENT, "TLTPIPE_PROGRESS_SECONDS": "0.5"}

tick = progress.read
checkpoint = tlt2.checkpoint
resume_point = tlt2.resume_point


def argv(request: Request, at: At) -> tuple[str | Secret, ...]:
    """TLT 2.0's line without ``-k``: our checkpoints are not encrypted."""
    if isinstance(request, Augment):
        return _augment(request, at)
    words = tlt2.argv(request, at)
    if tlt2.KEY not in words:
        return words
    place = words.index(tlt2.KEY)
    return words[: place - 1] + words[place + 1 :]


def _augment(request: Augment, at: At) -> tuple[str | Secret, ...]:
    words = tlt2.argv(Augment(request.dataset, request.spec, request.output), at)
    if request.arithmetic != "tao5":
        words += ("--arithmetic", request.arithmetic)
    chosen = {"--antialias": request.antialias, "--skip-bad": request.skip_bad}
    return (*words, *(flag for flag, wanted in chosen.items() if wanted))


def resumes(request: Request) -> bool:
    """Augmentation goes on from what a killed run left."""
    return isinstance(request, Augment)


def gpus(request: Request, wanted: int) -> int:
    """The data programs run on the CPU."""
    return 0 if isinstance(request, Augment | Convert) else wanted


def final_epoch(num_epochs: int, checkpoint_interval: int) -> int:  # noqa: ARG001 (the protocol's signature)
    """Every epoch is kept until the next, so the last one is always there."""
    return num_epochs
