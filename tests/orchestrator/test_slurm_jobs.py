"""Jobs of Slurm as they are followed, without one: what it says, and what lies in the workspace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.slurm import commands, following, states
from orchestrator.engine.slurm.commands import AnswerLost, Record
from orchestrator.engine.slurm.following import Followed
from orchestrator.jobs import Job, submitted
from orchestrator.jobs.submitted import Submitted
from orchestrator.runners import Place
from orchestrator.runners.slurm import SlurmRunner
from tltpipe.errors import HostError


@pytest.fixture
def job(tmp_path: Path) -> Submitted:
    return submitted.accepted(submitted.create(tmp_path / ".tltpipe" / "jobs", "slurm", Job("train", ()), {}), "7")


def record(job: Submitted, state: str = "RUNNING", *, id: str = "7") -> Record:
    return Record(id, state, "None", "n1", "main", "1:00", job.comment)


def test_a_controller_that_is_restarted_ends_nothing(job: Submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs go on meanwhile, and so does who follows them."""
    asked: list[None] = []

    def records(_: Sequence[str], **__: float) -> list[Record]:
        asked.append(None)
        if len(asked) < 3:
            raise AnswerLost("squeue got no answer")
        submitted.write_file(job, submitted.STATUS, '{"exit_code": 0}')
        return [record(job)]

    monkeypatch.setattr(commands, "records", records)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(following, "ASK_SECONDS", (0.0, 0.0))
    lines: list[str] = []
    one = Followed(job, lines.append)
    assert following.follow([one], seconds=10)
    assert one.end is not None
    assert one.end.word == submitted.DONE
    assert lines == ["slurm: squeue got no answer; asked again"]


@pytest.mark.parametrize("id", ["--me", "1,2", "nonsense", "99999999999999", "7_", "0"])
def test_an_id_that_is_none_of_slurms_spoils_no_question(
    job: Submitted, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may have come with somebody else's workspace."""
    odd = replace(job, id=id, folder=job.folder.with_name("20261130-120000-train-abcdef"))
    monkeypatch.setattr(commands, "records", lambda ids, **_: [record(job)] if list(ids) == ["7"] else [])
    monkeypatch.setattr(commands, "accounted", lambda _: pytest.fail("asked for it"))
    assert [state.word for state in following.ask([odd, job])] == [submitted.LOST, submitted.RUNNING]


def test_whose_record_it_is(job: Submitted) -> None:
    """Tasks of an array have the comment of its first job; each is known by its number there."""
    assert following.is_of(record(job), job)
    assert not following.is_of(record(job)._replace(comment="tltpipe:another"), job)
    assert not following.is_of(record(job, id="7_0"), job)
    tasks = job.folder / submitted.TASKS
    tasks.mkdir()
    (tasks / "1").symlink_to(Path("..", "..", job.folder.name))
    assert following.is_of(record(job, id="7_1"), job)
    assert not following.is_of(record(job, id="7_0"), job)
    assert not following.is_of(record(job, id="7_1")._replace(comment="tltpipe:../../x"), job)


@pytest.mark.parametrize(
    ("argv", "again", "ended", "found"),
    [
        (("tlt-train",), ("tlt-train",), '{"exit_code": 0}', True),
        (("tlt-train",), ("tlt-train",), '{"exit_code": 3}', False),
        (("tlt-train", "--fresh"), ("tlt-train",), '{"exit_code": 0}', False),  # it is to start over
        (("tlt-train", "--fresh"), ("tlt-train",), None, True),  # that is what it does
        (("tlt-export",), (), '{"exit_code": 0}', False),  # what it made is gone with the staging folder
        (("tlt-export",), (), None, True),
    ],
)
def test_which_job_is_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: Any, again: Any, ended: str | None, found: bool
) -> None:
    """One that goes on, or has done what nobody took over yet and what this one would do."""
    runner, job = SlurmRunner(Place(tmp_path, tmp_path / "logs")), Job("train", argv, again=again)
    made = submitted.accepted(submitted.create(runner.jobs, "slurm", job, {"executor": ""}), "7")
    monkeypatch.setattr(commands, "records", lambda ids, **_: [record(made)] if ids == ["7"] else [])
    if ended is not None:
        submitted.write_file(made, submitted.STATUS, ended)
    assert runner.submitter.unfinished(job) == (made if found else None)
    assert runner.submitter.unfinished(replace(job, inputs="other data")) is None
    submitted.collect(made)
    assert runner.submitter.unfinished(job) is None


