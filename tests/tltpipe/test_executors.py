"""Which executor works on the items of a parallel map, and what one that does only a part of them may be used for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tltpipe import executors, registry
from tltpipe.errors import UsageError
from tltpipe.executors import _sights, processes
from tltpipe.files import fingerprint
from tltpipe.workers import parallel_map


def test_the_variable_chooses_and_a_block_overrules_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(executors.VARIABLE, raising=False)
    assert isinstance(executors.chosen(), processes.Processes)
    monkeypatch.setenv(executors.VARIABLE, "rey:127.0.0.1:1")
    with pytest.raises(UsageError, match="rey"):
        executors.chosen()
    with executors.using("processes"):
        assert list(parallel_map(abs, [-1, -2], workers=1)) == [1, 2]
        with executors.using(None):
            assert isinstance(executors.chosen(), processes.Processes)
    with pytest.raises(UsageError):
        parallel_map(abs, [-1])
    assert "processes" in registry.names("tltpipe.executors")


def test_one_of_several_parts() -> None:
    with executors.using("array:1/3"):
        with pytest.raises(UsageError, match="no journal"):
            parallel_map(abs, [-1])
        assert list(parallel_map(abs, range(-9, 0), workers=1, resumable=True)) == [8, 5, 2]
        divided = executors.divided()
        assert divided is not None
        assert str(divided.part()) == "part 2 of 3 is done: 3 chunks"
        assert "0 chunks" in str(divided.part())  # those of the next piece of work


def test_what_another_machine_does_not_see_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sights, "LAG", 0)
    folder, file = tmp_path / "images", tmp_path / "labels" / "train.json"
    for path in (folder / "1.jpg", file, tmp_path / "cache" / "copy.json"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("what it holds")
    inputs = [folder, file, tmp_path / "missing", tmp_path / "cache" / "copy.json"]
    wanted = _sights.sights(inputs, but=[str(tmp_path / "cache")])
    assert (len(wanted), _sights.unseen(wanted)) == (2, "")
    file.write_text("another one")
    assert _sights.unseen(wanted) == str(file.parent)
    (folder / "1.jpg").unlink()
    assert _sights.unseen(wanted) == str(folder)


def test_what_another_process_works_out_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("some bytes")
    executors.chosen().preload("tltpipe.files")
    assert processes.started()
    assert processes.begin(fingerprint, [tmp_path])() == fingerprint([tmp_path])
    refused = processes.begin(int, "no number")
    with pytest.raises(ValueError, match="no number"):
        refused()
