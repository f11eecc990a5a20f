"""Files that several attempts make: nobody writes into what another one has made, and nothing is made in vain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tltpipe import staging
from tltpipe.errors import HostError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".out.partial").mkdir()
    return tmp_path / ".out.partial"


def test_folders_of_a_name_are_made(folder: Path) -> None:
    staging.write(str(folder), "a/b/1.txt", b"x" * 100_000)
    staging.write(str(folder), "a/2.txt", b"")
    assert (folder / "a/b/1.txt").read_bytes() == b"x" * 100_000
    assert (folder / "a/2.txt").read_bytes() == b""


def test_an_older_attempt_that_goes_on_writing_spoils_nothing(folder: Path) -> None:
    older = os.open(folder / "1.txt", os.O_WRONLY | os.O_CREAT)
    os.write(older, b"who")
    staging.write(str(folder), "1.txt", b"whole")
    os.write(older, b"XXXXX and more")
    os.close(older)
    assert (folder / "1.txt").read_bytes() == b"whole"
    assert not list(staging.aside(folder).iterdir())


def test_what_somebody_reads_stays_whole_while_it_is_replaced(folder: Path) -> None:
    staging.write(str(folder), "1.txt", b"whole")
    with (folder / "1.txt").open("rb") as reader:
        staging.write(str(folder), "1.txt", b"whole")
        assert reader.read() == b"whole"
    staging.write(str(folder), "1.txt", b"whole")
    assert (folder / "1.txt").stat().st_nlink == 1


def test_a_link_under_the_name_is_replaced_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (folder / "1.txt").symlink_to(tmp_path / "victim")
    staging.write(str(folder), "1.txt", b"whole")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (folder / "1.txt").is_symlink()


@pytest.mark.parametrize("how", ["copy", "link"])
def test_pictures_are_placed_again_and_again(folder: Path, tmp_path: Path, how: str) -> None:
    source = tmp_path / "1.jpg"
    source.write_bytes(b"picture")
    os.utime(source, ns=(10**18, 10**18))
    for _ in range(3):
        getattr(staging, how)(str(folder), "a/1.jpg", str(source))
        state = (folder / "a/1.jpg").stat()
        assert (state.st_size, state.st_mtime_ns) == (7, 10**18)
        assert (state.st_ino == source.stat().st_ino) == (how == "link")
    assert not list(staging.aside(folder).iterdir())
    (folder / "a/2.jpg").symlink_to(source)
    getattr(staging, how)(str(folder), "a/2.jpg", str(source))
    assert not (folder / "a/2.jpg").is_symlink()
    with pytest.raises(FileNotFoundError):
        getattr(staging, how)(str(folder), "3.jpg", str(tmp_path / "3.jpg"))


@pytest.mark.parametrize("name", ["1.txt", "a/1.txt"])
def test_where_the_folder_is_gone_nothing_is_made(folder: Path, tmp_path: Path, name: str) -> None:
    source = str(tmp_path / "source")
    Path(source).write_bytes(b"x")
    folder.rmdir()
    for make in (
        lambda: staging.write(str(folder), name, b"x"),
        lambda: staging.copy(str(folder), name, source),
        lambda: staging.link(str(folder), name, source),
    ):
        with pytest.raises(HostError, match="gone"):
            make()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_where_it_goes_while_a_file_is_replaced_nothing_is_left(folder: Path, tmp_path: Path) -> None:
    def create(path: str) -> None:
        staging._write(path, b"x")
        (folder / "1.txt").unlink(missing_ok=True)
        folder.rmdir()

    staging.write(str(folder), "1.txt", b"x")
    with pytest.raises(HostError, match="gone"):
        staging._make(str(folder), "1.txt", create)
    assert not list(tmp_path.iterdir())


def test_a_folder_under_the_name_is_an_error(folder: Path) -> None:
    (folder / "1.txt").mkdir()
    with pytest.raises(HostError):
        staging.write(str(folder), "1.txt", b"x")


def test_what_lies_on_a_disk_of_this_machine_is_not_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync costs as much as many pictures; on a server of files it is what makes them others' to read."""
    device = tmp_path.stat().st_dev
    asked: list[Path] = []
    monkeypatch.setattr(staging, "_sync", asked.append)
    monkeypatch.setattr(staging, "_MOUNTS", tmp_path / "mounts")
    line = f"1 2 {os.major(device)}:{os.minor(device)} / /a rw,relatime shared:1 - KIND server:/a rw\n"
    for kinds, flushes in ((["ext4"], 0), (["nfs4"], 1), (["ext4", "fuse.mergerfs"], 2), ([], 3)):
        (tmp_path / "mounts").write_text("".join(line.replace("KIND", kind) for kind in kinds))
        staging._is_disk.cache_clear()
        staging.flush(tmp_path)
        assert len(asked) == flushes
    staging._is_disk.cache_clear()
