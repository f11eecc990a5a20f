"""fetch into a folder that somebody prepared: nothing is unpacked, and no download continued, through a link."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from converters.fetch import archive, download, fetch, unpacking
from converters.fetch.datasets import deepfashion2
from tltpipe.errors import DataError
from tltpipe.progress import Silent


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    with zipfile.ZipFile(source / "train.zip", "w") as zipped:
        for number in (1, 2):
            zipped.writestr(f"train/image/{number:06d}.jpg", b"picture" * number)
            zipped.writestr(f"train/annos/{number:06d}.json", b"{}")
    return source


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "000001.jpg").write_text("precious")
    return victim


def test_a_staging_folder_with_a_forged_receipt_is_not_unpacked_into(
    tmp_path: Path, source: Path, victim: Path
) -> None:
    plan = archive.judge(source / "train.zip", lambda name: deepfashion2.place(name, "train"))
    staging = tmp_path / "out/.train.partial"
    staging.mkdir(parents=True)
    (staging / "image").symlink_to(victim)
    (staging / unpacking.RECEIPT).write_text(json.dumps(unpacking.identity(plan)))
    fetched = fetch("deepfashion2", tmp_path / "out", password=str, source=source, workers=1)
    assert fetched.splits[0].kept == 0
    assert (tmp_path / "out/train/image/000001.jpg").read_bytes() == b"picture"
    assert [path.name for path in victim.iterdir()] == ["000001.jpg"]
    assert (victim / "000001.jpg").read_text() == "precious"


def test_what_the_same_user_began_is_continued(tmp_path: Path, source: Path) -> None:
    plan = archive.judge(source / "train.zip", lambda name: deepfashion2.place(name, "train"))
    unpacking.unpack(plan, tmp_path / "out/.train.partial", None, progress=Silent(), what="unpack", workers=1)
    fetched = fetch("deepfashion2", tmp_path / "out", password=str, source=source, workers=1)
    assert fetched.splits[0].kept == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train"]


def test_a_receipt_of_any_form_is_none(tmp_path: Path) -> None:
    for text in ("[" * 100_000, "{", "[]", "5"):
        (tmp_path / unpacking.RECEIPT).write_text(text)
        assert unpacking.receipt(tmp_path) is None


def test_a_partial_download_that_is_a_link_is_not_written_through(tmp_path: Path, victim: Path) -> None:
    arriving = tmp_path / "train.zip.download"
    (tmp_path / "train.zip.downloadabc.part").symlink_to(victim / "000001.jpg")
    download._adopt_whole(arriving)
    assert list(tmp_path.glob("*.part")) == []
    assert (victim / "000001.jpg").read_text() == "precious"


def test_an_archive_with_a_link_is_refused_whoever_made_it(tmp_path: Path, source: Path) -> None:
    with zipfile.ZipFile(source / "train.zip", "a") as zipped:
        link = zipfile.ZipInfo("train/image")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        zipped.writestr(link, "/etc")
    with pytest.raises(DataError, match="symbolic link"):
        fetch("deepfashion2", tmp_path / "out", password=str, source=source, workers=1)
    assert not (tmp_path / "out").exists()
