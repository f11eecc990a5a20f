"""tlt-augment on several machines: parts of an array, and attempts that were given up and wake up again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import attempts
import numpy as np
import pytest
import warm
from faults import Record
from PIL import Image

from runtime.augmenting import work as augmenting
from runtime.programs import augment
from tltpipe import locks
from tltpipe.executors import VARIABLE

SPEC = """\
random_seed: 7
results_dir: out
data: {dataset_type: kitti, image_dir: data/image, ann_path: data/label,
  output_image_width: 64, output_image_height: 48}
spatial_aug: {rotation: {angle: [-20, 20]}}
"""
ZOMBIE = """
import sys
import attempts
from runtime.programs import augment
attempts.become("n1", attempt=0)
attempts.sleep_at(*sys.argv[1:3])
sys.exit(augment.main(["-e", "spec.yaml", "-v", "--skip-bad", "--workers", "1"]))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 pictures, of which one is none, with KITTI labels and in a COCO file; what one process makes of them."""
    root = tmp_path_factory.mktemp("augment")
    for folder in ("image", "label"):
        (root / "data" / folder).mkdir(parents=True)
    page = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "vest"}]}
    for number in range(70):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((128, 96)).save(root / f"data/image/{number:03d}.jpg")
        (root / f"data/label/{number:03d}.txt").write_text("vest 0.00 0 0.00 10 20 110.5 90 0 0 0 0 0 0 0\n")
        page["images"].append({"id": number, "file_name": f"{number:03d}.jpg", "width": 128, "height": 96})
        page["annotations"].append({"id": number, "image_id": number, "category_id": 1, "bbox": [10, 20, 60, 50]})
    (root / "data/image/037.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (root / "coco.json").write_text(json.dumps(page))
    (root / "spec.yaml").write_text(SPEC)
    (root / "coco.yaml").write_text(SPEC.replace("kitti", "coco").replace("data/label", "coco.json"))
    return root


@pytest.fixture
def whole(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(data)
    for name in ("spec", "coco"):
        if not (data / f"whole-{name}").exists():
            assert run(f"{name}.yaml", f"whole-{name}") == 0
    return data


def run(spec: str, output: str) -> int:
    return augment.main(["-e", spec, "-o", output, "-v", "--skip-bad", "--workers", "1"])


def dates(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}


@pytest.mark.parametrize("spec", ["spec", "coco"])
def test_parts_of_an_array_that_are_killed_make_the_same_bytes(whole: Path, spec: str) -> None:
    words = ["-e", f"{spec}.yaml", "-o", f"parts-{spec}", "-v", "--skip-bad"]
    command = [*warm.command("tlt-augment"), *words]

    def begin(part: int) -> int:
        environment = {**os.environ, VARIABLE: f"array:{part}/3"}
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL).pid

    attempts.all_parts([partial(begin, part) for part in range(3)], kills=2, usual=0.5)
    assert [path.name for path in (whole / f"parts-{spec}").iterdir() if not path.name.startswith(".")] == [
        "status.json"
    ]
    assert len(list((whole / f"parts-{spec}/.augment.journal").glob("00000?"))) == 5
    assert run(f"{spec}.yaml", f"parts-{spec}") == 0
    assert attempts.tree(whole / f"parts-{spec}") == attempts.tree(whole / f"whole-{spec}")
    assert (whole / f"parts-{spec}/left_out.txt").read_text().startswith("037")


def test_a_part_does_its_own_chunks_and_says_so(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "array:1/3")
    assert run("spec.yaml", "part") == 0
    said = capsys.readouterr()
    assert "note: part 2 of 3 is done: 2 chunks" in said.err
    assert not said.out
    assert sorted(path.name for path in (whole / "part/.augment.journal").glob("0*")) == ["000001", "000004"]
    assert json.loads((whole / "part/status.json").read_text().splitlines()[-1])["status"] == "RUNNING"
    for wrong in ("array:3/3", "array:x", "array:"):
        monkeypatch.setenv(VARIABLE, wrong)
        assert run("spec.yaml", "part") == 2


def test_an_old_attempt_that_wakes_up_spoils_nothing(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], record_fault: Record
) -> None:
    place = Path(__file__).parents
    paths = os.pathsep.join(map(str, (place[2], place[1] / "helpers")))
    command = [sys.executable, "-c", ZOMBIE, "in a file", "020.jpg"]
    old = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    attempts.asleep(old.pid)
    monkeypatch.setattr(locks, "_host", lambda: "n2")
    monkeypatch.setattr(locks, "_boot", lambda: "kernel of n2")
    assert augment.main(["-e", "spec.yaml", "-v", "--skip-bad"]) == 6
    assert "on n1, slurm job 17" in capfd.readouterr().err
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert augment.main(["-e", "spec.yaml", "-v", "--skip-bad"]) == 0
    assert attempts.tree(whole / "out") == attempts.tree(whole / "whole-spec")
    before = dates(whole / "out")
    fault = record_fault("data stages", "an attempt that was given up wakes", "exit code 6, and it changes no byte")
    assert attempts.woken(old.pid) == 6
    fault.over()
    assert attempts.tree(whole / "out") == attempts.tree(whole / "whole-spec")
    assert dates(whole / "out") == before
    old.returncode = 6  # it has been waited for


def test_a_part_that_comes_after_a_bad_picture_leaves_the_others_work(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "array:0/3")
    assert run("spec.yaml", "strict") == 0
    monkeypatch.setenv(VARIABLE, "array:2/3")
    words = ["-e", "spec.yaml", "-o", "strict", "-v", "--workers", "1"]
    assert augment.main(words) == 3
    assert augmenting.CHUNK == 16, "037 is in the chunk 2, that part's"
