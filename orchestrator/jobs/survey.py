"""How submitted jobs are: by what they wrote, and of those that have not ended by what their engines say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.jobs import submitted
from orchestrator.jobs.submitted import State, Submitted
from tltpipe.errors import TltpipeError

UNKNOWN = "unknown"
"""The word of a job whose engine did not answer."""


class Engine(Protocol):
    """What of a runner (orchestrator.runners.Remote) is used here."""

    def state(self, each: Sequence[Submitted]) -> list[State]: ...


@dataclass(frozen=True)
class Known:
    """A job and how it is."""

    job: Submitted
    state: State

    @property
    def label(self) -> str:
        """What a user types to name it."""
        return self.job.id or self.job.folder.name

    def as_json(self) -> dict[str, Any]:
        job, state = self.job, self.state
        return {
            "id": job.id, "name": job.name, "runner": job.runner, "state": state.word, "reason": state.reason,
            "nodes": list(state.nodes), "attempt": state.attempt, "exit_code": state.exit_code,
            "submitted": job.submitted, "collected": job.collected, "folder": str(job.folder),
        }  # fmt: skip


def survey(jobs: Sequence[Submitted], opened: Callable[[str], Engine]) -> list[Known]:
    """How each of ``jobs`` is; ``opened`` gives the engine of a runner, which is asked once for all of its jobs, and
    not at all where they have ended. One that fails leaves its jobs "unknown"."""
    states = {job.folder: state for job in jobs if (state := submitted.final(job)) is not None}
    live: dict[str, list[Submitted]] = defaultdict(list)
    for job in jobs:
        if job.folder not in states:
            live[job.runner].append(job)
    for runner, each in live.items():
        try:
            answers = opened(runner).state(each)
        except TltpipeError as problem:
            answers = [submitted.ended(job) or State(UNKNOWN, problem.what) for job in each]
        states |= {job.folder: _settled(job, answer) for job, answer in zip(each, answers, strict=True)}
    return [Known(job, states[job.folder]) for job in jobs]


def _settled(job: Submitted, answer: State) -> State:
    """What the engine said of ``job``, unless that wrote its own status meanwhile; an end is written down."""
    own = submitted.final(job) if answer.ended else None
    if own is None:
        submitted.settle(job, answer)
    return own or answer
