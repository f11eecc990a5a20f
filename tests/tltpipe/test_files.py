import os
from pathlib import Path

import pytest

from tltpipe import files
from tltpipe.errors import HostError, RunFailed
from tltpipe.workers import parallel_map


def test_atomic_leaves_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    files.write_text(target, "old")
    with pytest.raises(RuntimeError), files.atomic(target) as stream:
        stream.write("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


def test_atomic_respects_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_staged_swaps_whole_folders(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "stale").write_text("")
    with files.staged(target) as staging:
        (staging / "fresh").write_text("")
        assert (target / "stale").exists()
    assert [p.name for p in target.iterdir()] == ["fresh"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_staged_keeps_the_old_folder_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("")
    with pytest.raises(KeyboardInterrupt), files.staged(target) as staging:
        (staging / "half").write_text("")
        raise KeyboardInterrupt
    assert [p.name for p in target.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_way_is_a_host_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="file is where a folder is needed"), files.atomic(tmp_path / "file" / "a"):
        pass


def test_fingerprint_sees_content_changes_and_missing_paths(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = files.fingerprint([tmp_path])
    assert files.fingerprint([tmp_path]) == first
    (tmp_path / "a").write_text("22")
    second = files.fingerprint([tmp_path])
    assert second != first
    (tmp_path / ".hidden").write_text("")
    assert files.fingerprint([tmp_path]) == second
    assert files.fingerprint([tmp_path, tmp_path / "none"]) != second


def _square(number: int) -> int:
    if number == 13:
        raise ValueError("thirteen")
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_parallel_map_keeps_order_and_raises_in_turn(workers: int) -> None:
    assert list(parallel_map(_square, range(10), workers=workers)) == [n * n for n in range(10)]
    results = parallel_map(_square, range(10, 20), workers=workers)
    assert [next(results) for _ in range(3)] == [100, 121, 144]
    with pytest.raises(ValueError, match="thirteen"):
        next(results)


def test_a_worker_that_is_killed_is_one_error() -> None:
    with pytest.raises(RunFailed, match="killed"):
        list(parallel_map(os._exit, range(1, 40), workers=2))


def test_json_that_anybody_may_have_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert files.read_json(path) == {}
    for text in ("", "[1]", "{", "\udcff", "[" * 100_000):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert files.read_json(path) == {}
    path.write_text('{"a": 1}')
    assert files.read_json(path) == {"a": 1}


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a").startswith("ba7816bf")
