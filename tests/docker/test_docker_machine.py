"""Machines people really have: CPU and memory quotas, a small /dev/shm, a read-only root, no home, LANG=C."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters import sample
from tltpipe.progress import Silent

pytestmark = pytest.mark.docker
ROOT = os.getuid() == 0
USER = "1234:1234" if ROOT else f"{os.getuid()}:{os.getgid()}"
MEASURE = """
import json
from runtime.machine import threads
from tltpipe import machine
print(json.dumps({
    "cores": machine.cpu_count(), "limit": machine.memory_limit(), "available": machine.memory_available(),
    "threads": threads.counts(), "workers": machine.worker_count(),
}))
"""
SETTINGS = """
augment: {output_image_width: 96, output_image_height: 96}
ssd:
  {arch: resnet, nlayers: 10, input_width: 96, input_height: 96, batch_size_per_gpu: 4, num_epochs: 1}
"""
Measure = Callable[..., dict[str, Any]]


@pytest.fixture
def measure(client: Any, our_image: str) -> Measure:
    """What our programs think that they have in a container with these options."""

    def run(**options: Any) -> dict[str, Any]:
        command = ["python3", "-c", MEASURE]
        answer: dict[str, Any] = json.loads(client.containers.run(our_image, command, remove=True, **options))
        return answer

    return run


def test_cores_are_those_of_the_quota(measure: Measure) -> None:
    cores = len(os.sched_getaffinity(0))
    assert measure()["cores"] == cores
    assert measure(nano_cpus=1_000_000_000)["threads"] == [1]
    half = measure(nano_cpus=500_000_000)
    assert (half["cores"], half["workers"]) == (1, 1)
    if cores > 1:
        assert measure(nano_cpus=1_500_000_000)["cores"] == 2
    assert measure(cpuset_cpus="0")["cores"] == 1


def test_memory_is_that_of_the_limit(measure: Measure) -> None:
    found = measure(mem_limit=600 << 20)
    assert found["limit"] == 600 << 20
    assert 0 < found["available"] < 600 << 20
    assert found["workers"] <= 2


def test_a_pipeline_on_a_poor_machine(client: Any, our_image: str, tmp_path: Path) -> None:
    """No home, nothing to write but the workspace and a /tmp of its own, 64 MB of /dev/shm, ASCII, 40 columns."""
    root = tmp_path / "work"
    root.mkdir()
    (root / "tltpipe.yaml").write_text(SETTINGS)
    sample.draw(root / "Original-Data", train=8, validation=4, seed=3, size=160, progress=Silent())
    for path in (root, *root.rglob("*")):
        if ROOT:
            os.chown(path, 1234, 1234)
    environment = {"HOME": "/nowhere", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "COLUMNS": "40", "TERM": "dumb"}
    container = client.containers.run(
        our_image,
        ["tltpipe", "run"],
        detach=True,
        user=USER,
        working_dir="/workspace",
        environment=environment,
        read_only=True,
        shm_size="64m",
        nano_cpus=1_000_000_000,
        tmpfs={"/tmp": "size=256m"},
        volumes={str(root): {"bind": "/workspace"}},
    )
    try:
        status = container.wait(timeout=600)["StatusCode"]
        said = container.logs().decode("utf-8", "replace")
    finally:
        container.remove(force=True)
    assert status == 0, said
    assert "Traceback" not in said
    assert list((root / "output" / "weights").glob("*_epoch_001.*"))
    assert json.loads((root / "output" / "evaluation.json").read_text())["mAP"] >= 0
