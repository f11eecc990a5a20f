"""A conversion killed at any instant: the next run finishes, with the same bytes, and does little again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import converters
from converters.transfer import outputs, transfer
from converters.transfer.parts import Part
from converters.transfer.selection import Selection, joint
from tltpipe.errors import HostError, RunFailed
from tltpipe.journal import Journal
from tltpipe.progress import Silent

CHILD = """
import sys
from pathlib import Path
from converters import transfer
from converters.transfer.convert import convert
from tltpipe.progress import Silent

transfer.CHUNK = 4
source, target, format, workers = sys.argv[1:]
convert(
    Path(source),
    Path(target),
    format=format,
    source_format="deepfashion2",
    progress=Silent(),
    workers=int(workers),
)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def child(source: Path, target: Path, format: str, workers: int = 1) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, source, target, format, str(workers)])


@pytest.fixture
def data(maker: Any) -> Path:
    pages = [maker.page(maker.item(1 + n % 13), maker.item(9)) for n in range(60)]
    maker.split(*pages[:40])
    return Path(maker.split(*pages[40:], name="validation")).parent


@pytest.mark.parametrize("format", ["coco", "kitti"])
def test_killed_again_and_again_ends_in_the_same_bytes(data: Path, format: str, tmp_path_factory: Any) -> None:
    work = tmp_path_factory.mktemp("work")
    assert child(data, work / "whole", format).wait() == 0
    start = time.monotonic()
    assert child(data, work / "timed", format).wait() == 0
    usual = time.monotonic() - start
    moments = random.Random(3)
    finished = False
    while not finished:
        process = child(data, work / "killed", format)
        time.sleep(usual * moments.uniform(0.6, 1.0))
        process.kill()
        process.wait()
        usual *= 1.05  # a machine that has more to do than before might not so much as start in that time
        seen = [path for path in tree(work / "killed") if not any(part.startswith(".") for part in Path(path).parts)]
        # Something is shown only once all is done and the moves are under way, which the journal's last page says.
        finished = bool(seen) and not (work / ".killed.journal").exists()
        assert not seen or finished or (work / ".killed.journal/finished").exists()
    assert tree(work / "killed") == tree(work / "whole")
    assert not [path for path in work.rglob(".*") if path.suffix != ".lock"], "no traces"


def convert(data: Path, target: Path, **options: Any) -> None:
    source = converters.splits(data, "deepfashion2")[1]
    categories = joint(list(source.values()), Selection())[0].categories
    parts = [Part(split, dataset, outputs.plan("kitti", target, split)) for split, dataset in source.items()]
    texts = outputs.texts("kitti", target, categories, list(source))
    transfer.transfer(parts, journal=target.parent / ".journal", progress=Silent(), texts=texts, **options)


@pytest.mark.parametrize("end", [KeyboardInterrupt(), RunFailed("a worker was killed"), HostError("the disk is full")])
def test_what_was_done_is_not_done_again(
    data: Path, tmp_path: Path, end: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "CHUNK", 4)
    notes: list[int] = []
    real = Journal.note

    def note(self: Journal, number: int, what: Any) -> None:
        if len(notes) == 9:
            raise end  # as a signal would, between two pictures, or a worker
        notes.append(number)
        real(self, number, what)

    monkeypatch.setattr(Journal, "note", note)
    with pytest.raises(type(end)):
        convert(data, tmp_path / "out")
    assert notes == list(range(9))
    monkeypatch.setattr(Journal, "note", lambda self, number, what: (notes.append(number), real(self, number, what)))
    convert(data, tmp_path / "out")
    assert notes == list(range(15)), "15 chunks, each once"
    assert len(list((tmp_path / "out/train/label_2").iterdir())) == 40


def test_the_journal_of_very_many_pictures_has_no_more_entries(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks grow with the number of pictures, of all splits together; bytes are the same."""
    monkeypatch.setattr(transfer, "CHUNK", 4)
    notes: list[int] = []
    real = Journal.note
    monkeypatch.setattr(Journal, "note", lambda self, number, what: (notes.append(number), real(self, number, what)))
    convert(data, tmp_path / "few")
    monkeypatch.setattr("tltpipe.journal.ENTRIES", 6)
    convert(data, tmp_path / "many")
    assert notes == [*range(15), *range(6)], "60 pictures: by 4, then by 10"
    assert tree(tmp_path / "few") == tree(tmp_path / "many")


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_killed_among_the_last_moves(data: Path, tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    convert(data, tmp_path / "whole")
    done = []

    def swap(staging: Path, target: Path) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(target)
        staging.rename(target)

    with monkeypatch.context() as patch:
        patch.setattr("tltpipe.journal.swap", swap)
        with pytest.raises(KeyboardInterrupt):
            convert(data, tmp_path / "out")
    convert(data, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert not list(tmp_path.glob(".journal*"))


def test_another_choice_or_changed_data_start_anew(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**options: Any) -> list[int]:
        notes: list[int] = []
        real = Journal.note

        def note(self: Journal, number: int, what: Any) -> None:
            notes.append(number)
            real(self, number, what)
            if number == 3:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(transfer, "CHUNK", 4)
            patch.setattr(Journal, "note", note)
            with pytest.raises(KeyboardInterrupt):
                convert(data, tmp_path / "out", **options)
        return notes

    assert interrupted() == [0, 1, 2, 3]
    assert interrupted(selection=Selection(min_size=2)) == [0, 1, 2, 3], "another choice"
    path = data / "train/annos/000001.json"
    path.write_text(path.read_text() + " ")
    assert interrupted(selection=Selection(min_size=2)) == [0, 1, 2, 3], "other data"
    monkeypatch.setattr("tltpipe.journal.FORM", 0)
    assert interrupted(selection=Selection(min_size=2)) == [0, 1, 2, 3], "entries of another version"


def test_sigterm_keeps_what_was_done(data: Path, tmp_path: Path) -> None:
    command = [
        Path(sys.executable).parent / "tltpipe",
        "convert",
        data,
        tmp_path / "out",
        "--from",
        "deepfashion2",
        "--to",
        "kitti",
    ]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    told = process.communicate()[1].decode()
    assert process.returncode in (0, 130, -signal.SIGTERM)
    assert "Traceback" not in told
