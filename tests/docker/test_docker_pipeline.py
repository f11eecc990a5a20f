"""`tltpipe run --runner docker`, raw pictures to drawn results, every program in a container of a real engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converters import sample
from orchestrator import pipeline, session
from orchestrator.engine import engine
from orchestrator.jobs import Augment
from orchestrator.screen.report import Quiet
from orchestrator.settings.config import Given
from tltpipe.errors import RunFailed
from tltpipe.progress import Silent

pytestmark = pytest.mark.docker
Left = Callable[[Path], list[str]]
KEY = "very-secret-key"
ROOT = os.getuid() == 0
USER, GROUP = (1234, 1234) if ROOT else (os.getuid(), os.getgid())
"""An ordinary user without an account, where the tests may pretend to be one."""
EPOCHS = 3
SETTINGS = f"""
augment: {{output_image_width: 96, output_image_height: 96}}
ssd:
  {{arch: resnet, nlayers: 10, input_width: 96, input_height: 96, batch_size_per_gpu: 4, num_epochs: {EPOCHS},
  checkpoint_interval: 2, validation_period: 2}}
"""


@pytest.fixture(scope="session")
def socket() -> Path:
    where = engine.address()
    if not where.startswith("unix://"):
        pytest.fail(f"the engine at {where} has no socket that a container could be given")
    return Path(where.removeprefix("unix://"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Twelve drawn pictures to train on, six to validate on, settings for a very small network; all the user's."""
    root = tmp_path / "work"
    root.mkdir()
    (root / "tltpipe.yaml").write_text(SETTINGS)
    sample.draw(root / "Original-Data", train=12, validation=6, seed=3, size=160, progress=Silent())
    if ROOT:
        for path in (root, *root.rglob("*")):
            os.chown(path, USER, GROUP)
    return root


@pytest.fixture
def ordinary_user(client: Any, our_image: str, socket: Path, workspace: Path) -> Iterator[Callable[..., Any]]:
    """Starts the installed ``tltpipe`` as that user, on a machine of its own that shares engine and workspace."""
    started: list[Any] = []

    def start(*words: str) -> Any:
        machine = client.containers.run(
            our_image,
            ["tltpipe", *words],
            detach=True,
            init=True,
            user=f"{USER}:{GROUP}",
            group_add=[str(socket.stat().st_gid)],
            working_dir=str(workspace),
            environment={"DOCKER_HOST": "unix:///run/engine.sock", "TLTPIPE_KEY": KEY, "TLTPIPE_PROGRESS_SECONDS": "1"},
            volumes={str(socket): {"bind": "/run/engine.sock"}, str(workspace): {"bind": str(workspace)}},
        )
        started.append(machine)
        return machine

    yield start
    for machine in started:
        machine.remove(force=True)


def wait_for(condition: Callable[[], Any], machine: Any, seconds: float = 300) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        machine.reload()
        assert machine.status == "running", machine.logs().decode()
        assert time.monotonic() < end, machine.logs().decode()
        time.sleep(0.1)
    return found


def ended(machine: Any, seconds: float = 300) -> tuple[int, str]:
    status = machine.wait(timeout=seconds)["StatusCode"]
    return int(status), machine.logs().decode()


def test_all_stages_in_nvidias_command_lines_interrupted_and_resumed(
    ordinary_user: Callable[..., Any], client: Any, our_image: str, workspace: Path, containers_left: Left
) -> None:
    line = ("run", "--runner", "docker", "--toolkit", "tlt2", "--image", our_image)
    weights = workspace / "output" / "weights"
    machine = ordinary_user(*line)

    def training() -> Any:
        found = [name for name in containers_left(workspace) if "-train-" in name]
        return found and client.api.inspect_container(found[0])

    told = wait_for(training, machine)
    assert KEY not in json.dumps(told)
    assert told["HostConfig"]["Runtime"] == "nvidia"
    assert told["Config"]["User"] == f"{USER}:{GROUP}"
    wait_for(lambda: list(weights.glob("*_epoch_001.tlt")), machine)
    machine.kill(signal="SIGINT")
    status, shown = ended(machine)
    assert status == 130, shown
    assert "Traceback" not in shown
    assert "train was interrupted" in shown
    assert containers_left(workspace) == []
    assert not list(weights.glob(f"*_epoch_{EPOCHS:03d}.tlt"))

    status, shown = ended(ordinary_user(*line))
    assert status == 0, shown
    assert "going on after epoch" in shown
    assert "mAP" in shown
    assert [path.name for path in sorted(weights.glob("*.tlt"))][-1] == f"ssd_resnet10_epoch_{EPOCHS:03d}.tlt"
    assert not [path for path in workspace.rglob("*") if (path.lstat().st_uid, path.lstat().st_gid) != (USER, GROUP)]
    assert not [path for path in workspace.rglob("*.log") if KEY in path.read_text(errors="replace")]

    status, shown = ended(ordinary_user(*line))
    assert status == 0, shown
    assert shown.count("up to date") == 5, shown

    picture = next((workspace / "Original-Data" / "validation" / "image").iterdir())
    status, shown = ended(ordinary_user("infer", *line[1:], str(picture)))
    assert status == 0, shown
    assert (workspace / "inference" / "images_annotated" / picture.name).is_file()
    assert containers_left(workspace) == []