def test_who_starts_over_wants_nothing_of_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, job = SlurmRunner(Place(tmp_path, tmp_path / "logs")), Job("train", ("t",), again=("t",))
    made = submitted.accepted(submitted.create(runner.jobs, "slurm", job, {"executor": ""}), "7")
    monkeypatch.setattr(commands, "records", lambda *_, **__: [record(made)])
    with pytest.raises(HostError, match=r"job 7 .* still at work"):
        runner.finish_earlier("train", str, force=True)
    submitted.write_file(made, submitted.STATUS, '{"exit_code": 0}')
    runner.finish_earlier("train", str, force=False)
    assert runner.submitter.unfinished(job) == made
    runner.finish_earlier("train", str, force=True)
    assert runner.submitter.unfinished(job) is None


@pytest.mark.parametrize(
    ("about", "word", "code", "reason"),
    [
        ({"JobState": "COMPLETED", "ExitCode": "0:0"}, submitted.DONE, 0, ""),
        ({"JobState": "FAILED", "ExitCode": "3:0"}, submitted.FAILED, 3, "ended with exit status 3 on n1"),
        ({"JobState": "FAILED", "ExitCode": "0:9"}, submitted.FAILED, 137, "was killed on n1"),
        ({"JobState": "FAILED", "ExitCode": "nonsense"}, submitted.FAILED, None, "was killed on n1"),
        ({"JobState": "CANCELLED by 0"}, submitted.STOPPED, None, "was cancelled on n1"),
        ({"JobState": "TIMEOUT", "TimeLimit": "01:00:00"}, submitted.FAILED, None, "its time limit of 01:00:00 on n1"),
        ({"JobState": "NODE_FAIL"}, submitted.FAILED, None, "lost its node on n1"),
        ({"JobState": "OUT_OF_MEMORY", "ExitCode": "0:125"}, submitted.FAILED, None, "ran out of memory on n1"),
        ({"JobState": "PREEMPTED", "NodeList": "(null)"}, submitted.FAILED, None, "was preempted by a job"),
        ({"JobState": "FAILED", "Reason": "JobLaunchFailure", "log": ""}, submitted.FAILED, None, "could not write"),
    ],
)
def test_how_a_job_ended_by_slurms_words(
    tmp_path: Path, about: dict[str, str], word: str, code: int | None, reason: str
) -> None:
    (tmp_path / "log").write_text(about.pop("log", "it began"))
    state = states.ended({"NodeList": "n1", "Restarts": "2", **about}, tmp_path / "log")
    assert (state.word, state.exit_code, state.attempt) == (word, code, 2)
    assert reason in state.reason


def test_a_job_whose_answer_was_lost_is_found_by_its_comment(
    job: Submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks: it is not lost, nothing is done beside it, and it can be stopped."""
    lost = submitted.accepted(job, "")
    here, asked = [record(job)], []
    monkeypatch.setattr(
        commands, "records", lambda ids=None, **_: here if ids in (None, ["7"]) else pytest.fail(f"{ids}")
    )
    monkeypatch.setattr(commands, "signal", lambda *words: asked.append(words))
    assert [state.word for state in following.ask([lost])] == [submitted.RUNNING]
    assert submitted.load(job.folder) == job
    lost, runner = submitted.accepted(job, ""), SlurmRunner(Place(tmp_path, tmp_path / "logs"))
    runner.stop(lost, now=False)
    assert asked == [("7", "USR2")]
    submitted.accepted(job, "")
    with pytest.raises(HostError, match=r"job 7 .* still at work"):
        runner.finish_earlier("train", str, force=True)
    here.clear()
    assert [state.word for state in following.ask([submitted.accepted(job, "")])] == [submitted.LOST]


def test_a_job_that_ends_before_its_program_was_not_killed(job: Submitted) -> None:
    """A line of slurm.setup that says exit."""
    about = {"JobState": "FAILED", "ExitCode": "3:0", "NodeList": "n1", "Reason": "NonZeroExitCode"}
    state = states.ended(about, job.log)
    assert (state.word, state.exit_code) == (submitted.FAILED, 3)
    assert state.reason == "ended with exit status 3 on n1 before its program did (a line of slurm.setup?)"


def test_a_controller_that_is_down_is_not_waited_for(job: Submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves questions open for 20 s and more."""
    monkeypatch.setattr(commands, "_program", lambda _: "sleep")
    monkeypatch.setattr(subprocess, "run", partial(waits, subprocess.run))
    with pytest.raises(AnswerLost, match=r"squeue did not answer in 0 s"):
        following.ask([job], seconds=0.2)


def waits(run: Callable[..., object], words: Sequence[str], **options: object) -> object:
    return run([words[0], "60"], **options)
