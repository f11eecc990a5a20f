"""slurm: jobs of a cluster that Slurm schedules, submitted on a login node; the workspace is on a shared folder."""

from __future__ import annotations

import shlex
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from orchestrator.engine.slurm import commands, following, states
from orchestrator.engine.slurm.following import Followed
from orchestrator.engine.slurm.script import Script
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.engine.slurm.submitting import Submitter
from orchestrator.jobs import Job, Mount, Outcome, logs, submitted
from orchestrator.jobs.checks import Check, ill
from orchestrator.jobs.mounts import link_mounts
from orchestrator.jobs.mounts_file import is_secret
from orchestrator.jobs.submitted import State, Submitted
from orchestrator.jobs.workspace import Workspace
from orchestrator.runners import Place, Placed
from tltpipe import executors, preflight
from tltpipe.errors import HostError, Interrupted

SETTINGS = Slurm
NAME = "slurm"
NODE = "node: "
"""How a line begins by which a node tells its name."""
GRACE_SECONDS = 60.0
"""How long an interrupted job may take to end by itself (it saves a checkpoint)."""


def open(place: Place) -> SlurmRunner:
    return SlurmRunner(place)


class SlurmRunner(Placed):
    """Each job has a folder in the workspace (orchestrator.jobs.submitted), and goes on without this process."""

    pretends = False
    allots_gpus = True
    executor: str | None = None

    def __init__(self, place: Place) -> None:
        self.chosen = place.settings if isinstance(place.settings, Slurm) else Slurm()
        super().__init__(place, contained=self.chosen.container != "none")
        self.jobs = Workspace(place.workspace).jobs
        self.root = self.at(place.workspace)
        hidden = tuple(filter(is_secret, self.environment()))
        self.submitter = Submitter(NAME, self.chosen, place.workspace, self.jobs, self.root, self._mounts, hidden)

    def checks(self) -> list[Check]:
        try:
            rows = [line.split() for line in commands.partitions()]
        except HostError as missing:
            return [Check("Slurm", ok=False, found=missing.what, hint=missing.hint)]
        names = [row[0].rstrip("*") for row in rows]
        found = ", ".join(f"{name} ({row[1]}, nodes: {row[2]})" for name, row in zip(names, rows, strict=True))
        checks = [Check("Slurm", ok=bool(rows), found=f"partitions: {found}", hint="ask your administrators")]
        if self.chosen.partition and self.chosen.partition not in names:
            hint = f"slurm.partition: one of {', '.join(names)}"
            checks.append(
                Check("partition", ok=False, found=f"there is no partition {self.chosen.partition}", hint=hint)
            )
        return checks

    def health(self, images: tuple[str, ...]) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return ill(self.checks())

    def image_id(self, image: str | None) -> str | None:
        return image

    def preview(self, job: Job) -> list[str]:
        folder = self.jobs / f"TIME-{submitted.short_name(job)}-RANDOM"
        check = [preflight.MODULE, f"--folder={folder / submitted.PREFLIGHT}", "--nonce=RANDOM"]
        script = self.submitter.script(job, folder, check=check if self.submitter.is_checked(job) else [])
        return script.text().splitlines()

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        parts = self._parts(job)
        if parts:
            return self._run_parts(job, parts, say)
        (outcome,) = self._run([job], [say], lambda new: [self.submitter.submit(each) for each in new])
        return outcome

    def run_array(self, jobs: Sequence[Job], hear: Sequence[Callable[[str], None]]) -> list[Outcome]:
        if len(jobs) > 1 and not any(map(self._parts, jobs)):
            return list(self._run(jobs, hear, self.submitter.submit_array))
        return [self.run(job, say) for job, say in zip(jobs, hear, strict=True)]

    def state(self, each: Sequence[Submitted]) -> list[State]:
        return following.ask(each, seconds=following.ANSWER_SECONDS)

    def stop(self, job: Submitted, *, now: bool) -> None:
        (job,) = following.identified([job])
        records = commands.records([job.id]) if commands.ID.fullmatch(job.id) else []
        record = next((each for each in records if following.is_of(each, job)), None)
        if record is None:
            raise HostError(f"Slurm does not know job {job.id} ({job.name})", hint="`tltpipe status` shows its state")
        state = states.live(record)
        if state is None:
            return
        if now or state.word == submitted.PENDING:
            commands.cancel(job.id)
        else:
            commands.signal(job.id, "USR2")

    def follow(self, job: Submitted, say: Callable[[str], None]) -> Outcome:
        began, tail = time.monotonic(), deque[str](maxlen=logs.TAIL)
        (job,) = following.identified([job])

        def hear(line: str) -> None:
            tail.append(line)
            say(line)

        one = Followed(job, hear, at=following.size(job.log))
        following.follow([one])
        return Outcome(_exit_code(one), job.log, time.monotonic() - began, tuple(tail))

    def finish_earlier(self, stage: str, say: Callable[[str], None], *, force: bool) -> None:
        known = [job for job in submitted.every(self.jobs) if job.runner == NAME and job.stage == stage]
        own = following.identified(known)
        going = [job for job, state in zip(own, self.state(own), strict=True) if not state.ended]
        for job in going:
            if force:
                hint = f"`tltpipe stop {job.id}` ends it; without --force it is waited for"
                raise HostError(f"job {job.id} ({job.name}) of this workspace is still at work", hint=hint)
            say(f"slurm: job {job.id} ({job.name}, submitted {job.submitted[:16]}) is still at work, and is waited for")
        self._finish([Followed(job, say, at=following.size(job.log)) for job in going])
        for job in own:
            if force and not job.collected:
                submitted.collect(job)  # what it made is not wanted

    def on_each_node(self, words: Sequence[str]) -> tuple[str, ...]:
        script = Script(Job("doctor", ()), self.chosen, self.jobs, "", self.root)
        named = f'echo "{NODE}$SLURMD_NODENAME"; exec {shlex.join([script.python, "-P", "-m", *words])}'
        options = [f"--nodes={self.place.nodes}", "--ntasks-per-node=1", "--immediate=30", "--chdir=/"]
        told = commands.on_each_node(["bash", "-c", named], [*options, *script.resources()])
        return tuple(sorted(line.removeprefix(NODE) for line in told.splitlines() if line.startswith(NODE)))

    def _mounts(self, job: Job) -> tuple[Mount, ...]:
        links = link_mounts(self.place.workspace, self.at) if self.contained and self.place.workspace.is_dir() else ()
        return (*(job.mounts or self.mounts()), *links)

    def _parts(self, job: Job) -> int:
        """How many parts of ``job`` are worked on at the same time; 0 where it is one piece."""
        return self.chosen.parts if self.chosen.parts > 1 and job.again and job.fans_out else 0

    def _run_parts(self, job: Job, parts: int, say: Callable[[str], None]) -> Outcome:
        """Parts as an array, which note what they did in the journal, and then the job itself, which finds it there."""
        names = [f"array:{number}/{parts}" for number in range(parts)]
        each = [
            replace(job, name=f"{job.name}-part", environment={**job.environment, executors.VARIABLE: name})
            for name in names
        ]

        def submit(new: Sequence[Job]) -> list[Submitted]:
            made = self.submitter.submit_array([part for part in new if part is not job])
            if job not in new:
                return made
            earlier = [known for part in each if part not in new and (known := self.submitter.unfinished(part))]
            going = [known.id for known in earlier if submitted.final(known) is None]  # others Slurm may have forgotten
            first = [submission.id.partition("_")[0] for submission in made[:1]]
            return [*made, self.submitter.submit(job, after=":".join([*first, *going]))]

        for outcome in self._run([*each, job], [say] * (parts + 1), submit):
            if outcome.exit_code:  # what comes after that part was cancelled
                break
        return outcome

    def _run(
        self,
        jobs: Sequence[Job],
        hear: Sequence[Callable[[str], None]],
        submit: Callable[[Sequence[Job]], list[Submitted]],
    ) -> Iterator[Outcome]:
        """Follow what Slurm has of ``jobs``, or has done and nobody took over, and ``submit`` the others. When all have
        ended their outcomes come in the order of ``jobs``, and those that succeeded are taken over."""
        began = time.monotonic()
        with ExitStack() as lasting:
            kept = [
                lasting.enter_context(logs.kept(self.place.logs, job, say)) for job, say in zip(jobs, hear, strict=True)
            ]
            there = [self.submitter.unfinished(job) for job in jobs]
            new = iter(submit([job for job, known in zip(jobs, there, strict=True) if known is None]))
            handed = [known or next(new) for known in there]
            each = [Followed(job, log.line) for job, log in zip(handed, kept, strict=True)]
            self._finish(each)
        seconds = time.monotonic() - began
        for one, log in zip(each, kept, strict=True):
            outcome = Outcome(_exit_code(one), log.path, seconds, log.tail())
            if outcome.exit_code == 0:
                submitted.collect(one.job)
            yield outcome

    def _finish(self, each: Sequence[Followed]) -> None:
        """Follow all to their end. On Ctrl-C they are asked to stop and waited for, then Interrupted is raised; where
        the terminal was closed they go on."""
        try:
            following.follow(each)
        except KeyboardInterrupt as asked:
            if asked.args == (signal.SIGHUP,):
                what = f"the terminal was closed; job {each[0].job.id} ({each[0].job.name}) goes on"
                raise Interrupted(what, hint="the same command again finds it") from None
            self._interrupt([one for one in each if one.end is None])
            raise Interrupted(f"{each[0].job.name} was interrupted", where=each[0].job.log) from None

    def _interrupt(self, going: Sequence[Followed]) -> None:
        """A second Ctrl-C, or patience at its end, cancels what still goes on."""
        try:
            for one in going:
                one.hear(f"slurm: job {one.job.id} is asked to stop; Ctrl-C again cancels it")
                self.stop(one.job, now=False)
            if following.follow(going, seconds=GRACE_SECONDS):
                return
        except KeyboardInterrupt:
            pass
        for one in going:
            if one.end is None:
                self.stop(one.job, now=True)
        following.follow(going, seconds=GRACE_SECONDS)


def _exit_code(one: Followed) -> int:
    """The exit code that a job ended with by its own word. Raises Interrupted for one that was stopped, HostError for
    one that says nothing: a sentence on what became of it."""
    status = submitted.status(one.job)
    if status is not None and status.signal is None:
        return status.exit_code
    state = one.end or State(submitted.LOST)
    what = f"job {one.job.id} ({one.job.name}) {state.reason or 'is gone'}"
    if state.word == submitted.STOPPED:
        raise Interrupted(what, hint="the same command goes on from what it left")
    if states.is_vain(state):
        raise HostError(what, hint="it was cancelled; `tltpipe doctor --runner slurm` lists the partitions")
    raise HostError(what, hint=f"its log is {one.job.log}" if one.job.log.exists() else None)
