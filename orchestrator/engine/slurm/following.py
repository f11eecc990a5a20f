"""Jobs followed to their end: their logs as they grow, what they wait for, how they ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine.slurm import commands, states
from orchestrator.jobs import submitted
from orchestrator.jobs.submitted import State, Submitted

LOOK_SECONDS = 0.2
"""Between looks at the files of a job."""
ASK_SECONDS = (1.0, 10.0)
"""Between questions to Slurm: at first, and for a job that has lasted."""
ANSWER_SECONDS = 6.0
"""How long Slurm may take to say how jobs are, where somebody waits for it or it is asked again: a controller that is
down leaves the question open for 20 s."""
LATE_SECONDS = 3.0
"""How long a shared folder may take to show what a job wrote on its node."""


@dataclass
class Followed:
    """One of the jobs: lines of its log from byte ``at`` go to ``hear``; ``end`` is how it ended."""

    job: Submitted
    hear: Callable[[str], None]
    at: int = 0
    end: State | None = None
    reason: str = ""
    rest: bytes = field(default=b"", repr=False)

    def pass_on(self, *, whole: bool = False) -> None:
        """Hand over the lines that are new; ``whole``: also a last one without its end."""
        for line in self._lines(whole):
            self.hear(line.decode("utf-8", "replace"))

    def _lines(self, whole: bool) -> Iterator[bytes]:
        try:
            with self.job.log.open("rb") as stream:
                stream.seek(self.at)
                new = stream.read()
        except OSError:  # not there yet
            return
        self.at += len(new)
        *lines, self.rest = (self.rest + new).replace(b"\r", b"\n").split(b"\n")
        yield from lines
        if whole and self.rest:
            yield self.rest
            self.rest = b""


def size(log: Path) -> int:
    """Bytes of a log so far."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def follow(each: Sequence[Followed], *, seconds: float | None = None) -> bool:
    """Until all have ended (True), or for ``seconds`` (False). A job that would wait for ever is cancelled."""
    began, asked = time.monotonic(), 0.0
    while True:
        for one in each:
            if one.end is None:
                one.pass_on()
                one.end = _own_end(one)
        going = [one for one in each if one.end is None]
        now = time.monotonic()
        if not going or (seconds is not None and now - began > seconds):
            return not going
        if now - asked > min(ASK_SECONDS[1], ASK_SECONDS[0] + (now - began) / 60):
            _ask(going)
            asked = time.monotonic()
        time.sleep(LOOK_SECONDS)


def _own_end(one: Followed) -> State | None:
    """How a job ended for good, as it said itself."""
    state = submitted.final(one.job)
    if state is not None:
        one.pass_on(whole=True)
    return state


def _ask(going: Sequence[Followed]) -> None:
    """Ask Slurm about jobs that have not said themselves how they ended."""
    try:
        states_now = ask([one.job for one in going], seconds=ANSWER_SECONDS)
    except commands.AnswerLost as lost:  # a controller that is restarted; jobs go on meanwhile
        if lost.what != going[0].reason:
            going[0].reason = lost.what
            going[0].hear(f"slurm: {lost.what}; asked again")
        return
    for one, state in zip(going, states_now, strict=True):
        if state.ended:
            one.end = _late(one) or state
            one.pass_on(whole=True)
        elif state.reason and state.reason == one.reason and states.is_vain(state):
            commands.cancel(one.job.id)
            one.end = State(submitted.FAILED, state.reason)
        elif state.reason not in ("", one.reason):
            one.reason = state.reason
            one.hear(f"slurm: job {one.job.id} {state.reason}")


def _late(one: Followed) -> State | None:
    """The word of a job that has ended, which may be late."""
    until = time.monotonic() + LATE_SECONDS
    while time.monotonic() < until and submitted.ended(one.job) is None:
        time.sleep(LOOK_SECONDS)
    return _own_end(one)


def ask(each: Sequence[Submitted], *, seconds: float = commands.SECONDS) -> list[State]:
    """How each of these jobs is now, by one question to Slurm for all that have not said how they ended. Raises
    AnswerLost where it takes longer than ``seconds``."""
    each = identified(each, seconds=seconds)
    final = {job.folder: state for job in each if (state := submitted.final(job)) is not None}
    going = [job.id for job in each if job.folder not in final and commands.ID.fullmatch(job.id)]
    records = {record.id: record for record in commands.records(going, seconds=seconds)} if going else {}
    return [final.get(job.folder) or _state(job, records.get(job.id)) for job in each]


def identified(each: Sequence[Submitted], *, seconds: float = commands.SECONDS) -> list[Submitted]:
    """These jobs with the ids that Slurm gave them, where its answer was lost: then it is asked for all that it has."""
    nameless = [job for job in each if not job.id and submitted.final(job) is None]
    records = commands.records(seconds=seconds) if nameless else []
    found = {job.folder: record.id for job in nameless for record in records if is_of(record, job)}
    return [submitted.accepted(job, found[job.folder]) if job.folder in found else job for job in each]


def _state(job: Submitted, record: commands.Record | None) -> State:
    ours = record is not None and is_of(record, job)
    if record is not None and ours and (going := states.live(record)) is not None:
        return going
    about = commands.details(job.id) if ours else _accounted(job) if record is None else {}
    if not about:
        gone = State(submitted.LOST, "Slurm does not know it any more, and it left no word of its end")
        return submitted.ended(job) or gone
    state = states.ended(about, job.log)
    submitted.settle(job, state)
    submitted.forget_secrets(job)
    return state


def _accounted(job: Submitted) -> Mapping[str, str]:
    return commands.accounted(job.id) if commands.ID.fullmatch(job.id) else {}


def is_of(record: commands.Record, job: Submitted) -> bool:
    """Whether Slurm's record is that of ``job``: ids are given anew where a controller lost its memory. An array has
    the comment of its first job (comments are short), whose folder leads to those of all by their numbers."""
    first, number = record.comment.removeprefix(submitted.MARK), record.id.partition("_")[2]
    if not number or not submitted.is_name(first):
        return first == job.folder.name
    link = job.folder.parent / first / submitted.TASKS / number
    return link.is_symlink() and link.readlink().name == job.folder.name
