"""The wall: whatever a job reads speaks of the place where it runs, never of this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.jobs import describe
from orchestrator.run import Run
from tltpipe import registry
from tltpipe.errors import ConfigError

Start = Callable[..., Run]
KEY = "very-secret-key"


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("toolkit", registry.names("orchestrator.toolkits"))
def test_no_host_path_in_argv_specs_or_environment(start: Start, workspace: Path, toolkit: str) -> None:
    before = everything(workspace)
    picture = workspace.parent / "elsewhere" / "one.jpg"
    run = start(runner="dry", toolkit=toolkit, key=KEY, subject=picture)
    pipeline.execute(run, [*pipeline.every(run), "infer"])
    jobs = run.runner.jobs  # type: ignore[attr-defined]
    assert {job.name for job in jobs} == {*pipeline.every(run), "infer"} - {"prepare"}
    assert {"augment", "train", "evaluate", "infer"} <= {job.name for job in jobs}
    assert {job.image for job in jobs} == set(run.toolkit.IMAGES)
    for job in jobs:
        told = describe(job)
        told.pop("mounts")
        assert str(workspace.parent) not in str(told)
        assert "/workspace/specs/" in str(told["argv"])
    assert everything(workspace) == before, "a dry run writes nothing"
    assert jobs[-1].mounts[-1].source == picture.parent
    assert jobs[-1].mounts[-1].read_only
    assert "/mnt/0/one.jpg" in jobs[-1].argv


def test_the_key_shows_nowhere(start: Start) -> None:
    run = start(runner="dry", toolkit="tlt2", key=KEY)
    pipeline.execute(run, ["train"])
    told = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "-k ****" in told
    assert KEY not in told + repr(run.config) + repr(run.runner.jobs)  # type: ignore[attr-defined]


def test_a_missing_key_is_told_before_anything_runs(start: Start, workspace: Path) -> None:
    before = everything(workspace)
    error = error_of(ConfigError, lambda: pipeline.execute(start(toolkit="tlt2", runner="docker")), match="needs a key")
    assert "TLTPIPE_KEY" in str(error.hint)
    assert everything(workspace) == before


@pytest.mark.parametrize("key", [KEY, None])
def test_our_own_programs_are_given_the_key_that_there_is(start: Start, key: str | None) -> None:
    run = start(runner="dry", **({"key": key} if key else {}))
    pipeline.execute(run, ["train"])
    (job,) = run.runner.jobs  # type: ignore[attr-defined]
    assert ("-k" in job.argv) == (key is not None)
    assert job.secrets == ({"key": key} if key else {})
