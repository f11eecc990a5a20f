"""The mounts file of NVIDIA's launcher: how it spells host paths, what it gives containers, where it is wrong."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.engine import containers
from orchestrator.engine.containers import Caller
from orchestrator.jobs import Job, Mount, describe, mounts_file
from orchestrator.jobs.mounts import MountTable
from orchestrator.jobs.mounts_file import ContainerOptions, MountsFile
from orchestrator.run import Run
from tltpipe import launcher_mounts
from tltpipe.errors import ConfigError

INSIDE = "/workspace/tao-experiments"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    for name in ("project/run", "specs", "data"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv(launcher_mounts.VARIABLE, raising=False)
    return folder


def written(home: Path, **more: Any) -> Path:
    """A file as NVIDIA's notebooks write it."""
    mounts = [
        {"source": "~/project", "destination": INSIDE},
        {"source": str(home / "specs"), "destination": f"{INSIDE}/specs/"},
    ]
    path = home / ".tao_mounts.json"
    path.write_text(json.dumps({"Mounts": mounts, **more}, indent="\t"))
    return path


def test_what_a_file_of_the_notebooks_says(home: Path) -> None:
    variables = [{"variable": "NAME", "value": "\U0001f600 a=b"}]
    options = {"shm_size": "16G", "ulimits": {"memlock": -1, "nofile": 4096}, "user": "1000:1001", "ports": {"1": 1}}
    written(home, Envs=variables, DockerOptions={**options, "privileged": False, "network": "host", "tty": False})
    assert replace(mounts_file.load((".tao_mounts.json",)), path=None) == MountsFile(
        (Mount(home / "project", INSIDE), Mount(home / "specs", f"{INSIDE}/specs")),
        {"NAME": "\U0001f600 a=b"},
        ContainerOptions((1000, 1001), "16G", {"memlock": -1, "nofile": 4096}, privileged=False, network="host"),
    )


def test_whose_files_outputs_are(home: Path) -> None:
    alone = mounts_file.read(written(home, DockerOptions={"user": "1000"})).options.user
    assert alone == (1000, 0), "the engine's group for a number without an account"
    assert Caller.current(rootless=True, chosen=alone) == Caller(1000, 0)
    assert Caller.current(rootless=True) == Caller(0, 0)
    own = Caller.current()
    assert (own.uid, own.gid) == (os.getuid(), os.getgid())
    assert set(own.groups) == set(os.getgroups())


def test_which_file_is_read(home: Path) -> None:
    assert mounts_file.load((".tlt_mounts.json", ".tao_mounts.json")) == MountsFile()
    path = written(home)
    assert mounts_file.load((".tlt_mounts.json", ".tao_mounts.json")).mounts
    assert mounts_file.load(()) == MountsFile(), "a toolkit without a launcher"
    other = home / "other.json"
    other.write_text('{"Mounts": []}')
    assert mounts_file.load((path.name,), environment={"LAUNCHER_MOUNTS": str(other)}) == MountsFile(path=other)
    where = error_of(ConfigError, lambda: mounts_file.load((path.name,), environment={"LAUNCHER_MOUNTS": "/no"}))
    assert (where.where, where.exit_code) == ("LAUNCHER_MOUNTS", 2)


def test_host_paths_below_a_source_are_spelled_by_its_destination(home: Path) -> None:
    table = MountTable(home / "data", mounts_file.read(written(home)).mounts)
    (home / "link").symlink_to(home / "project")
    assert table.at(home / "project") == INSIDE
    assert table.at(home / "project/run/*.tlt") == f"{INSIDE}/run/*.tlt"
    assert table.at(home / "link/run") == f"{INSIDE}/run"
    assert table.at(home / "specs/train.txt") == f"{INSIDE}/specs/train.txt"
    assert table.at(home / "data/a") == "/workspace-0/a", "the engine would make folders in it for those below"
    assert table.at(home / "one.jpg") == "/mnt/0/one.jpg"
    assert [(mount.source.name, mount.target, mount.read_only) for mount in table.mounts()] == [
        ("data", "/workspace-0", False),
        ("project", INSIDE, False),
        ("specs", f"{INSIDE}/specs", False),
        ("home", "/mnt/0", True),
    ]


