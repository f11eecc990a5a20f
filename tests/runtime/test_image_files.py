"""Images by their names without extension: which there are, which are left out, and which belongs to a frame."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from refusals import error_of

from runtime.data.image_files import FrameImages, ImageFiles
from runtime.shell import folders
from tltpipe.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.JPG", "c.png", "in/a.webp", "in/b.heic", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("extension", "any_case", "found", "others"),
    [
        (None, False, ["a.jpg", "b.JPG", "c.png", "in/a.webp"], []),
        (".jpg", False, ["a.jpg"], ["b.JPG", "c.png", "in/a.webp"]),
        (".jpg", True, ["a.jpg", "b.JPG"], ["c.png", "in/a.webp"]),
        (".txt", False, ["notes.txt"], ["a.jpg", "b.JPG", "c.png", "in/a.webp"]),
    ],
)
def test_which_count(folder: Path, extension: str | None, any_case: bool, found: list[str], others: list[str]) -> None:
    files = ImageFiles(folder, extension, any_case)
    assert list(files.by_stem.values()) == found
    assert list(files.by_stem) == [name.rpartition(".")[0] for name in found]
    assert (files.others, files.unsupported) == (others, ["in/b.heic"])


def test_what_is_left_out_is_counted(folder: Path) -> None:
    left_out, unread = ImageFiles(folder, ".jpg").notes()
    assert "1 .JPG, 1 .png, 1 .webp" in left_out
    assert "1 .heic" in unread
    assert len(list(ImageFiles(folder).notes())) == 1


@pytest.mark.parametrize(("extension", "word"), [(".png", "see image_extension"), (None, "convert them")])
def test_where_there_is_none_it_is_said_what_there_is(tmp_path: Path, extension: str | None, word: str) -> None:
    (tmp_path / "a.heic").touch()
    hint = folders.no_images(tmp_path, extension).hint or ""
    assert hint.startswith("there are .heic")
    assert word in hint


def test_two_of_one_name_are_both_named(folder: Path) -> None:
    (folder / "in/a.png").touch()
    with pytest.raises(DataError, match=r'"in/a\.png" and "in/a\.webp"'):
        _ = ImageFiles(folder).by_stem
    assert list(ImageFiles(folder, ".png").by_stem) == ["c", "in/a"]


def test_worker_processes_get_no_listing(folder: Path) -> None:
    files = ImageFiles(folder)
    assert files.by_stem
    assert len(pickle.dumps(files)) < 400


def test_frames_find_their_images(folder: Path) -> None:
    named = FrameImages(folder, None)
    assert [named(id) for id in ("a", "b", "c", "in/a", "gone")] == ["a.jpg", "b.JPG", "c.png", "in/a.webp", "gone.jpg"]
    assert named.renamed == []


def test_another_extension_than_the_one_set_is_found_and_counted(folder: Path) -> None:
    named = FrameImages(folder, ".jpg")
    assert [named(id) for id in ("a", "b", "in/a")] == ["a.jpg", "b.JPG", "in/a.webp"]
    assert named.renamed == ["b.JPG", "in/a.webp"]
    strict = FrameImages(folder, ".jpg", lenient=False)
    assert (strict("b"), strict.renamed) == ("b.jpg", [])


def test_several_images_of_a_frame_are_an_error_unless_the_extension_tells(folder: Path) -> None:
    (folder / "a.png").touch()
    assert error_of(DataError, lambda: FrameImages(folder, None)("a"), match=r"a\.jpg.*a\.png").code == "F105"
    assert FrameImages(folder, ".jpg")("a") == "a.jpg"
