"""One file per place to run; each is a module with ``open(place) -> Runner``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from orchestrator.jobs import Job, Mount, Outcome


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
    contained: bool = True
    """For a runner that only shows jobs: whether they would run in containers."""


@dataclass(frozen=True)
class Check:
    """One line of ``tltpipe doctor``: what was looked at, whether it is as it should be, and what to do if not.

    A check that is not ``needed`` warns (no GPU, little room) and stops nothing.
    """

    name: str
    ok: bool
    found: str
    hint: str | None = None
    needed: bool = True

    @property
    def state(self) -> str:
        """In a word: ok, missing (and needed), absent (and not needed)."""
        return "ok" if self.ok else "missing" if self.needed else "absent"


class Runner(Protocol):
    """A place where a job can happen. Every failure of the place itself is a HostError."""

    pretends: bool
    """True when nothing really runs, so that there is nothing to write before, and nothing to check or keep after."""

    contained: bool
    """True when jobs run in containers: of an image, with mounts."""

    def checks(self) -> list[Check]:
        """What this place needs, each looked at now; quick, and never an exception for what is missing."""
        ...

    def health(self, images: tuple[str, ...]) -> str | None:
        """None, or what is missing, in words; asked once before the first job. ``images`` are those of all jobs."""
        ...

    def at(self, path: Path) -> str:
        """``path`` as the job will see it. In a container the workspace is ``/workspace``; a path outside it gets a
        mount of its own (read-only), which ``mounts`` lists from then on."""
        ...

    def mounts(self) -> tuple[Mount, ...]:
        """The host folders that ``at`` relies on so far; the pipeline writes them into the Job. Empty if none."""
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

    def stop(self) -> None:
        """Ask all jobs under way in other threads to end; who started them waits for it."""
        ...


def ill(checks: list[Check]) -> str | None:
    """The health that these checks amount to: None, or what the first needed one that failed found."""
    failed = next((check for check in checks if check.needed and not check.ok), None)
    if failed is None:
        return None
    return failed.found if failed.hint is None else f"{failed.found} ({failed.hint})"
