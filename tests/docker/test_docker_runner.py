"""Jobs in containers of a real engine: what they print, what they leave, and that nothing of them stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.jobs import Job, Secret, mounts_file
from orchestrator.runners import Place
from orchestrator.runners.docker import DockerRunner
from tltpipe.errors import HostError, Interrupted

pytestmark = pytest.mark.docker
Left = Callable[[Path], list[str]]
KEY = "nvidia-tlt$'key"


def job(script: str, *words: str | Secret, image: str | None = None, **more: Any) -> Job:
    """A job of one shell script, whose arguments are ``words``."""
    return Job("job", ("sh", "-c", script, "sh", *words), image=image, **more)


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def test_a_healthy_place(runner: DockerRunner, our_image: str) -> None:
    assert runner.health(runner.place.images) is None
    assert {check.name: check.ok for check in runner.checks()} == {"engine": True, "GPU": True, "image": True}
    identity = runner.image_id(our_image)
    assert identity is not None
    assert identity.startswith("sha256:")


def test_output_status_files_and_cleanliness(runner: DockerRunner, our_image: str, containers_left: Left) -> None:
    root = runner.place.workspace
    said: list[str] = []
    script = (
        "pwd; echo to standard error >&2; id -u; id -g; mkdir -p deep; echo content > deep/file; printf end; exit 3"
    )
    outcome = runner.run(job(script, image=our_image), said.append)
    assert outcome.exit_code == 3
    told = [line for line in said if not line.startswith("note: ")]
    assert sorted(told) == sorted(["/workspace", "to standard error", str(os.getuid()), str(os.getgid()), "end"])
    assert outcome.tail == tuple(said)
    assert outcome.log.read_text().splitlines()[1:] == said
    made = root / "deep" / "file"
    assert made.read_text() == "content\n"
    assert (made.stat().st_uid, made.stat().st_gid) == (os.getuid(), os.getgid())
    assert containers_left(root) == []


def test_a_line_shows_when_it_is_said_and_long_silence_is_no_end(runner: DockerRunner, our_image: str) -> None:
    came: dict[str, float] = {}
    start = time.monotonic()
    runner.run(
        job("echo first; sleep 3; printf '1%%\\r2%%\\r'; echo last", image=our_image),
        lambda line: came.setdefault(line, time.monotonic() - start),  # type: ignore[arg-type, return-value]
    )
    assert came["last"] - came["first"] > 2.5


def test_much_output_arrives_whole_and_in_order(runner: DockerRunner, our_image: str) -> None:
    said: list[str] = []
    outcome = runner.run(job("seq 1 50000", image=our_image), said.append)
    assert outcome.exit_code == 0
    assert [line for line in said if line.isdecimal()] == [str(number) for number in range(1, 50001)]
    assert len(outcome.tail) == 40


def test_what_the_engine_is_told(runner: DockerRunner, our_image: str, client: Any, containers_left: Left) -> None:
    """The key is nowhere in the running container's configuration, and the nvidia runtime really is asked for."""
    root = runner.place.workspace
    said: list[str] = []
    script = 'test "$1" = "$(cat /run/tltpipe/key)" && echo the key is "$1"; while [ ! -e go ]; do sleep 0.1; done'
    shown = job(script, Secret("key"), image=our_image, secrets={"key": KEY}, gpus=1, environment={"A": "b"})
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(runner.run(shown, said.append).exit_code))
    thread.start()
    try:
        wait_for(lambda: "the key is ****" in said)
        (name,) = containers_left(root)
        told = client.api.inspect_container(name)
        assert KEY not in json.dumps(told)
        assert KEY.replace("'", "'\"'\"'") not in json.dumps(told)
        assert "/run/tltpipe/key" in json.dumps(told["Config"]["Cmd"])
        host = told["HostConfig"]
        assert (host["Runtime"], host["Init"], host["ShmSize"]) == ("nvidia", True, 8 << 30)
        assert told["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"
        assert told["Config"]["Tty"] is False
        assert {"A=b", "NVIDIA_VISIBLE_DEVICES=all", "HOME=/tmp"} <= set(told["Config"]["Env"])
        assert [(m["Source"], m["Destination"], m["RW"]) for m in told["Mounts"]] == [(str(root), "/workspace", True)]
        with pytest.raises(HostError, match="is still at work"):
            runner.run(shown, print)
    finally:
        (root / "go").touch()
        thread.join(30)
    assert ended == [0]
    assert KEY not in "".join(log.read_text() for log in runner.place.logs.iterdir())
    assert containers_left(root) == []


def test_what_a_killed_run_left_behind_is_cleared(
    runner: DockerRunner, our_image: str, client: Any, containers_left: Left
) -> None:
    root = runner.place.workspace
    labels = {"tltpipe.job": "job", "tltpipe.workspace": str(root)}
    client.containers.create(our_image, ["true"], labels=labels, name=f"tltpipe-left-{os.getpid()}")
    assert runner.run(job("true", image=our_image), print).exit_code == 0
    assert containers_left(root) == []


def test_mounts_of_paths_outside_and_of_links(runner: DockerRunner, our_image: str) -> None:
    root = runner.place.workspace
    for folder in ("pictures", "data/image", "near"):
        (root.parent / folder).mkdir(parents=True)
        (root.parent / folder / "one.txt").write_text(f"{folder}\n")
    (root / "train").mkdir()
    (root / "train" / "image").symlink_to(root.parent / "data" / "image")
    (root / "near").symlink_to("../near")
    (root / "same.txt").symlink_to(root.parent / "data" / "image" / "one.txt")
    said: list[str] = []
    script = 'cat "$1" train/image/one.txt near/one.txt same.txt; touch "$1" 2>/dev/null || echo read only'
    outcome = runner.run(job(script, runner.at(root.parent / "pictures" / "one.txt"), image=our_image), said.append)
    told = [line for line in said if not line.startswith("note: ")]
    assert told == ["pictures", "data/image", "near", "data/image", "read only"]
    assert outcome.exit_code == 0


def test_what_the_mounts_file_of_the_launcher_says_is_so(tmp_path: Path, our_image: str) -> None:
    """The workspace lies in one of its sources; another source has a folder over one of the workspace's."""
    inside = "/workspace/tao-experiments"
    for folder in ("project/run/specs", "specs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "which.txt").write_text(f"{folder}\n")
    written = {
        "Mounts": [
            {"source": str(tmp_path / "project"), "destination": inside},
            {"source": str(tmp_path / "specs"), "destination": f"{inside}/run/specs"},
        ],
        "Envs": [{"variable": "NAME", "value": "a b"}],
        "DockerOptions": {"user": "1234:1235", "shm_size": "32M", "ulimits": {"nofile": 4096}},
    }
    (tmp_path / "mounts.json").write_text(json.dumps(written))
    root, launcher = tmp_path / "project/run", mounts_file.read(tmp_path / "mounts.json")
    runner = DockerRunner(Place(root, tmp_path / "logs", images=(our_image,), launcher=launcher))
    own, theirs = (runner.at(tmp_path / folder / "which.txt") for folder in ("project/run/specs", "specs"))
    assert (own, theirs) == ("/workspace-0/specs/which.txt", f"{inside}/run/specs/which.txt")
    said: list[str] = []
    script = 'cat "$1" "$2"; echo "$NAME"; id -u; id -g; ulimit -n; df -k --output=size /dev/shm | tail -n 1; pwd'
    runner.run(job(script, own, theirs, image=our_image, environment=runner.environment()), said.append)
    told = [line.strip() for line in said if not line.startswith("note: ")]
    assert told == ["project/run/specs", "specs", "a b", "1234", "1235", "4096", "32768", "/workspace-0"]


def test_a_crash_keeps_its_status(runner: DockerRunner, our_image: str, containers_left: Left) -> None:
    assert runner.run(job("kill -SEGV $$", image=our_image), print).exit_code == 139
    assert containers_left(runner.place.workspace) == []


def test_a_program_that_is_not_in_the_image(runner: DockerRunner, our_image: str) -> None:
    assert runner.run(Job("job", ("tlt-nothing",), image=our_image), print).exit_code == 127


def test_our_image_is_not_there(tmp_path: Path, containers_left: Left) -> None:
    runner = DockerRunner(Place(tmp_path, tmp_path / "logs", images=("tltpipe:never",)))
    assert "tltpipe image build" in str(runner.health(runner.place.images))
    with pytest.raises(HostError, match="no image tltpipe:never") as caught:
        runner.run(job("true", image="tltpipe:never"), print)
    assert caught.value.hint == "make it: tltpipe image build"


def test_an_image_that_is_not_there_and_no_registry(tmp_path: Path) -> None:
    """Nothing listens on that port, as where there is no network."""
    image = "127.0.0.1:1/nvidia/tlt-streamanalytics:v2.0_py3"
    runner = DockerRunner(Place(tmp_path, tmp_path / "logs", images=(image,)))
    assert "cannot be pulled" in str(runner.health(runner.place.images)), "told before anything is done"
    with pytest.raises(HostError, match="is not here and cannot be pulled") as caught:
        runner.run(job("true", image=image), print)
    assert caught.value.exit_code == 6
    assert caught.value.hint


TRAINER = "trap 'echo saving; echo kept > checkpoint; exit 130' INT; echo training; while :; do sleep 0.1; done"
CHILD = """
import signal
import sys
from pathlib import Path
from orchestrator.jobs import Job
from orchestrator.runners import Place
from orchestrator.runners.docker import DockerRunner
from tltpipe.errors import Interrupted

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
root, image, script = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
try:
    DockerRunner(Place(root, root / "logs")).run(
        Job("train", ("sh", "-c", script), image=image), lambda line: print(line, flush=True)
    )
except Interrupted as stop:
    print(f"Interrupted: {stop}", flush=True)
    sys.exit(stop.exit_code)
"""


def test_ctrl_c_lets_the_job_save_and_leaves_no_container(
    tmp_path: Path, our_image: str, containers_left: Left
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), our_image, TRAINER],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = iter(child.stdout)
    assert "training\n" in lines
    child.send_signal(signal.SIGINT)
    rest = list(lines)
    assert child.wait(60) == Interrupted.exit_code
    assert "saving\n" in rest
    assert "Interrupted: " in rest[-1]
    assert (tmp_path / "checkpoint").read_text() == "kept\n"
    assert containers_left(tmp_path) == []


def test_memory_that_runs_out_is_named(
    runner: DockerRunner, our_image: str, monkeypatch: pytest.MonkeyPatch, containers_left: Left
) -> None:
    from orchestrator.engine import containers

    whole = containers.options
    monkeypatch.setattr(containers, "options", lambda *a, **k: {**whole(*a, **k), "mem_limit": "64m"})
    said: list[str] = []
    hungry = Job("job", ("python3", "-c", "bytearray(10**9)"), image=our_image)
    assert runner.run(hungry, said.append).exit_code == 137
    assert said[-1] == "note: the container was killed because it ran out of memory"
    assert containers_left(runner.place.workspace) == []