def test_the_nearest_source_counts(home: Path) -> None:
    table = MountTable(home, (Mount(home / "project", "/a"), Mount(home / "project/run", "/b")))
    assert [table.at(home / name) for name in ("project/x", "project/run/x", "x")] == ["/a/x", "/b/x", "/workspace/x"]


def test_a_workspace_in_a_source_needs_no_mount_of_its_own(home: Path) -> None:
    table = MountTable(home / "project/run", mounts_file.read(written(home)).mounts)
    assert table.at(home / "project/run/specs/a.txt") == f"{INSIDE}/run/specs/a.txt"
    assert [mount.target for mount in table.mounts()] == [INSIDE, f"{INSIDE}/specs"]


def test_a_path_that_another_mount_hides_is_spelled_where_it_is_seen(home: Path) -> None:
    """In the container ``project/specs`` is not there: other specs are mounted over it."""
    table = MountTable(home / "project", mounts_file.read(written(home)).mounts)
    assert table.at(home / "project/specs/a.txt") == "/workspace-0/specs/a.txt"
    elsewhere = MountTable(home / "data", mounts_file.read(written(home)).mounts)
    (home / "project/specs").mkdir()
    assert elsewhere.at(home / "project/specs/a.txt") == "/mnt/0/a.txt"


def test_a_mount_of_the_same_folder_hides_nothing(home: Path) -> None:
    """NVIDIA's notebooks mount a project, and its specs once more within it."""
    specs = home / "project/specs"
    specs.mkdir()
    mounts = (Mount(home / "project", INSIDE), Mount(specs, f"{INSIDE}/specs"))
    table = MountTable(home / "project", mounts)
    assert [table.at(home / "project" / name) for name in ("a", "specs/a")] == [f"{INSIDE}/a", f"{INSIDE}/specs/a"]
    assert table.mounts() == mounts


def test_destinations_below_mnt_are_left_alone(home: Path) -> None:
    mounts = (Mount(home / "specs", "/mnt"), Mount(home / "project", "/workspace"))
    table = MountTable(home / "data", mounts)
    assert [table.at(home / name) for name in ("data", "a/1.txt", "b/1.txt")] == [
        "/workspace-0",
        "/mnt-0/1.txt",
        "/mnt-1/1.txt",
    ]


def test_what_the_container_is_given(home: Path) -> None:
    options = {"user": "1000:1001", "shm_size": "16G", "ulimits": {"stack": 1}, "privileged": True, "network": "host"}
    given = mounts_file.read(written(home, DockerOptions=options)).options
    job = Job("train", ("ssd",), image="image")
    caller = Caller.current(chosen=given.user)
    chosen = containers.options(job, caller=caller, gpus={}, mounts=(), labels={}, folder=INSIDE, launcher=given)
    assert (chosen["user"], "group_add" in chosen, chosen["working_dir"]) == ("1000:1001", False, INSIDE)
    assert (chosen["shm_size"], chosen["privileged"], chosen["network_mode"]) == ("16G", True, "host")
    assert {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in chosen["ulimits"]} == {
        "memlock": (-1, -1),
        "stack": (1, 1),
    }


@pytest.mark.parametrize("toolkit", ["tlt3", "tao5"])
def test_every_job_of_a_toolkit_with_a_launcher_has_what_the_file_says(
    start: Callable[..., Run], workspace: Path, home: Path, toolkit: str
) -> None:
    """Above all that no path of this machine is in a command line or a spec."""
    mounts = [{"source": str(workspace.parent), "destination": INSIDE}]
    variables = [{"variable": "NGC_API_KEY", "value": "hush"}, {"variable": "PLAIN", "value": "shown"}]
    (home / ".tao_mounts.json").write_text(json.dumps({"Mounts": mounts, "Envs": variables}))
    run = start(runner="dry", toolkit=toolkit, key="a-key")
    pipeline.execute(run, pipeline.every(run))
    jobs = run.runner.jobs  # type: ignore[attr-defined]
    assert {job.name for job in jobs} >= {"augment", "train", "evaluate"}
    for job in jobs:
        assert job.mounts == (Mount(workspace.parent, INSIDE),)
        told = describe(job)
        told.pop("mounts")
        assert str(workspace.parent) not in str(told)
        assert f"{INSIDE}/{workspace.name}/specs/" in str(told["argv"])
        assert "/workspace/" not in str(told).replace(INSIDE, "")
        assert job.environment["PLAIN"] == "shown"
    said = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "PLAIN=shown" in said
    assert "hush" not in said
    (home / ".tao_mounts.json").write_text('{"Mounts": [,]}')
    problem = error_of(ConfigError, lambda: start(runner="dry", toolkit=toolkit))
    assert str(problem.where) == f"{home}/.tao_mounts.json:1:13"
    assert start(runner="dry", toolkit="tlt2").runner.mounts()[0].target == "/workspace", "it has no launcher"


