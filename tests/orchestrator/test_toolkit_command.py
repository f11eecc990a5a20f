"""What toolkits need of a machine: listed, and looked at by doctor, whose driver is a script here."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import warm

from orchestrator.engine import gpus
from orchestrator.jobs.images import Needs
from orchestrator.runners import Place, docker
from tltpipe import registry

NEEDS = Needs(driver=525, data_centre_driver=450, capabilities=(6.0, 9.0), room=100)
IMAGE = "nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5"
States = list[tuple[str, str]]
DriverSays = Callable[[str], None]


@pytest.fixture
def driver_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DriverSays:
    """Makes nvidia-smi a program that prints a text; without the compute capabilities it knows no such field."""

    def say(text: str) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        old = "" if text.count(",") > 1 else '*compute_cap*) echo "not a valid field"; exit 2;;'
        program.write_text(f"#!/bin/sh\ncase $1 in {old} *) cat <<'END'\n{text}\nEND\nesac\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return say


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("NVIDIA H100 80GB HBM3, 550.54.15, 9.0", [("driver", "ok"), ("GPU generation", "ok")]),
        ("NVIDIA B200, 570.86.15, 10.0", [("driver", "ok"), ("GPU generation", "missing")]),
        ("Tesla M60, 535.1, 5.2", [("driver", "ok"), ("GPU generation", "missing")]),
        ("Tesla T4, 470.57.02, 7.5", [("driver", "absent"), ("GPU generation", "ok")]),
        ("Tesla T4, 440.33.01", [("driver", "missing"), ("GPU generation", "ok")]),
        ("GPU A, 550.1, 12.0\nGPU B, 550.1, 8.6", [("driver", "ok"), ("GPU generation", "absent")]),
    ],
)
def test_driver_and_generation(text: str, states: States, driver_says: DriverSays) -> None:
    driver_says(text)
    checks = list(gpus.checks({IMAGE: NEEDS}))
    assert [(check.name, check.state) for check in checks] == states
    assert all(check.hint for check in checks if not check.ok)


def test_what_is_no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = gpus.checks({IMAGE: NEEDS})
    assert (check.state, "525" in check.found) == ("absent", True)
    assert list(gpus.checks({})) == []


def test_a_gpu_that_the_image_has_no_code_for_stops_a_run(tmp_path: Path, driver_says: DriverSays) -> None:
    driver_says("NVIDIA B200, 570.86.15, 10.0")
    place = Place(tmp_path, tmp_path, images=(IMAGE,), needs={IMAGE: NEEDS})
    told = str(docker.open(place).health((IMAGE,)))
    assert "Pascal to Hopper, not on NVIDIA B200 (Blackwell)" in told
    assert "tltpipe toolkit list" in told


def test_the_list_has_every_toolkit_and_what_its_images_need() -> None:
    done = subprocess.run([*warm.command("tltpipe"), "toolkit", "list", "--json"], capture_output=True, text=True)
    rows = {row["name"]: row for row in json.loads(done.stdout)["toolkits"]}
    assert list(rows) == registry.names("orchestrator.toolkits")
    (own,) = rows["embedded"]["images"]
    assert own["needs"] is None
    for name, row in rows.items():
        images = registry.load("orchestrator.toolkits", name).IMAGES
        assert [image["image"] for image in row["images"]] == list(images)
        assert all((image["needs"] is not None) == row["contained"] for image in row["images"]), "what doctor checks"
    (nvidias,) = rows["tlt2"]["images"]
    assert nvidias["needs"]["generations"] == "Pascal to Turing"
    assert (nvidias["needs"]["driver"], nvidias["needs"]["login"]) == (410, "nvcr.io")


def test_the_list_for_people_and_doctor(tmp_path: Path, driver_says: DriverSays) -> None:
    driver_says("NVIDIA H100 80GB HBM3, 550.54.15, 9.0")
    listed = subprocess.run([*warm.command("tltpipe"), "toolkit", "list"], capture_output=True, text=True)
    assert (listed.returncode, "410 or newer" in listed.stdout) == (0, True)
    command = [*warm.command("tltpipe"), "doctor", "--toolkit", "tlt2", "--runner", "docker"]
    doctor = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert doctor.returncode == 6
    assert (
        "missing  docker: GPU generation: nvcr.io/nvidia/tlt-streamanalytics:v2.0_py3 runs on Pascal" in doctor.stdout
    )
