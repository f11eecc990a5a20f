"""Links in output folders, and staging names that are taken: nothing elsewhere is written, emptied or removed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.programs import augment, dataset_convert
from runtime.shell import program
from tltpipe import files, locks
from tltpipe.errors import HostError


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder elsewhere with what outputs are called, too."""
    victim = tmp_path / "victim"
    for name in ("image_2/000.jpg", "label_2/000.txt", "train/labels/000.txt", "000.jpg", "000.txt", "train.json"):
        (victim / name).parent.mkdir(parents=True, exist_ok=True)
        (victim / name).write_text(f"precious {name}")
    return victim


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def augmented(*more: str) -> int:
    return augment.main(["-d", "Original-Data/train", "-a", "augment.conf", "-o", "out", *more])


CONVERT = ("convert", "Original-Data", "out", "--from", "kitti", "--to", "kitti")


@pytest.mark.parametrize(
    "name", ["images", "labels", ".images.partial", ".labels.partial", ".images.old", ".augment.journal.gone"]
)
def test_augment_writes_through_no_link(work: Path, victim: Path, name: str) -> None:
    before = tree(victim)
    link(work / "out" / name, victim)
    assert augmented() == 0
    assert tree(victim) == before
    assert sorted(path.name for path in (work / "out/images").iterdir()) == [f"{n:03d}.jpg" for n in range(4)]
    assert not [path for path in (work / "out").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("name", ["out/left_out.txt", "results/status.json"])
def test_what_augment_tells_goes_into_no_link(work: Path, victim: Path, name: str) -> None:
    before = tree(victim)
    (work / "Original-Data/train/image/003.jpg").write_bytes(b"nothing")
    link(work / name, victim / "000.txt")
    assert augmented("--skip-bad", "-r", "results") == 0
    assert tree(victim) == before
    assert (work / name).is_file()
    assert not (work / name).is_symlink()


@pytest.mark.parametrize("append", [False, True])
def test_a_status_log_that_is_a_link_is_begun_anew(tmp_path: Path, victim: Path, append: bool) -> None:
    before = tree(victim)
    link(tmp_path / "results/status.json", victim / "train.json")
    program.StatusLog(tmp_path / "results", append=append).write("RUNNING", "begun")
    assert tree(victim) == before
    assert "begun" in (tmp_path / "results/status.json").read_text()


def test_a_journal_that_is_a_link_is_set_aside_and_what_it_leads_to_is_left(work: Path, victim: Path) -> None:
    before = tree(victim)
    link(work / "out/.augment.journal", victim)
    assert augmented() == 0
    assert tree(victim) == before
    assert (work / "out/.augment.journal.foreign").is_symlink()


@pytest.mark.parametrize("name", ["out/train/label_2", "out/train/image_2", "out/train/.label_2.partial"])
def test_convert_replaces_a_link_and_not_what_it_leads_to(work: Path, victim: Path, name: str, tltpipe: Any) -> None:
    before = tree(victim)
    link(work / name, victim)
    assert tltpipe(*CONVERT, "--force").returncode == 0
    assert tree(victim) == before
    assert len(list((work / "out/train/label_2").iterdir())) == 4


def test_convert_does_not_write_below_a_link(work: Path, victim: Path, tltpipe: Any) -> None:
    before = tree(victim)
    link(work / "out/train", victim)
    done = tltpipe(*CONVERT, "--force")
    assert done.returncode == 6
    assert "out/train" in done.stderr
    assert tree(victim) == before


def test_replacing_another_format_removes_nothing_below_a_link(work: Path, victim: Path, tltpipe: Any) -> None:
    before = tree(victim)
    (work / "out").mkdir()
    (work / "out/classes.txt").write_text("vest\n")
    link(work / "out/train", victim)
    assert tltpipe(*CONVERT[:-1], "coco", "--force").returncode == 0
    assert tree(victim) == before
    assert (work / "out/annotations/instances_train.json").is_file()


def test_a_mended_copy_is_made_through_no_link(work: Path, victim: Path, tltpipe: Any) -> None:
    (victim / "train").rename(victim / "was")
    Image.new("L", (120, 90), 9).save(work / "Original-Data/train/image/000.jpg")  # is stored anew
    before = tree(victim)
    link(work / ".out.anew", victim)
    assert tltpipe("check", "Original-Data", "--fix", "out").returncode == 0
    assert tree(victim) == before
    assert (work / "out/train/image_2/000.jpg").is_file()


def test_the_folder_that_the_user_names_may_be_a_link(work: Path, tmp_path: Path, tltpipe: Any) -> None:
    (tmp_path / "large").mkdir()
    link(work / "out", tmp_path / "large")
    assert tltpipe(*CONVERT).returncode == 0
    assert len(list((tmp_path / "large/train/label_2").iterdir())) == 4
    assert (work / "out").is_symlink()


@pytest.mark.parametrize("name", ["COCO", ".tltpipe", ".tltpipe/receipts"])
def test_prepare_does_not_write_below_a_link(work: Path, victim: Path, name: str, tltpipe: Any) -> None:
    before = tree(victim)
    link(work / name, victim)
    assert tltpipe("prepare").returncode == 6
    assert tree(victim) == before


def test_dataset_convert_writes_through_no_link(work: Path, victim: Path) -> None:
    before = tree(victim)
    link(work / "records/.x.partial", victim)
    assert dataset_convert.main(["-d", "convert.conf", "-o", "records/x"]) == 0
    assert tree(victim) == before
    assert len(list((work / "records").glob("x-fold-*"))) == 2


def test_a_planted_journal_is_no_leave_to_replace_a_full_folder(work: Path, tltpipe: Any) -> None:
    (work / "out").mkdir()
    (work / "out/mine.txt").write_text("precious")
    (work / ".out.journal").mkdir()
    done = tltpipe(*CONVERT)
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert tree(work / "out") == {"mine.txt": "precious"}


@pytest.mark.parametrize("to", ["victim", "nothing"])
def test_a_lock_that_is_a_link_makes_nothing_elsewhere(tmp_path: Path, to: str) -> None:
    target, lock = tmp_path / to, tmp_path / "x.lock"
    if to == "victim":
        target.write_text("precious")
    lock.symlink_to(target)
    with locks.held(lock, HostError("taken")):
        assert not lock.is_symlink()
        assert target.exists() == (to == "victim")
    assert to != "victim" or target.read_text() == "precious"


def test_a_lock_that_is_a_pipe_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.lock")
    with pytest.raises(HostError), locks.held(tmp_path / "x.lock", HostError("taken")):
        pass


@pytest.mark.parametrize("resumed", [False, True])
def test_a_staging_name_that_is_a_link_is_not_filled(tmp_path: Path, victim: Path, resumed: bool) -> None:
    before = tree(victim)
    files.beside(tmp_path / "out").symlink_to(victim)
    with files.staged(tmp_path / "out", resumed=resumed) as folder:
        (folder / "000.jpg").write_text("new")
    assert tree(victim) == before
    assert tree(tmp_path / "out") == {"000.jpg": "new"}


def test_swapping_keeps_a_file_that_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "out").write_text("precious")
    with pytest.raises(FileExistsError):
        files.swap(tmp_path / "staging", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


def test_atomic_files_replace_a_link(tmp_path: Path, victim: Path) -> None:
    before = tree(victim)
    (tmp_path / "report.json").symlink_to(victim / "train.json")
    files.write_text(tmp_path / "report.json", "{}")
    assert tree(victim) == before
    assert not (tmp_path / "report.json").is_symlink()
