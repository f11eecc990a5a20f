"""tlt-augment as a whole piece of work: killed, with bad pictures among good ones, with values drawn by chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.augmenting import work as augmenting
from runtime.augmenting.recipe import NEUTRAL, Recipe
from runtime.imaging.transforms import Blur, Colour, Spatial
from runtime.programs import augment
from tltpipe.errors import RunFailed

LINE = "vest 0.00 0 0.00 10 20 110.5 220 0 0 0 0 0 0 0\n"
SPEC = """\
spatial_config { rotation_config { angle: 5 units: "degrees" } }
color_config { brightness_config { offset: 8 } }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 64 output_image_height: 48 image_extension: ".jpg"
"""
YAML = """\
random_seed: 7
results_dir: out
data:
  dataset_type: kitti
  image_dir: data/image
  ann_path: data/label
  output_image_width: 64
  output_image_height: 48
spatial_aug:
  rotation: {angle: [-20, 20]}
  translation: {translate_x: [0, 5, 9, 13]}
color_aug:
  brightness: {offset: [-40, 40]}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("image", "label"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "augment.conf").write_text(SPEC)
    (tmp_path / "augment.yaml").write_text(YAML)
    return tmp_path


def add(work: Path, *numbers: int, size: tuple[int, int] = (120, 90)) -> None:
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize(size)
        image.save(work / "data" / "image" / f"{number:03d}.jpg")
        (work / "data" / "label" / f"{number:03d}.txt").write_text(LINE)


def proto(*options: str, output: str = "out") -> int:
    return augment.main(["-d", "data", "-a", "augment.conf", "-o", output, *options])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_killed_at_any_instant_ends_in_the_same_bytes(work: Path) -> None:
    add(work, *range(100), size=(400, 300))
    assert proto(output="whole") == 0
    code = "import sys; from runtime.programs.augment import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-d", "data", "-a", "augment.conf", "-o", "out", "--workers", "1"]
    journal = work / "out" / ".augment.journal"
    killed = 0
    for wanted in (1, 3, 5):
        process = subprocess.Popen(command, cwd=work, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})
        deadline = time.monotonic() + 30
        while len(list(journal.glob("0*"))) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        killed += process.poll() is None
        process.kill()
        process.wait()
        assert not (work / "out" / "images").exists() or process.returncode == 0
    assert killed >= 2
    done = {path: path.stat().st_mtime_ns for path in journal.glob("0*")}
    finished = {number for number in range(100) if work / f"out/.augment.journal/{number // 16:06d}" in done}
    before = {number: (work / f"out/.images.partial/{number:03d}.jpg").stat().st_mtime_ns for number in finished}
    assert proto() == 0
    assert tree(work / "out") == tree(work / "whole")
    after = {number: (work / f"out/images/{number:03d}.jpg").stat().st_mtime_ns for number in finished}
    assert before == after, "what was done is not done again"


