"""What a container is given, decided without an engine."""

import base64
import hashlib
import io
import json
import os
import shutil
import socket
import tarfile
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.engine import containers, engine, image, login, pull, serving_image
from orchestrator.engine.containers import Caller
from orchestrator.jobs import Job, Mount, Secret
from orchestrator.jobs.mounts import FEW, MountTable, link_mounts
from orchestrator.run import Run
from orchestrator.runners import Place, docker
from tltpipe import registry, seal
from tltpipe.errors import HostError, ModelError, UsageError

CALLER = Caller(1234, 100, (100, 27))
KEY = "s3 cr$t'"
JOB = Job(
    "train",
    ("tlt-train", "ssd", "-e", "/workspace/specs/a b.conf", "-k", Secret("key")),
    image="tltpipe:0.1.0",
    environment={"PYTHONUNBUFFERED": "1"},
    gpus=1,
    secrets={"key": KEY},
)


def options(job: Job = JOB, gpus: dict[str, Any] | None = None) -> dict[str, Any]:
    mounts = (Mount(Path("/data/run"), "/workspace"), Mount(Path("/pictures"), "/mnt/0", read_only=True))
    return containers.options(job, caller=CALLER, gpus=gpus or {}, mounts=mounts, labels={"tltpipe.job": job.name})


