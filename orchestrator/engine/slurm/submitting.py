"""Jobs handed over to Slurm once: each with its folder, and found again by its comment where an answer was lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.slurm import commands, following
from orchestrator.engine.slurm.script import Script, array, fans_out_by_ray, is_ours
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job, Mount, submitted
from orchestrator.jobs.submitted import Submitted
from tltpipe import executors, files, preflight, seal
from tltpipe.errors import HostError

FINDING_SECONDS = 10.0
"""How long a job is looked for of which Slurm's answer was lost."""


@dataclass(frozen=True)
class Submitter:
    """``jobs``: the folder for those of the ``workspace``, which a job sees as ``root``; ``mounts``: those of a job in
    a container."""

    runner: str
    chosen: Slurm
    workspace: Path
    jobs: Path
    root: str
    mounts: Callable[[Job], tuple[Mount, ...]]
    hidden: Collection[str] = ()
    """Variables whose values nobody may see."""

    def unfinished(self, job: Job) -> Submitted | None:
        """The same job, which an earlier tltpipe has left: it goes on, or has done what nobody took over yet and what
        ``job``, which resumes, would do."""
        digest = submitted.digest(job, self._identity(job))
        for known in reversed(submitted.every(self.jobs)):
            if known.digest != digest or known.runner != self.runner or known.collected:
                continue
            (known,) = following.identified([known])
            (state,) = following.ask([known])
            if not state.ended or (state.word == submitted.DONE and job.again == job.argv):
                return known
        return None

    def _identity(self, job: Job) -> dict[str, str]:
        return {"executor": job.environment.get(executors.VARIABLE, "")}

    def submit(self, job: Job, *, after: str = "") -> Submitted:
        made = self._write(job, after=after)
        id = self._hand_over(made.folder / submitted.SCRIPT, [made])
        return submitted.accepted(made, id)

    def submit_array(self, jobs: Sequence[Job]) -> list[Submitted]:
        """One array for all, in whose first folder links lead to that of each."""
        if len(jobs) < 2:
            return [self.submit(job) for job in jobs]
        made = [self._write(job) for job in jobs]
        tasks = made[0].folder / submitted.TASKS
        tasks.mkdir(mode=0o700)
        for number, each in enumerate(made):
            (tasks / f"{number}").symlink_to(Path("..", "..", each.folder.name))
        script = submitted.write_file(made[0], "array.sh", array(jobs, self.chosen, made[0].comment, tasks))
        id = self._hand_over(script, made)
        return [submitted.accepted(each, f"{id}_{number}") for number, each in enumerate(made)]

    def _hand_over(self, script: Path, made: Sequence[Submitted]) -> str:
        """Submit ``script``; where the answer was lost, look for what Slurm has. Raises HostError."""
        try:
            return commands.submit(script)
        except commands.AnswerLost as lost:
            until = time.monotonic() + FINDING_SECONDS
            while time.monotonic() < until:
                with suppress(HostError):
                    if id := next((each.id for each in commands.records() if following.is_of(each, made[0])), ""):
                        return id.partition("_")[0]
                time.sleep(1)
            hint = f"{lost.hint}; the same command again finds the job, if Slurm has it, and submits it if not"
            raise HostError(lost.what, hint=hint) from lost
        except HostError:
            for each in made:
                files.remove(each.folder)
            raise

    def _write(self, job: Job, *, after: str = "") -> Submitted:
        """The folder of a job with all that it needs; none is left where it cannot be written whole."""
        made = submitted.create(self.jobs, self.runner, job, self._identity(job))
        try:
            self._fill(made, job, after)
        except BaseException:
            files.remove(made.folder)
            raise
        return made

    def _fill(self, made: Submitted, job: Job, after: str) -> None:
        for name, value in job.secrets.items():
            submitted.write_secret(made, name, value)
        for name in self.hidden:
            submitted.write_secret(made, f"{name}{submitted.SECRET}", job.environment[name])
        if fans_out_by_ray(job, self.chosen):
            submitted.write_secret(made, f"ray{submitted.SECRET}", secrets.token_hex(32))
        if is_ours(job):
            submitted.write_secret(made, seal.NAME, seal.user_key().hex())
        place = made.folder / submitted.PREFLIGHT
        check = preflight.begin(place, self.workspace) if self.is_checked(job) else []
        submitted.write_file(made, submitted.SCRIPT, self.script(job, made.folder, after, check).text())

    def is_checked(self, job: Job) -> bool:
        return job.nodes > 1 and (is_ours(job) or self.chosen.container == "none")

    def script(self, job: Job, folder: Path, after: str = "", check: Sequence[str] = ()) -> Script:
        comment = submitted.MARK + folder.name
        return Script(job, self.chosen, folder, comment, self.root, self.mounts(job), after, check, self.hidden)
