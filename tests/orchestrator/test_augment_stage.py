"""augment in a workspace: what only our own program can, and a run that was killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import warm

from orchestrator import pipeline
from orchestrator.jobs import Augment, Convert
from orchestrator.jobs.mounts import MountTable
from orchestrator.run import Run
from tltpipe import registry
from tltpipe.errors import UsageError

TLTPIPE = [sys.executable, "-m", "tltpipe"]


def tltpipe(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*warm.command("tltpipe"), *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_choices_are_in_the_receipt_and_make_it_due(workspace: Path) -> None:
    assert tltpipe("prepare", cwd=workspace).returncode == 0
    assert tltpipe("augment", "--set", "augment.rotation_angle=10", cwd=workspace).returncode == 0
    first = {path.name: path.read_bytes() for path in (workspace / "KITTI-dataset-augmented/train/labels").iterdir()}
    words = ("--set", "augment.rotation_angle=10", "--set", "augment.arithmetic=tlt2")
    again = tltpipe("augment", *words, cwd=workspace)
    assert again.returncode == 0, again.stderr
    receipt = next((workspace / ".tltpipe").rglob("augment.json"))
    assert "--arithmetic" in json.loads(receipt.read_text())["facts"]["argv"][0]
    second = {path.name: path.read_bytes() for path in (workspace / "KITTI-dataset-augmented/train/labels").iterdir()}
    assert first.keys() == second.keys()
    assert first != second
    assert "nothing changed" in tltpipe("augment", *words, cwd=workspace).stdout


def test_bad_pictures_may_be_left_out(workspace: Path) -> None:
    assert tltpipe("prepare", cwd=workspace).returncode == 0
    picture = sorted((workspace / "Original-Data/train/image").iterdir())[0]
    content = picture.read_bytes()
    picture.write_bytes(content[: len(content) // 2])
    (workspace / ".tltpipe/receipts/prepare.json").unlink()  # or it would be prepared again, and found out there
    stopped = tltpipe("augment", cwd=workspace)
    assert stopped.returncode != 0
    assert picture.name in stopped.stderr + stopped.stdout
    assert not (workspace / "KITTI-dataset-augmented/train").exists()
    skipping = ("augment", "--set", "augment.skip_bad=true")
    assert tltpipe(*skipping, cwd=workspace).returncode == 3, "the only image with a class is left out"
    done = tltpipe(*skipping, "--set", "data.allow_loss=true", cwd=workspace)
    assert done.returncode == 0, done.stderr
    left_out = (workspace / "KITTI-dataset-augmented/train/left_out.txt").read_text()
    assert left_out.startswith(f"{picture.name}\t")


def test_a_killed_run_goes_on(workspace: Path) -> None:
    assert tltpipe("prepare", cwd=workspace).returncode == 0
    for number in range(100, 400):
        for folder, suffix in (("image", "jpg"), ("label", "txt")):
            source = sorted((workspace / "Original-Data/train" / folder).iterdir())[0]
            (source.parent / f"{number:06d}.{suffix}").hardlink_to(source)
    (workspace / ".tltpipe/receipts/prepare.json").unlink()  # these labels are no longer what prepare made
    process = subprocess.Popen([*TLTPIPE, "augment"], cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    staging = workspace / "KITTI-dataset-augmented/.train.partial"
    deadline = time.monotonic() + 60
    while len(list(staging.glob(".augment.journal/0*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    subprocess.run(["pkill", "-9", "-f", str(staging)], check=False)
    made = {path.name: path.stat().st_mtime_ns for path in staging.glob(".augment.journal/0*")}
    assert made
    assert tltpipe("augment", cwd=workspace).returncode == 0
    images = workspace / "KITTI-dataset-augmented/train/images"
    assert len(list(images.iterdir())) >= 300
    oldest = min(path.stat().st_mtime_ns for path in images.iterdir())
    assert oldest <= max(made.values()), "pictures of the killed run were taken"


def test_nvidias_program_is_not_asked_for_what_it_cannot() -> None:
    root = Path("/host/work")
    request = Augment(root / "data", root / "augment.conf", root / "out", arithmetic="tlt2", skip_bad=True)
    at = MountTable(root).at
    with pytest.raises(UsageError, match="arithmetic"):
        registry.load("orchestrator.toolkits", "tlt2").argv(request, at)
    line = registry.load("orchestrator.toolkits", "embedded").argv(request, at)
    assert line[-3:] == ("--arithmetic", "tlt2", "--skip-bad")


def test_a_loss_is_allowed_where_a_program_would_stop_at_it() -> None:
    root = Path("/host/work")
    ours, theirs = (registry.load("orchestrator.toolkits", name).argv for name in ("embedded", "tlt2"))
    augment = Augment(root / "data", root / "augment.conf", root / "out", allow_loss=True)
    records = Convert("ssd", root / "convert.conf", root / "out/train", allow_loss=True)
    for request in (augment, records):
        at = MountTable(root).at
        assert ours(request, at) == (*theirs(request, at), "--allow-loss")


def test_folders_that_are_called_as_those_of_the_input(
    start: Callable[..., Run], workspace: Path, fake_programs: Callable[..., Path]
) -> None:
    """As the augmentation of TAO 3 leaves them."""
    programs = fake_programs()
    text = (programs / "tlt-augment").read_text()
    (programs / "tlt-augment").write_text(text.replace('"images"', '"image"').replace('"labels"', '"label"'))
    pipeline.execute(start(programs=programs), ["prepare", "augment"])
    made = workspace / "KITTI-dataset-augmented/validation"
    assert {path.name: len(list(path.iterdir())) for path in made.iterdir()} == {"images": 3, "labels": 3}
