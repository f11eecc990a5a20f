"""Jobs of Slurm as they are followed, without one: what it says, and what lies in the workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from orchestrator.engine.slurm import commands, following, states
from orchestrator.engine.slurm.commands import AnswerLost, Record
from orchestrator.engine.slurm.following import Followed
from orchestrator.jobs import Job, submitted
from orchestrator.jobs.submitted import Submitted


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


def test_a_job_that_ends_before_its_program_was_not_killed(job: Submitted) -> None:
    """A line of slurm.setup that says exit."""
    about = {"JobState": "FAILED", "ExitCode": "3:0", "NodeList": "n1", "Reason": "NonZeroExitCode"}
    state = states.ended(about, job.log)
    assert (state.word, state.exit_code) == (submitted.FAILED, 3)
    assert state.reason == "ended with exit status 3 on n1 before its program did (a line of slurm.setup?)"


def test_a_controller_that_is_down_is_not_waited_for(job: Submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves questions open for 20 s and more."""
    monkeypatch.setattr(commands, "_program", lambda _: "sleep")
    monkeypatch.setattr(commands.subprocess, "run", partial(waits, commands.subprocess.run))
    with pytest.raises(AnswerLost, match=r"squeue did not answer in 0 s"):
        following.ask([job], seconds=0.2)


def waits(run: Callable[..., object], words: Sequence[str], **options: object) -> object:
    return run([words[0], "60"], **options)