def test_what_the_user_trusts_and_allows_goes_into_the_container(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    passed = {"TLTPIPE_TRUST_PT2": "1", "TLTPIPE_MAX_PIXELS": "500"}
    for name, value in passed.items():
        monkeypatch.setenv(name, value)
    run = start(runner="dry", subject=workspace / "Original-Data/validation/image")
    pipeline.execute(run, ["infer"])
    (job,) = run.runner.jobs  # type: ignore[attr-defined]
    assert passed.items() <= options(job)["environment"].items()


def test_everything_about_a_container() -> None:
    assert options(gpus=containers.gpu_options("auto", runtimes=["runc", "nvidia"], gpus=1)) == {
        "image": "tltpipe:0.1.0",
        "command": [
            "/bin/sh",
            "-c",
            "exec tlt-train ssd -e '/workspace/specs/a b.conf' -k \"$(cat /run/tltpipe/key)\"",
        ],
        "working_dir": "/workspace",
        "environment": {
            "HOME": "/tmp",
            "USER": "tltpipe",
            "LOGNAME": "tltpipe",
            "MPLCONFIGDIR": "/tmp",
            "NVIDIA_VISIBLE_DEVICES": "all",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
            "PYTHONUNBUFFERED": "1",
        },
        "mounts": [
            {"Type": "bind", "Source": "/data/run", "Target": "/workspace", "ReadOnly": False},
            {"Type": "bind", "Source": "/pictures", "Target": "/mnt/0", "ReadOnly": True},
        ],
        "user": "1234:100",
        "group_add": ["27"],
        "labels": {"tltpipe.job": "train"},
        "init": True,
        "tty": False,
        "stdin_open": False,
        "shm_size": "8g",
        "ulimits": [
            {"Name": "memlock", "Soft": -1, "Hard": -1},
            {"Name": "stack", "Soft": 67108864, "Hard": 67108864},
        ],
        "ipc_mode": "private",
        "runtime": "nvidia",
    }


def test_the_sdk_takes_these_options() -> None:
    """Its own translation to the engine's API needs no engine, and refuses what it does not know."""
    from docker.models.containers import _create_container_args

    gpus = containers.gpu_options("device", runtimes=[], gpus=1)
    told = _create_container_args({**options(gpus=gpus), "version": "1.41"})
    host = told["host_config"]
    assert host["Mounts"][1]["ReadOnly"] is True
    assert host["ShmSize"] == 8 << 30
    assert host["Init"] is True
    assert [limit["Name"] for limit in host["Ulimits"]] == ["memlock", "stack"]
    assert host["DeviceRequests"][0]["Count"] == -1
    assert host["DeviceRequests"][0]["Capabilities"] == [["gpu"]]


def test_a_job_without_secrets_needs_no_shell() -> None:
    assert options(Job("augment", ("tlt-augment", "-d", "a b"), image="x"))["command"] == ["tlt-augment", "-d", "a b"]


def test_the_key_is_in_no_option_and_its_file_is_the_callers_alone() -> None:
    assert KEY not in str(options())
    with tarfile.open(fileobj=io.BytesIO(containers.secret_archive(JOB.secrets, CALLER))) as archive:
        folder, file = archive.getmembers()
        stream = archive.extractfile(file)
        assert stream.read().decode() == KEY
    assert (file.name, file.mode, file.uid, file.gid) == ("run/tltpipe/key", 0o400, 1234, 100)
    assert (folder.isdir(), folder.mode, folder.uid) == (True, 0o500, 1234)


def test_our_programs_get_the_key_of_their_seals_and_nvidias_do_not() -> None:
    ours = replace(JOB, environment=registry.load("orchestrator.toolkits", "embedded").ENVIRONMENT)
    assert containers.secrets_of(ours) == {**JOB.secrets, "seal.key": seal.user_key().hex()}
    nvidias = replace(JOB, environment=registry.load("orchestrator.toolkits", "tlt2").ENVIRONMENT)
    assert containers.secrets_of(nvidias) == JOB.secrets


DEVICE = {"device_requests": [{"Count": -1, "Capabilities": [["gpu"]]}]}


@pytest.mark.parametrize(
    ("request_", "runtimes", "gpus", "runtime", "device"),
    [
        ("auto", ["runc", "nvidia"], 1, True, False),
        ("auto", ["runc"], 1, False, True),
        ("auto", ["runc", "nvidia"], 0, False, False),
        ("runtime", ["runc"], 2, True, False),
        ("device", ["runc", "nvidia"], 1, False, True),
        ("none", ["runc", "nvidia"], 1, False, False),
    ],
)
def test_how_gpus_are_asked_for(request_: str, runtimes: list[str], gpus: int, runtime: bool, device: bool) -> None:
    chosen = containers.gpu_options(request_, runtimes=runtimes, gpus=gpus)
    assert (chosen.get("runtime") == "nvidia") is runtime
    assert (chosen.get("device_requests") == DEVICE["device_requests"]) is device


NO_DRIVER = 'could not select device driver "" with capabilities: [[gpu]]'
NO_RLIMIT = "OCI runtime create failed: error setting rlimit type 8: operation not permitted"


def test_refused_limits_are_given_up_one_by_one() -> None:
    first = containers.fallback_options(options(), NO_RLIMIT, gpu_request="auto")
    assert [limit["Name"] for limit in first[0]["ulimits"]] == ["stack"]
    assert "memlock" in first[1]
    second = containers.fallback_options(first[0], NO_RLIMIT, gpu_request="auto")
    assert containers.fallback_options(second[0], NO_RLIMIT, gpu_request="auto") is None


def test_an_engine_without_gpu_is_put_up_with_only_when_the_choice_was_ours() -> None:
    chosen = options(gpus=DEVICE)
    fallback_options = containers.fallback_options(chosen, NO_DRIVER, gpu_request="auto")
    assert "device_requests" not in fallback_options[0]
    assert "no GPU" in fallback_options[1]
    assert containers.fallback_options(chosen, NO_DRIVER, gpu_request="device") is None
    assert containers.fallback_options(chosen, "no space left on device", gpu_request="auto") is None


def lines(*chunks: bytes) -> list[tuple[str, bool]]:
    splitter = containers.Splitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.close())


def test_output_is_cut_into_lines_wherever_its_chunks_end() -> None:
    assert lines(b"one\ntw", b"o\r", b"\nthr\xc3", b"\xa9e\n\n", b"rest") == [
        ("one", False),
        ("two", False),
        ("thr\xe9e", False),
        ("", False),
        ("rest", False),
    ]


