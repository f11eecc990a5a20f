"""prepare in a workspace: other formats, choices, data that cannot be written, and what training makes of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import warm
from PIL import Image
from raw_data import coco

from orchestrator import pipeline, session
from orchestrator.run import Run
from orchestrator.screen.report import Quiet
from orchestrator.stages import prepare
from tltpipe.errors import DataError


def tltpipe(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [*warm.command("tltpipe"), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_data_in_another_format_is_prepared_beside_it(workspace: Path) -> None:
    converted = tltpipe("convert", "Original-Data", "Boxes", "--from", "deepfashion2", "--to", "kitti", cwd=workspace)
    assert converted.returncode == 0, converted.stderr
    (workspace / "tltpipe.yaml").write_text("data:\n  root: Boxes\n  format: kitti\n  classes: [long_sleeved_shirt]\n")
    result = tltpipe("prepare", cwd=workspace)
    assert result.returncode == 0, result.stderr
    assert (workspace / "KITTI/train/image").resolve() == (workspace / "Boxes/train/image_2").resolve()
    assert (
        (workspace / "KITTI/classes.txt").read_text()
        == (workspace / "COCO/classes.txt").read_text()
        == "long_sleeved_shirt\n"
    )
    page = json.loads((workspace / "COCO/train.json").read_text())
    assert [record["name"] for record in page["categories"]] == ["long_sleeved_shirt"]
    spec = (workspace / "specs/train.conf").read_text()
    assert 'key: "long_sleeved_shirt"' in spec
    assert spec.count("target_class_mapping") == 1
    augmented = tltpipe("augment", cwd=workspace)
    assert augmented.returncode == 0, augmented.stderr
    again = tltpipe("prepare", cwd=workspace)
    assert "nothing changed" in again.stdout


def test_options_of_the_command_are_settings(workspace: Path) -> None:
    result = tltpipe("prepare", "--subset", "2", "--rename", "skirt=bottom", "--skip-bad", cwd=workspace)
    assert result.returncode == 0, result.stderr
    assert len(list((workspace / "Original-Data/train/label").iterdir())) == 2
    assert "bottom" in (workspace / "Original-Data/classes.txt").read_text().split()
    wrong = tltpipe("prepare", "--set", "data.max_zoom=7", cwd=workspace)
    assert wrong.returncode == 2
    assert "max_zoom" in wrong.stderr
    unknown = tltpipe("prepare", "--classes", "socks", cwd=workspace)
    assert unknown.returncode == 2
    assert 'no class "socks"' in unknown.stderr
    nothing = tltpipe("prepare", "--classes", "sling_dress", cwd=workspace)
    assert nothing.returncode == 3
    assert "all of train is lost" in nothing.stderr


def test_parts_of_an_array_meet_in_the_workspace(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at the same time; none of them has done the stage, which the command without an executor finds ready."""
    begun = []
    for part in (1, 0):
        monkeypatch.setenv("TLTPIPE_EXECUTOR", f"array:{part}/2")
        command = [*warm.command("tltpipe"), "prepare"]
        begun.append(subprocess.Popen(command, cwd=workspace, stderr=subprocess.PIPE, text=True))
    said = [process.communicate()[1] for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    assert "note: part 2 of 2 is done" in said[0]
    assert not (workspace / "COCO/train.json").exists()
    monkeypatch.delenv("TLTPIPE_EXECUTOR")
    assert not list((workspace / ".tltpipe").glob("**/prepare*.json")), "nothing says that it was done, or begun"
    done = tltpipe("prepare", cwd=workspace)
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_bytes() for path in (workspace / "COCO").iterdir()}
    assert tltpipe("prepare", "--force", cwd=workspace).returncode == 0
    assert made == {path.name: path.read_bytes() for path in (workspace / "COCO").iterdir()}
    assert "nothing changed" in tltpipe("prepare", cwd=workspace).stdout


def test_training_refuses_classes_that_were_not_prepared(workspace: Path) -> None:
    assert tltpipe("run", "prepare", "augment", "tfrecords", cwd=workspace).returncode == 0
    result = tltpipe("train", "--set", "data.classes=[skirt]", cwd=workspace)
    assert result.returncode == 3
    assert "classes changed: all -> skirt" in result.stderr
    assert "tltpipe run" in result.stderr