GOOD = '{"source": "/tmp", "destination": "/d"}'
FAULTS = {
    '{\n "Mounts": [\n': (3, 1),
    '{"Mounts": [],\n "DockerOption": {}}': (2, 2),
    '{"Mounts": [],\n "Mounts": []}': (2, 2),
    '{\n"Envs": []}': (1, 1),
    "[\n]": (1, 1),
    '{"Mounts": {}}': (1, 12),
    '{"Mounts": [\n ["/tmp", "/d"]]}': (2, 2),
    '{"Mounts": [{"source": "/tmp"}]}': (1, 13),
    '{"Mounts": [{"source": "/tmp", "destination": "/d",\n "mode": "ro"}]}': (2, 2),
    '{"Mounts": [\n{"source": "/not/there", "destination": "/d"}]}': (2, 12),
    '{"Mounts": [\n{"source": "/tmp", "destination": "d"}]}': (2, 35),
    '{"Mounts": [{"source": "/tmp", "destination": "/"}]}': (1, 47),
    '{"Mounts": [{"source": "/tmp", "destination": "/run"}]}': (1, 47),
    '{"Mounts": [{"source": "/tmp", "destination": "/var/run/tltpipe/a"}]}': (1, 47),
    '{"Mounts": [{"source": "", "destination": "/d"}]}': (1, 24),
    '{"Mounts": [{"source": "~nobody-by-that-name", "destination": "/d"}]}': (1, 24),
    '{"Mounts": [{"source": "/tmp\\u0000", "destination": "/d"}]}': (1, 24),
    '{"Mounts": [{"source": 1, "destination": "/d"}]}': (1, 24),
    f'{{"Mounts": [{GOOD},\n{{"source": "/usr", "destination": "/d/"}}]}}': (2, 35),
    '{"Mounts": [], "Envs": [\n{"variable": "A", "value": 1}]}': (2, 28),
    '{"Mounts": [], "Envs": [\n{"variable": "A", "value": "\\u0000"}]}': (2, 28),
    '{"Mounts": [], "Envs": [\n{"variable": "A=B", "value": "1"}]}': (2, 14),
    '{"Mounts": [], "DockerOptions": {\n"user": "me"}}': (2, 9),
    '{"Mounts": [], "DockerOptions": {\n"gpus": "all"}}': (2, 1),
    '{"Mounts": [], "DockerOptions": {\n"shm_size": "much"}}': (2, 13),
    '{"Mounts": [], "DockerOptions": {"ulimits": {\n"memlock": "-1"}}}': (2, 12),
    '{"Mounts": [], "DockerOptions": {"ulimits": {\n"memory": 1}}}': (2, 1),
    '{"Mounts": [], "DockerOptions": {\n"privileged": "yes"}}': (2, 15),
}


@pytest.mark.parametrize("text", FAULTS)
def test_every_fault_has_its_place(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mounts.json"
    path.write_text(text)
    problem = error_of(ConfigError, lambda: mounts_file.read(path))
    line, column = FAULTS[text]
    assert str(problem.where) == f"{path}:{line}:{column}"
    assert problem.exit_code == 2


def test_what_is_no_text_at_all(tmp_path: Path) -> None:
    for content in (b"\xff\xfe", b"", b"[" * 100_000, b'{"Mounts": ' + b"[" * 500 + b"]" * 500 + b"}"):
        path = tmp_path / "mounts.json"
        path.write_bytes(content)
        assert error_of(ConfigError, lambda path=path: mounts_file.read(path)).exit_code == 2