def test_a_line_rewritten_over_and_over_is_passing_until_its_end() -> None:
    assert lines(b"\r10%", b"\r 50%\r100%\n") == [("10%", True), (" 50%", True), ("100%", False)]
    assert lines(b"1/2" + b"\x08" * 3 + b"2/2\n") == [("1/2", True), ("2/2", False)]
    assert lines(b"\xff\n") == [("\N{REPLACEMENT CHARACTER}", False)]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A workspace ``run`` beside a data set ``data``."""
    (tmp_path / "data" / "image").mkdir(parents=True)
    for number in range(FEW + 4):
        (tmp_path / "data" / "image" / f"{number}.jpg").touch()
    (tmp_path / "run" / "Original-Data" / "train").mkdir(parents=True)
    return tmp_path / "run"


def test_a_linked_folder_is_mounted_where_the_link_is(linked: Path) -> None:
    at = MountTable(linked).at
    image_folder = linked.parent / "data" / "image"
    (linked / "Original-Data" / "train" / "image").symlink_to(image_folder)
    (linked / "Original-Data" / "validation").symlink_to("../../data")
    assert set(link_mounts(linked, at)) == {
        Mount(image_folder, "/workspace/Original-Data/train/image"),
        Mount(image_folder.parent, "/workspace/Original-Data/validation"),
    }


def test_links_that_work_inside_or_nowhere_need_no_mount(linked: Path) -> None:
    at = MountTable(linked).at
    (linked / "same").symlink_to("Original-Data")
    (linked / "broken").symlink_to("/nowhere/at/all")
    assert link_mounts(linked, at) == ()
    (linked / "absolute").symlink_to(linked / "Original-Data")
    assert link_mounts(linked, at) == (Mount(linked / "Original-Data", "/workspace/absolute"),)


def test_many_linked_files_share_the_mount_of_their_folder(linked: Path) -> None:
    at = MountTable(linked).at
    data, train = linked.parent / "data" / "image", linked / "Original-Data" / "train"
    for number in range(2):
        (train / f"{number}.jpg").symlink_to(data / f"{number}.jpg")
    assert len(link_mounts(linked, at)) == 2
    for number in range(2, FEW + 4):
        (train / f"{number}.jpg").symlink_to(data / f"{number}.jpg")
    assert link_mounts(linked, at) == (Mount(data, str(data)),)


@pytest.mark.parametrize(
    ("where", "machine"),
    [
        ("unix:///var/run/docker.sock", None),
        ("tcp://localhost:2375", None),
        ("tcp://[::1]:2375", None),
        ("tcp://build.example.org:2376", "build.example.org"),
        ("ssh://me@10.0.0.5", "10.0.0.5"),
    ],
)
def test_an_engine_elsewhere_cannot_mount_a_folder_from_here(where: str, machine: str | None) -> None:
    assert engine.elsewhere(where) == machine


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///nonexistent/docker.sock", "no Docker engine answers at unix:///nonexistent/docker.sock"),
        ("tcp://build.example.org:2376", "is on another machine (build.example.org)"),
    ],
)
def test_no_engine_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, words: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    runner = docker.open(Place(tmp_path, tmp_path / "logs", images=("tltpipe:0.1.0",)))
    missing = runner.health(("tltpipe:0.1.0",))
    assert missing is not None
    assert words in missing
    with pytest.raises(HostError, match="engine"):
        runner.run(JOB, print)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_goes_away_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that says its version to begin with and nothing more."""
    folder = tempfile.mkdtemp()  # a socket's path may not be long
    path = f"{folder}/engine.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve() -> None:
        body = b'{"ApiVersion": "1.41"}'
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), b""):
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    runner = docker.open(Place(tmp_path, tmp_path / "logs", images=("tltpipe:0.1.0",)))
    error = error_of(HostError, runner.image_id, "tltpipe:0.1.0", match="the Docker engine failed: ")
    server.close()
    shutil.rmtree(folder)
    assert error.hint


def test_our_own_image_is_never_looked_for_in_a_registry() -> None:
    assert pull.ours("tltpipe:0.1.0")
    assert pull.ours("tltpipe")
    assert not pull.ours("nvcr.io/nvidia/tlt-streamanalytics:v2.0_py3")
    assert not pull.ours("example.org/tltpipe:1")


def test_what_to_do_about_a_refused_pull() -> None:
    nvidia = "nvcr.io/nvidia/tlt-streamanalytics:v2.0_py3"
    assert "docker login nvcr.io" in str(login.refused(nvidia, "unauthorized: authentication required").hint)
    assert "tag" in str(login.refused(nvidia, "manifest for x not found: manifest unknown").hint)
    for name in ("nvcr.io/nvidia/tao/tao-toolkit@sha256:00", "nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5"):
        page = "https://catalog.ngc.nvidia.com/orgs/nvidia/teams/tao/containers/tao-toolkit"
        assert login.catalogue(name) == page
    assert "check the name" in str(login.refused("misspelt:1", "pull access denied for misspelt").hint)
    hosts = {name: login.host_of(name) for name in ("a", "a/b:1", "localhost/a", "store:5000/a", "nvcr.io/nvidia/a:1")}
    assert list(hosts.values()) == ["docker.io", "docker.io", "localhost", "store:5000", "nvcr.io"]
    for trouble in ("dial tcp: lookup nvcr.io: no such host", "dial tcp 10.0.0.1:4403: connect: connection refused"):
        assert "network" in str(login.refused(nvidia, trouble).hint)