def test_another_spec_does_not_go_on_from_there(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(work, *range(40))
    assert proto(output="whole") == 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(augmenting.Journal, "commit", stop)
        (work / "augment.conf").write_text(SPEC.replace("angle: 5", "angle: 50"))
        assert proto() == 130
    (work / "augment.conf").write_text(SPEC)
    assert proto() == 0
    assert tree(work / "out") == tree(work / "whole")


def test_what_another_version_did_is_done_again(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its chunks, which are numbered, may be of other sizes."""
    add(work, *range(40))
    assert proto(output="whole") == 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tltpipe.journal.FORM", 0)
        patch.setattr(augmenting, "CHUNK", 4)
        patch.setattr(augmenting.Journal, "commit", stop)
        assert proto() == 130
    assert proto() == 0
    assert tree(work / "out") == tree(work / "whole")


def test_skip_bad_leaves_them_out_and_lists_them(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, 1, 2, 3, 4)
    (work / "data/image/002.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (work / "data/label/003.txt").write_text("vest 0 0 0 10 20\n")
    assert proto("--skip-bad", "-r", "results") == 0
    assert sorted(path.name for path in (work / "out/images").iterdir()) == ["001.jpg", "004.jpg"]
    assert sorted(path.name for path in (work / "out/labels").iterdir()) == ["001.txt", "004.txt"]
    lines = (work / "out/left_out.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["002.jpg", "003.jpg"]
    assert "data/label/003.txt:1: 6 columns" in lines[1]
    assert "2 pictures are left out" in capsys.readouterr().err
    last = json.loads((work / "results/status.json").read_text().splitlines()[-1])
    lost = [{"reason": "left out: images that cannot be used", "images": 2, "items": 1}]
    losses = {"in": {"images": 4, "items": 3}, "out": {"images": 2, "items": 2}, "lost": lost}
    assert (last["status"], last["kpi"].pop("losses")) == ("SUCCESS", losses)
    assert last["kpi"] == {"num_images": 2, "num_boxes": 2, "left_out": 2}


def test_nothing_but_bad_pictures(work: Path) -> None:
    add(work, 1)
    (work / "data/image/001.jpg").write_bytes(b"")
    assert proto("--skip-bad") == 3
    assert not (work / "out").exists()


def test_drawn_values_depend_on_seed_and_name_alone(work: Path) -> None:
    add(work, *range(70))
    assert augment.main(["-e", "augment.yaml", "--workers", "2"]) == 0
    many = tree(work / "out")
    for number in range(70):
        if number != 31:
            (work / f"data/image/{number:03d}.jpg").unlink()
            (work / f"data/label/{number:03d}.txt").unlink()
    assert augment.main(["-e", "augment.yaml", "results_dir=alone", "--workers", "1"]) == 0
    alone = tree(work / "alone")
    for name in ("images/031.jpg", "labels/031.txt"):
        assert alone[name] == many[name]
    labels = {content for name, content in many.items() if name.startswith("labels")}
    assert len(labels) > 60, "every picture has its own angle"
    assert augment.main(["generate", "-e", "augment.yaml", "results_dir=other", "random_seed=8"]) == 0
    assert tree(work / "other")["labels/031.txt"] != alone["labels/031.txt"]
    assert augment.main(["-e", "augment.yaml", "results_dir=same", "--seed", "8"]) == 0
    assert tree(work / "same")["labels/031.txt"] == tree(work / "other")["labels/031.txt"]


def test_values_stay_in_their_ranges() -> None:
    recipe = Recipe({"angle": (-20, 20), "translate_x": (0, 5, 9, 13), "hue": (), "offset": (4,)})
    drawn = [(recipe._drawn(str(name), "angle"), recipe._drawn(str(name), "translate_x")) for name in range(400)]
    angles, shifts = zip(*drawn, strict=True)
    assert -20 <= min(angles) < -18 < 18 < max(angles) <= 20
    assert set(shifts) == {0, 5, 9, 13}
    assert abs(np.mean(angles)) < 2
    assert abs(np.corrcoef(angles, shifts)[0, 1]) < 0.15


def test_what_changes_nothing_is_the_same_everywhere() -> None:
    neutral = vars(Spatial()) | vars(Colour()) | vars(Blur())
    assert {key: neutral[key] for key in NEUTRAL} == NEUTRAL


def test_the_older_arithmetic_turns_the_other_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, 1, size=(100, 100))
    assert proto(output="new") == 0
    assert proto("--arithmetic", "tlt2", "-r", "old", output="old") == 0
    (work / "augment.conf").write_text(SPEC.replace("angle: 5", "angle: -5"))
    assert proto(output="back") == 0
    assert (work / "old/labels/001.txt").read_text() == (work / "back/labels/001.txt").read_text()
    assert (work / "old/labels/001.txt").read_text() != (work / "new/labels/001.txt").read_text()
    assert "Arithmetic: tlt2" in (work / "old/status.json").read_text()


def test_names_of_folders_may_be_kept(work: Path) -> None:
    add(work, 1)
    assert proto("--keep-names", "-v") == 0
    assert sorted(path.name for path in (work / "out").iterdir()) == ["image", "images_annotated", "label"]


def test_boxes_outside_may_be_dropped(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, 1)
    (work / "data/label/001.txt").write_text(LINE + LINE.replace("10 20 110.5 220", "500 500 600 600"))
    assert proto(output="kept") == 0
    assert len((work / "kept/labels/001.txt").read_text().splitlines()) == 2
    assert proto("--drop-outside") == 0
    assert len((work / "out/labels/001.txt").read_text().splitlines()) == 1
    assert "1 boxes were dropped" in capsys.readouterr().out


def test_antialias_may_decode_at_a_part_of_the_size(work: Path) -> None:
    add(work, 1, size=(1024, 768))
    (work / "augment.conf").write_text(SPEC.replace("spatial_config { rotation_config", "spatial_config { } #"))
    for options, name in (((), "plain"), (("--antialias", "--reduced-decode"), "part"), (("--antialias",), "full")):
        assert proto(*options, output=name) == 0
    plain, part, full = (
        np.asarray(Image.open(work / name / "images/001.jpg")).astype(float) for name in ("plain", "part", "full")
    )
    assert tree(work / "plain")["labels/001.txt"] == tree(work / "part")["labels/001.txt"]
    assert 10 * np.log10(255**2 / ((part - full) ** 2).mean()) > 34
    assert ((plain - full) ** 2).mean() > ((part - full) ** 2).mean()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "-a, -d, -o missing"),
        (["-a", "augment.conf", "-d", "data"], "-o missing"),
        (["-a", "augment.conf", "-d", "data", "-o", "out", "random_seed=3"], "only a YAML spec"),
        (["-e", "augment.yaml", "data.image_dir=nowhere"], "there is no folder nowhere"),
        (["-e", "augment.yaml", "data.dataset_type=coco"], "there is no file data/label"),
        (
            [
                "-e",
                "augment.yaml",
                "spatial_aug.rotation.refine_box.enabled=True",
                "spatial_aug.rotation.refine_box.gt_cache=masks.json",
            ],
            "no outlines",
        ),
        (["-e", "augment.yaml", "results_dir=data", "--keep-names"], "would replace its own input"),
    ],
)
def test_what_cannot_be_done_is_told(
    work: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add(work, 1)
    assert augment.main(arguments) == 2
    assert told in capsys.readouterr().err
    assert not (work / "out").exists()


def test_a_spec_with_all_defaults_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert augment.main(["--default-spec"]) == 0
    assert "random_seed: 42" in capsys.readouterr().out


def test_what_was_done_before_a_worker_was_killed_serves_the_next_run(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(work, *range(40), size=(80, 60))
    assert proto(output="whole") == 0

    def killed(function: Callable[..., int], items: Iterable[Any], **_: Any) -> Iterator[int]:
        yield from map(function, islice(items, 2))
        raise RunFailed("a worker process was killed")

    with monkeypatch.context() as broken:
        broken.setattr(augmenting, "parallel_map", killed)
        assert proto() == 1
    assert not (work / "out" / "images").exists()
    done = {path: path.stat().st_mtime_ns for path in (work / "out").rglob("*.jpg")}
    assert len(done) == 2 * augmenting.CHUNK
    assert proto() == 0
    assert tree(work / "out") == tree(work / "whole")
    assert set(done.values()) <= {path.stat().st_mtime_ns for path in (work / "out").rglob("*.jpg")}