def flags(**settings: Any) -> dict[str, Given]:
    return {name: Given(value, f"--{name}") for name, value in {"runner": "docker", **settings}.items()}


def run(workspace: Path, **settings: Any) -> Any:
    return session.start(workspace, Quiet(), flags=flags(**settings))


SHORT: dict[str, Any] = {"ssd.num_epochs": 1, "ssd.checkpoint_interval": 1, "ssd.validation_period": 1}


def test_all_stages_in_the_command_lines_of_tao_5(workspace: Path, our_image: str, containers_left: Left) -> None:
    """Our image stands in for NVIDIA's two: its programs have their names and words there."""
    given = {"toolkit": "tao5", "image": our_image, **SHORT}  # TAO 5 needs no key
    results = {result.stage: result for result in pipeline.execute(run(workspace, **given))}
    assert list(results) == ["prepare", "augment", "tfrecords", "train", "evaluate"]
    assert {path.parent.name for path in (workspace / "TFRecords").rglob("idx-*")} == {"train"}
    assert results["train"].told["model"] == "output/weights/ssd_resnet10_epoch_001.safetensors"
    assert 0 <= results["evaluate"].told["mAP"] <= 1
    log = next((workspace / ".tltpipe/logs").glob("*-train.log")).read_text().splitlines()
    assert log[0].startswith("$ ssd train --gpus 1 -e /workspace/specs/train.conf")
    assert log[-1] == "Execution status: PASS"
    folder = workspace / "Original-Data" / "validation" / "image"
    pipeline.execute(session.start(workspace, Quiet(), flags=flags(**given), subject=folder), ["infer"])
    assert len(list((workspace / "inference" / "images_annotated").iterdir())) == 6
    assert containers_left(workspace) == []


@pytest.fixture(scope="module")
def liar(client: Any, our_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image whose tlt-augment fails as NVIDIA's containers may: it says so, and exits with 0."""
    text = f"FROM {our_image}\nRUN printf '#!/bin/sh\\necho Execution status: FAIL\\n' > /opt/tltpipe/bin/tlt-augment\n"
    folder = tmp_path_factory.mktemp("liar")
    (folder / "Dockerfile").write_text(text)
    tag = f"tltpipe:liar-{os.getpid()}"
    client.images.build(path=str(folder), tag=tag, rm=True)
    yield tag
    client.images.remove(tag, force=True)


def test_a_container_that_fails_and_exits_0_has_failed(liar: str, workspace: Path, containers_left: Left) -> None:
    with pytest.raises(RunFailed, match="ended with exit status 0, but") as caught:
        pipeline.execute(run(workspace, image=liar), ["prepare", "augment"])
    assert "Execution status: FAIL" in caught.value.what
    assert not [path for path in (workspace / "KITTI-dataset-augmented").rglob("*") if path.is_file()]
    assert pipeline.judge(_settled(run(workspace, image=liar)), "augment").state == "failed"
    assert containers_left(workspace) == []


def test_what_a_program_says_of_its_end_counts_whatever_its_exit_status(
    liar: str, workspace: Path, containers_left: Left
) -> None:
    """In generations whose entries say it, by each one's name of it."""
    request = Augment(workspace, workspace / "augment.yaml", workspace / "out")
    run(workspace, image=liar, toolkit="tlt2").launch(request)
    for toolkit in ("tlt3", "tao5"):
        with pytest.raises(RunFailed, match="Execution status: FAIL"):
            run(workspace, image=liar, toolkit=toolkit).launch(request)
    assert containers_left(workspace) == []


def _settled(ready: Any) -> Any:
    pipeline.settle(ready)
    return ready


def test_the_data_stages_with_our_own_toolkit(workspace: Path, our_image: str, containers_left: Left) -> None:
    results = pipeline.execute(run(workspace), ["prepare", "augment", "tfrecords"])
    assert [result.state for result in results] == ["ran"] * 3
    assert len(list((workspace / "KITTI-dataset-augmented" / "train" / "images").iterdir())) == 12
    assert list((workspace / "TFRecords" / "train").iterdir())
    again = pipeline.execute(run(workspace), ["prepare", "augment", "tfrecords"])
    assert [result.state for result in again] == ["skipped"] * 3
    assert containers_left(workspace) == []


def test_an_installed_tltpipe_has_all_that_the_image_is_built_from(client: Any, our_image: str) -> None:
    script = "from orchestrator.engine import image; print(*sorted(image.sources()))"
    told = client.containers.run(our_image, ["python", "-c", script], remove=True, working_dir="/tmp")
    assert {"docker/Dockerfile", "constraints.txt", "pyproject.toml", "runtime/programs/train.py"} <= set(
        told.decode().split()
    )
