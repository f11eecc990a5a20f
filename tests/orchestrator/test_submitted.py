"""The folder of a submitted job: written whole, private, and read with suspicion."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.jobs import Job, Secret, submitted
from orchestrator.jobs.submitted import State, Status
from tltpipe.errors import HostError

JOB = Job(
    "train", ("tlt-train", "ssd", "-k", Secret("key")), files={"train.conf": "a: 1"}, secrets={"key": "hush-hush"}
)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / ".tltpipe" / "jobs"


def put(path: Path, value: object) -> None:
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def test_what_was_submitted_is_read_again_by_anyone_who_sees_the_workspace(jobs: Path) -> None:
    new = submitted.create(jobs, "slurm", JOB, {"time": "1:00:00"})
    assert (new.id, new.comment) == ("", f"tltpipe:{new.folder.name}")
    accepted = submitted.accepted(new, "42_1")
    assert submitted.every(jobs) == [accepted]
    assert (accepted.id, accepted.runner, accepted.name, accepted.digest) == ("42_1", "slurm", "train", new.digest)
    assert json.loads((new.folder / "job.json").read_text())["job"]["settings"] == {"time": "1:00:00"}


def test_nobody_else_reads_it_and_the_key_lies_in_its_own_file_alone(jobs: Path) -> None:
    new = submitted.create(jobs, "slurm", JOB, {})
    script = submitted.write_file(new, "script.sh", "#!/bin/sh\n", executable=True)
    key = submitted.write_secret(new, "key", "hush-hush")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (new.folder, script, key, new.folder / "job.json")}
    assert modes == {new.folder.name: "0o700", "script.sh": "0o700", "key": "0o600", "job.json": "0o600"}
    assert [path.name for path in new.folder.iterdir() if b"hush-hush" in path.read_bytes()] == ["key"]


def test_the_same_work_has_the_same_digest_whatever_the_key(jobs: Path) -> None:
    digest = submitted.digest(JOB, {"nodes": 2})
    other_key = Job(JOB.name, JOB.argv, files=JOB.files, secrets={"key": "another"})
    other_spec = Job(JOB.name, JOB.argv, files={"train.conf": "a: 2"})
    assert submitted.digest(other_key, {"nodes": 2}) == digest
    fresh = replace(JOB, argv=(*JOB.argv, "--fresh"), again=JOB.argv)
    assert submitted.digest(fresh, {"nodes": 2}) == digest
    for other in (replace(JOB, inputs="of other data"), replace(JOB, gpus=2), replace(JOB, nodes=2)):
        assert digest != submitted.digest(other, {"nodes": 2})
    assert digest not in (submitted.digest(other_spec, {"nodes": 2}), submitted.digest(JOB, {"nodes": 3}))


def test_how_it_ended_is_its_own_word_before_the_engines(jobs: Path) -> None:
    job = submitted.create(jobs, "slurm", JOB, {})
    assert submitted.ended(job) is None
    submitted.settle(job, State("lost", "the engine does not know it"))
    assert submitted.ended(job) is None  # it may still be there
    submitted.settle(job, State("failed", "out of memory", ("n1",), 137))
    assert submitted.ended(job) == State("failed", "out of memory", ("n1",), 137)
    put(job.folder / "status.json", {"exit_code": 0, "signal": None, "attempt": 2, "host": "n2", "ended": "2026-11-30"})
    assert submitted.status(job) == Status(0, None, 2, "n2", "2026-11-30")
    assert submitted.ended(job) == State("done", "", ("n2",), 0, 2)


def test_after_a_signal_the_engine_has_the_last_word(jobs: Path) -> None:
    job = submitted.create(jobs, "slurm", JOB, {})
    put(job.folder / "status.json", {"exit_code": 143, "signal": 15})
    assert submitted.ended(job) == State("stopped", "exit status 143", (), 143)
    assert submitted.final(job) is None  # it may have been requeued
    submitted.settle(job, State("stopped", "was cancelled"))
    assert submitted.final(job) == State("stopped", "was cancelled")


@pytest.mark.parametrize(
    ("code", "word"), [(0, "done"), (3, "failed"), (130, "stopped"), (143, "stopped"), (137, "failed")]
)
def test_an_exit_code_in_a_word(jobs: Path, code: int, word: str) -> None:
    job = submitted.create(jobs, "slurm", JOB, {})
    put(job.folder / "status.json", {"exit_code": code})
    state = submitted.ended(job)
    assert state is not None
    assert (state.word, state.exit_code) == (word, code)


@pytest.mark.parametrize("text", ["", '{"exit_code": 0', "[]", '{"exit_code": "0"}', "\0" * 64, "[" * 100_000, "{}"])
def test_a_status_that_is_not_whole_is_none(jobs: Path, text: str) -> None:
    job = submitted.create(jobs, "slurm", JOB, {})
    put(job.folder / "status.json", text)
    assert submitted.ended(job) is None


def test_folders_that_are_no_jobs_are_left_out(jobs: Path, tmp_path: Path) -> None:
    job = submitted.create(jobs, "slurm", JOB, {})
    whole = {"runner": "slurm", "id": "1", "name": "train", "digest": "", "submitted": ""}
    records = ["", '{"runner": "slurm"', {**whole, "id": "1; rm -rf /"}, {**whole, "runner": "../../x"}]
    for number, record in enumerate(records):
        folder = jobs / f"20261130-12000{number}-train-abcdef"
        folder.mkdir()
        put(folder / "job.json", record)
    (jobs / "20261130-120010-train-abcdef").mkdir()
    (jobs / "20261130-120011-train-abcdef").symlink_to(job.folder)
    (jobs / "20261130-120012-train-abcdef").write_text("a file")
    (jobs / "notes").mkdir()
    pipe = jobs / "20261130-120013-train-abcdef"
    pipe.mkdir()
    os.mkfifo(pipe / "job.json")
    assert [each.folder for each in submitted.every(jobs)] == [job.folder]
    assert submitted.every(tmp_path / "nowhere") == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".tltpipe").mkdir()
    (tmp_path / ".tltpipe" / "jobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError):
        submitted.create(tmp_path / ".tltpipe" / "jobs", "slurm", JOB, {})
    assert list((tmp_path / "elsewhere").iterdir()) == []
