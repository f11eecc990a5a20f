"""One file per container generation: how it spells a request, and what its output says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from orchestrator.jobs import At, Request, Secret
from orchestrator.jobs.images import Needs
from tltpipe.progress import Tick


class Evaluation(Protocol):
    """What an evaluation found, as its program reports it."""

    def clear(self) -> None:
        """Remove what an earlier one left."""
        ...

    def read(self, line: str) -> bool:
        """Take an output line; whether it is one of tables that the screen shows better."""
        ...

    def scores(self) -> Mapping[str, Any] | None:
        """What evaluation.json holds (docs/evaluate.md): "primary", "figures", "per_class" and more; None where nothing
        was reported. Raises RunFailed for what cannot be read."""
        ...


class Toolkit(Protocol):
    """What a module in this folder provides."""

    IMAGES: tuple[str, ...]
    """The container images its programs live in; the first is that of its training."""

    NEEDS: Mapping[str, Needs]
    """What each of NVIDIA's images needs of the machine; ours needs nothing."""

    CONTAINED: bool
    """Whether its programs are nowhere but in its image."""

    CHECKPOINT_SUFFIX: str
    """How names of checkpoints end: a glob, for those that are not there yet."""

    ENVIRONMENT: Mapping[str, str]
    """Variables its programs want."""

    MOUNTS_FILES: tuple[str, ...]
    """Files in the home folder that its launcher reads mounts from, the first that is there; none without launcher."""

    IMAGE_EXTENSIONS: tuple[str, ...] | None
    """Where its programs take images of one extension at a time, from one folder without those below: the extensions
    that they read. None where they take whatever we do."""

    EXPORTS: Mapping[str, str]
    """The formats it exports to, and how such files end; the first is the usual one."""

    def image(self, request: Request) -> str:
        """The one of IMAGES with the program for this request."""
        ...

    FAILED: str | None
    """The line of output by which its programs say that they failed, whatever their exit status; None where that can
    be relied on."""

    UNQUOTED: bool
    """Whether its programs hand their words to a shell as they are, so that a path with a blank falls apart."""

    def trained_on(self, network: str) -> str:
        """What it trains ``network`` on: a module of ``orchestrator.jobs.sources``."""
        ...

    def template(self, kind: str) -> str | None:
        """The template that its specs of a ``kind``, a folder of ``specs/``, are rendered from; None where it has no
        program for these."""
        ...

    def argv(self, request: Request, at: At) -> tuple[str | Secret, ...]:
        """The command line; a secret stays a placeholder. Raises UsageError for a request it cannot serve."""
        ...

    def resumes(self, request: Request) -> bool:
        """Whether the program goes on from what a killed one left in its output folder."""
        ...

    def fans_out(self, request: Request) -> bool:
        """Whether the program hands its items to the executor that ``TLTPIPE_EXECUTOR`` names."""
        ...

    def pruned_suffix(self, model: Path, *, key: bool) -> str:
        """How the file that ``model`` is pruned into must end; ``key``: whether there is one."""
        ...

    def gpus(self, request: Request, wanted: int) -> int:
        """How many of the ``wanted`` GPUs a container needs for this request."""
        ...

    def evaluation(self, folder: Path) -> Evaluation:
        """For a program that is about to evaluate a model; ``folder`` is where ours leaves its results."""
        ...

    def tick(self, line: str) -> Tick | None:
        """The progress that an output line tells, or None."""
        ...

    def final_epoch(self, num_epochs: int, checkpoint_interval: int) -> int:
        """The epoch of the last checkpoint that a whole training leaves."""
        ...

    def checkpoint(self, results: Path, epoch: int) -> Path | None:
        """The checkpoint after ``epoch`` (1-based) below ``results``, if it is there."""
        ...

    def resume_point(self, results: Path) -> tuple[Path, int] | None:
        """The newest checkpoint below ``results`` and the epoch (1-based) to go on with; None to start anew."""
        ...
