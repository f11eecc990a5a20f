"""dry: shows every job and runs none, as a container or this machine would get it.

Chosen by itself it shows paths as a container has them, so that a stray host path stands out.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection

from orchestrator.jobs import MASK, Job, Outcome, shown
from orchestrator.jobs.checks import Check
from orchestrator.jobs.mounts_file import is_secret
from orchestrator.runners import Place, Placed, Previewing


def open(place: Place) -> DryRunner:
    return DryRunner(place)


class DryRunner(Placed):
    """Keeps the jobs it was given in ``jobs``; every one of them "succeeds"."""

    pretends = True
    executor: str | None = None

    def __init__(self, place: Place) -> None:
        super().__init__(place, contained=place.contained)
        self.allots_gpus = place.contained or (place.real is not None and place.real.allots_gpus)
        self.jobs: list[Job] = []

    def checks(self) -> list[Check]:
        return []

    def health(self, images: tuple[str, ...]) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return None

    def image_id(self, image: str | None) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return None

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        told = {path for before in self.jobs for path in before.files}
        self.jobs.append(job)
        hidden = [name for name in self.environment() if is_secret(name)]
        for line in show(job, told, hidden):
            say(line)
        for line in self.place.real.preview(job) if isinstance(self.place.real, Previewing) else ():
            say(f"  {line}")
        return Outcome(0, self.place.logs / "none", 0.0)


def show(job: Job, told: Collection[str] = (), hidden: Collection[str] = ()) -> list[str]:
    """The job as lines to read: the command to type, and everything around it; files in ``told`` by name only, the
    variables ``hidden`` without their values."""
    lines = ["$ " + " ".join(shlex.quote(word) if "*" not in word else word for word in shown(job.argv))]
    if job.image:
        lines.append(f"  image   {job.image}")
    lines += [f"  mount   {m.source} -> {m.target}{' (read only)' if m.read_only else ''}" for m in job.mounts]
    lines += [f"  set     {name}={MASK if name in hidden else value}" for name, value in job.environment.items()]
    if job.gpus:
        lines.append(f"  gpus    {job.gpus}")
    if job.nodes > 1:
        lines.append(f"  nodes   {job.nodes}")
    for path, text in job.files.items():
        if path in told:
            lines.append(f"  file    {path}, as above")
        else:
            lines += [f"  file    {path}", *(f"    {line}" for line in text.rstrip().splitlines())]
    return lines