def test_labels_go_elsewhere_where_the_data_cannot_be_written(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = session.os.access
    raw = workspace / "Original-Data"
    # Root may write anywhere but on a read-only file system, which a test cannot mount: only the question is answered.
    monkeypatch.setattr(
        session.os, "access", lambda path, mode: not Path(path).is_relative_to(raw) and real(path, mode)
    )
    run = session.start(workspace, Quiet(), flags={})
    assert run.workspace.kitti("train") == workspace / "KITTI/train"
    told: dict[str, Any] = prepare.execute(run)
    assert told["train"]["images"] == len(list((workspace / "KITTI/train/label").iterdir()))
    assert (workspace / "KITTI/train/image").resolve() == raw / "train/image"
    assert not (raw / "train/label").exists()


def _workspace(folder: Path, labels: str, settings: str = "") -> Path:
    """A workspace with two splits of KITTI's, an image of 100 x 80 pixels each."""
    for split in ("train", "validation"):
        raw = folder / "Original-Data" / split
        for part in ("image_2", "label_2"):
            (raw / part).mkdir(parents=True)
        Image.new("RGB", (100, 80), (9, 9, len(split))).save(raw / "image_2/1.jpg")
        (raw / "label_2/1.txt").write_text(labels)
    (folder / "tltpipe.yaml").write_text(f"data:\n  format: kitti\n{settings}")
    return folder


@pytest.mark.parametrize("coordinates", [None, "shares"])
def test_shares_in_a_format_of_pixels(tmp_path: Path, coordinates: str | None) -> None:
    settings = f"  coordinates: {coordinates}\n" if coordinates else ""
    root = _workspace(tmp_path, "Car 0 0 0 0.25 0.5 0.75 1 0 0 0 0 0 0 0\n", settings)
    result = tltpipe("prepare", cwd=root)
    assert result.returncode == (0 if coordinates else 3), result.stderr
    if coordinates:
        page = json.loads((root / "COCO/train.json").read_text())
        assert [each["bbox"] for each in page["annotations"]] == [[25, 40, 50, 40]]
    else:
        assert "label_2/1.txt:1: " in result.stderr
        assert "data.coordinates" in result.stderr
        assert not (root / "COCO").exists()
    converted = tltpipe("convert", "Original-Data", "out", "--to", "coco", "--coordinates", "shares", cwd=root)
    assert converted.returncode == 0, converted.stderr
    assert tltpipe("convert", "Original-Data", "other", "--to", "coco", cwd=root).returncode == 3


def seen(root: Path) -> tuple[int, ...]:
    with Image.open(root / "KITTI/train/image/one.png") as picture:
        return tuple(picture.getpixel((0, 0)))  # type: ignore[arg-type]


def test_other_raw_data_come_with_their_own_pictures(start: Callable[..., Run], tmp_path: Path) -> None:
    """The labels of one data set and the pictures of another, of the same names, would train without a word."""
    root = tmp_path / "own"
    coco(root / "first", 10)
    coco(root / "second", 200)
    for name, colour in (("first", 10), ("second", 200)):
        pipeline.execute(start(root=root, **{"data.root": name}), ["prepare"])
        assert seen(root) == (colour,) * 3
    (root / "KITTI/train/image").unlink()
    (root / "KITTI/train/image").mkdir()
    Image.new("RGB", (64, 64), (99,) * 3).save(root / "KITTI/train/image/one.png")
    run = start(root=root, **{"data.root": "first"})
    pipeline.execute(run, ["prepare"])
    assert seen(root) == (99,) * 3
    assert any("KITTI/train/image" in line and "warning" in line for line in run.report.told)  # type: ignore[attr-defined]


def test_a_preparation_that_fails_leaves_the_links_and_one_that_is_gone_is_made_again(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    root = tmp_path / "own"
    coco(root / "raw", 10)
    again = partial(pipeline.execute, names=["prepare"])
    again(start(root=root, **{"data.root": "raw"}))
    (root / "raw/val/one.png").rename(root / "one.png")
    with pytest.raises(DataError):
        again(start(root=root, **{"data.root": "raw"}))
    (root / "one.png").rename(root / "raw/val/one.png")
    assert seen(root) == (10, 10, 10)
    (root / "KITTI/train/image").unlink()
    (result,) = again(start(root=root, **{"data.root": "raw"}))
    assert (result.state, seen(root)) == ("ran", (10, 10, 10))


def test_labels_of_a_linked_split_go_to_a_folder_of_our_own(
    start: Callable[..., Run], workspace: Path, tmp_path: Path
) -> None:
    raw = workspace / "Original-Data" / "train"
    raw.rename(tmp_path / "disk")
    raw.symlink_to(tmp_path / "disk")
    before = sorted(tmp_path.joinpath("disk").rglob("*"))
    pipeline.execute(start(), ["prepare"])
    assert list((workspace / "KITTI" / "train" / "label").glob("*.txt"))
    assert sorted(tmp_path.joinpath("disk").rglob("*")) == before
