"""One file per place to run; each is a module with ``open(place) -> Runner``.

It may have ``SETTINGS``, a dataclass as those of stages: the section of its name in tltpipe.yaml.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrator.jobs import Job, Mount, Outcome
from orchestrator.jobs.checks import Check
from orchestrator.jobs.images import Needs
from orchestrator.jobs.mounts import MountTable
from orchestrator.jobs.mounts_file import MountsFile
from orchestrator.jobs.submitted import State, Submitted


@dataclass(frozen=True)
class Place:
    """What a runner is told when it opens.

    ``workspace``: the folder of the run, absolute. ``logs``: where it keeps one log a job. ``images``: the container
    images that jobs may name, for places that need one. ``gpu_request``: how a container asks for GPUs: "auto",
    "runtime" (``runtime=nvidia``), "device" (a device request) or "none".
    """

    workspace: Path
    logs: Path
    images: tuple[str, ...] = ()
    gpu_request: str = "auto"
    nodes: int = 1
    gpus: int = 0
    """How many machines a training takes, and GPUs on each."""
    contained: bool = True
    """For a runner that only shows jobs: whether they would run in containers."""
    launcher: MountsFile = field(default_factory=MountsFile)
    """What NVIDIA's launcher would read of mounts and options, for toolkits that have one."""
    needs: Mapping[str, Needs] = field(default_factory=dict)
    """What the toolkit's own images need of the machine; nothing is known of another that was chosen."""
    settings: Any = None
    """The runner's own section of tltpipe.yaml; None where it has none, or is not the one that was chosen."""
    real: Runner | None = None
    """For a runner that only shows jobs: the one that would have them."""


class Placed(MountTable):
    """What runners have in common: how jobs see paths, and what the launcher's file sets for them. Without containers
    (``contained``) both are as on this machine."""

    def __init__(self, place: Place, *, contained: bool) -> None:
        super().__init__(place.workspace, place.launcher.mounts)
        self.place, self.contained = place, contained

    def at(self, path: Path) -> str:
        return super().at(path) if self.contained else os.path.abspath(path)

    def mounts(self) -> tuple[Mount, ...]:
        return super().mounts() if self.contained else ()

    def environment(self) -> Mapping[str, str]:
        return self.place.launcher.environment if self.contained else {}


class Runner(Protocol):
    """A place where a job can happen. Every failure of the place itself is a HostError."""

    pretends: bool
    """True when nothing really runs, so that there is nothing to write before, and nothing to check or keep after."""

    contained: bool
    """True when jobs run in containers: of an image, with mounts."""

    allots_gpus: bool
    """Whether a job gets only the GPUs that it asks for."""

    executor: str | None
    """The ``TLTPIPE_EXECUTOR`` of stages that run inside tltpipe; None: worker processes of this machine."""

    def checks(self) -> list[Check]:
        """What this place needs, each looked at now; quick, and never an exception for what is missing."""
        ...

    def health(self, images: tuple[str, ...]) -> str | None:
        """None, or what is missing, in words; asked once before the first job. ``images`` are those of all jobs."""
        ...

    def at(self, path: Path) -> str:
        """``path`` as the job will see it. In a container the workspace is ``/workspace``; a path outside it gets a
        mount of its own (read-only), which ``mounts`` lists from then on. What the launcher's file mounts is spelled
        as there."""
        ...

    def mounts(self) -> tuple[Mount, ...]:
        """The host folders that ``at`` relies on so far; the pipeline writes them into the Job. Empty if none."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Variables that the launcher's file sets for every job; none where there is no such file."""
        ...

    def image_id(self, image: str | None) -> str | None:
        """What identifies the image's content, for receipts; None where there is no image."""
        ...

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        """Run ``job`` to its end, hand each output line to ``say``, keep the log, return the true exit status.

        Secrets are put into argv at the last moment and masked in log and lines. On KeyboardInterrupt the job is
        asked to stop and waited for, then Interrupted is raised; nothing of it stays behind.
        """
        ...


@runtime_checkable
class SideBySide(Protocol):
    """A runner whose jobs may run side by side, each in a thread of its own."""

    def stop_all(self) -> None:
        """Ask all jobs under way in other threads to end; who started them waits for it."""
        ...


@runtime_checkable
class Previewing(Protocol):
    """A runner that shows more of a job than its command line."""

    def preview(self, job: Job) -> list[str]:
        """Lines for ``--dry-run``: what would be handed to the place, secrets left out."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A runner that hands jobs to an engine, in which they live without this process (orchestrator.jobs.submitted).

    An engine that cannot be asked (its program is missing, it does not answer) is a HostError.
    """

    def state(self, each: Sequence[Submitted]) -> list[State]:
        """How each of these jobs is now, by one question to the engine for all of them. A record of the engine with
        another ``comment`` is another job, and that of an id that was given anew: then the job is lost."""
        ...

    def stop(self, job: Submitted, *, now: bool) -> None:
        """Ask the job to end by itself: a training saves a checkpoint first. ``now``: end it at once. Returns when the
        engine has taken note; raises HostError for a job that it does not know by its ``comment``."""
        ...

    def follow(self, job: Submitted, say: Callable[[str], None]) -> Outcome:
        """Hand the lines that the log of ``job`` gets from here on to ``say`` until it ends; return its outcome. On
        KeyboardInterrupt the job goes on: whoever wants it to end calls ``stop``."""
        ...

    def run_array(self, jobs: Sequence[Job], hear: Sequence[Callable[[str], None]]) -> list[Outcome]:
        """Run jobs that do not depend on each other side by side, as one array of the engine where it has arrays. Each
        has one of ``hear`` for its lines; outcomes are in the order of ``jobs``."""
        ...

    def finish_earlier(self, stage: str, say: Callable[[str], None], *, force: bool) -> None:
        """Wait for jobs of ``stage`` that another tltpipe has left alive in this workspace, lines and Ctrl-C as for
        ``run``: until then nothing may touch what they write. ``force``: whoever wants to start over
        is refused by a HostError while there are such."""
        ...


@runtime_checkable
class Cluster(Protocol):
    """A runner whose jobs run on several machines."""

    def on_each_node(self, words: Sequence[str]) -> tuple[str, ...]:
        """Run ``python -P -m`` with ``words`` once on each node that jobs get, by the interpreter that they run under,
        and wait for all; return the names of the nodes, by which each knows itself in ``TLTPIPE_NODE``. What it does
        on a node is not judged here. Raises HostError where there are no nodes to be had."""
        ...