def test_the_build_context_is_this_installation_and_nothing_else() -> None:
    with tarfile.open(fileobj=io.BytesIO(image.context())) as archive:
        members = archive.getmembers()
    names = [member.name for member in members]
    assert {"docker/Dockerfile", "pyproject.toml", "constraints.txt", "LICENSE", "README.md"} <= set(names)
    assert {"runtime/programs/train.py", "orchestrator/cli.py", "specs/augment/augment.conf.j2"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith((".", "tests", "/"))]
    assert {(member.uid, member.mtime) for member in members} == {(0, 0)}
    assert image.context() == image.context()


def test_a_failing_step_is_named_with_its_last_words() -> None:
    failure = image._failure(
        "RUN touch README.md && pip install --no-cache-dir --constraint constraints.txt .[runtime]",
        ["ERROR: No matching distribution found for torch==9"],
        "The command '/bin/sh -c pip install' returned a non-zero code: 1",
    )
    assert "No matching distribution" in failure.what
    assert "non-zero code: 1" in failure.what
    assert failure.exit_code == 6
    base = image._failure("FROM ${BASE_IMAGE}", [], "pull access denied for nowhere/python")
    assert "--base-image" in str(base.hint)


def test_the_caller_is_this_user_unless_the_engine_is_rootless() -> None:
    assert Caller.current() == Caller(os.getuid(), os.getgid(), tuple(sorted(os.getgroups())))
    assert Caller.current(rootless=True) == Caller(0, 0)


CONTENTS = ("docker/serve.Dockerfile", "models/clothes.onnx", "models/clothes.onnx.json", "models/SHA256SUMS")


def test_the_context_of_an_image_that_serves_has_the_models(tmp_path: Path) -> None:
    for name in ("people", "clothes"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        (tmp_path / f"{name}.onnx.json").write_text("{}")
    models = [tmp_path / "people.onnx", tmp_path / "clothes.onnx"]
    with tarfile.open(fileobj=io.BytesIO(image.context(serving_image.contents(models)))) as archive:
        contents = {name: archive.extractfile(name).read().decode() for name in CONTENTS}  # type: ignore[union-attr]
    assert contents["models/clothes.onnx"] == "clothes"
    assert contents["models/clothes.onnx.json"] == "{}"
    assert contents["docker/serve.Dockerfile"].endswith('CMD ["/models/people.onnx", "/models/clothes.onnx"]\n')
    sums = dict(reversed(line.split()) for line in contents["models/SHA256SUMS"].splitlines())
    assert sums["clothes.onnx"] == hashlib.sha256(b"clothes").hexdigest()
    assert serving_image.contents([])["docker/serve.Dockerfile"].count(b"\nCMD ") == 1


def test_what_cannot_go_into_an_image_that_serves_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "model.safetensors").write_bytes(b"")
    for name, place in (("model.onnx", "model.onnx.json"), ("model.safetensors", "model.safetensors")):
        with pytest.raises(ModelError) as caught:
            serving_image.contents([tmp_path / name])
        assert caught.value.where == tmp_path / place
    (tmp_path / "model.onnx.json").write_text("{}")
    with pytest.raises(UsageError, match=r"model\.onnx"):
        serving_image.contents([tmp_path / "model.onnx"] * 2)


def test_what_a_refusal_means_to_those_who_are_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    token = base64.b64encode(b"$oauthtoken:hush").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"nvcr.io": {"auth": token}}}))
    expired, barred = (login.refused("nvcr.io/nvidia/a:1", trouble) for trouble in ("unauthorized", "403 Forbidden"))
    assert "does not accept the stored log-in of $oauthtoken" in expired.what
    assert "licence" in barred.what
    assert "hush" not in f"{expired}{expired.hint}{barred}{barred.hint}{login.check('nvcr.io')}"
    (tmp_path / "config.json").write_text("[" * 3000)
    assert not login.check("nvcr.io").ok
