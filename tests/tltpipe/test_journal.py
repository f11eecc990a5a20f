"""Journals count for their user and their work alone, whatever else lies in the folder."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, NamedTuple

import pytest

from tltpipe import locks, plain, seal
from tltpipe.errors import HostError
from tltpipe.files import beside
from tltpipe.journal import Journal, is_ours, which


class Count(NamedTuple):
    images: int
    items: int


@dataclass(frozen=True)
class Answer:
    """Fields of every kind that summaries have."""

    name: str
    counts: Counter[str]
    lost: Mapping[str, Count]
    records: list[tuple[bytes, None]]
    place: Path
    share: float = 0.0


ANSWER = Answer("train", Counter(a=2), {"why": Count(1, 2)}, [(b"\x00\xff", None)], Path("/a/b"), 0.5)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    begun = Journal(tmp_path / ".out.journal", "one work", tmp_path)
    begun.begin([], [], lambda line: pytest.fail(line))
    return begun


def other(journal: Journal, **changes: Any) -> Journal:
    return Journal(**{**vars(journal), **changes})


def test_entries_come_back_as_they_were(journal: Journal) -> None:
    journal.note(3, ANSWER)
    assert journal.noted(3)
    assert not journal.noted(4)
    back = journal.entry(3, Answer)
    assert back == ANSWER
    assert (type(back.counts), type(back.lost["why"]), type(back.place)) == (Counter, Count, type(Path()))


@pytest.mark.parametrize("changes", [{"identity": "another work"}, {"key": bytes(32)}])
def test_nothing_counts_for_another_work_or_user(journal: Journal, changes: dict[str, Any]) -> None:
    journal.note(0, 1)
    assert journal.resumes([], [])
    assert not other(journal, **changes).noted(0)
    assert not other(journal, **changes).resumes([], [])


def test_an_entry_counts_under_its_own_number_only(journal: Journal) -> None:
    journal.note(0, 1)
    (journal.folder / "000000").rename(journal.folder / "000001")
    assert not journal.noted(1)


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_changed_entry_is_none(journal: Journal, place: int) -> None:
    journal.note(0, list(range(9)))
    content = bytearray((journal.folder / "000000").read_bytes())
    content[place] ^= 1
    (journal.folder / "000000").write_bytes(content)
    assert not journal.noted(0)
    with pytest.raises(HostError, match="cannot be read"):
        journal.entry(0, list[int])
    assert not journal.folder.exists()


def test_an_entry_of_another_type_is_an_error_that_the_next_run_is_over(journal: Journal, tmp_path: Path) -> None:
    journal.note(0, ["text"])
    with pytest.raises(HostError):
        journal.entry(0, list[int])
    assert not journal.resumes([], [])
    assert [path.name for path in tmp_path.iterdir()] == [".out.journal.foreign"]


def test_what_another_user_began_is_set_aside_with_its_staging_and_nothing_is_lost(
    journal: Journal, tmp_path: Path
) -> None:
    staging = beside(tmp_path / "images")
    staging.mkdir()
    (staging / "a.jpg").write_text("half done")
    journal.note(0, 1)
    lines: list[str] = []
    colleague = other(journal, key=bytes(32))
    for _ in range(2):
        assert not colleague.resumes([staging], [])
        colleague.begin([staging], [], lines.append)
    assert len(lines) == 1
    assert (tmp_path / ".out.journal.foreign/000000").is_file()
    assert (tmp_path / ".images.partial.foreign/a.jpg").read_text() == "half done"
    assert not staging.exists()
    assert is_ours(journal.folder) is False, "it is the colleague's now"


def test_other_work_of_the_same_user_is_forgotten_quietly(journal: Journal, tmp_path: Path) -> None:
    other(journal, identity="another").begin([], [], lambda line: pytest.fail(line))
    assert [path.name for path in tmp_path.iterdir()] == [".out.journal"]


def interrupted(journal: Journal, targets: list[Path], patch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with patch.context() as within, pytest.raises(KeyboardInterrupt):
        within.setattr(Journal, "_move", stop)
        journal.commit(targets, ANSWER)


def test_an_interrupted_commit_is_ended(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(tmp_path / "a.txt").write_text("new")
    interrupted(journal, [tmp_path / "a.txt"], monkeypatch)
    assert other(journal, key=bytes(32)).committed([], Answer) is None
    assert not (tmp_path / "a.txt").exists()
    assert journal.committed([], Answer) == ANSWER
    assert (tmp_path / "a.txt").read_text() == "new"
    assert not journal.folder.exists()


def test_other_work_ends_it_too_and_gets_no_answer(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(tmp_path / "a.txt").write_text("new")
    interrupted(journal, [tmp_path / "a.txt"], monkeypatch)
    assert other(journal, identity="another").committed([], Answer) is None
    assert (tmp_path / "a.txt").read_text() == "new"


def test_nothing_moves_out_of_the_root(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    inner = other(journal, root=tmp_path / "inner")
    beside(tmp_path / "a.txt").write_text("new")
    interrupted(inner, [tmp_path / "a.txt"], monkeypatch)
    assert inner.committed([], Answer) == ANSWER
    assert not (tmp_path / "a.txt").exists()


def test_a_folder_that_moved_moves_nothing_where_it_was(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(tmp_path / "a.txt").write_text("new")
    interrupted(journal, [tmp_path / "a.txt"], monkeypatch)
    assert other(journal, root=tmp_path / "elsewhere").committed([], Answer) == ANSWER
    assert not (tmp_path / "a.txt").exists()


def test_files_in_a_journal_that_are_links_or_pipes_are_none(journal: Journal, tmp_path: Path) -> None:
    journal.note(0, 1)
    (journal.folder / "000000").rename(tmp_path / "000000")
    (journal.folder / "000000").symlink_to(tmp_path / "000000")
    os.mkfifo(journal.folder / "000001")
    assert not journal.noted(0)
    assert not journal.noted(1)
    (tmp_path / "victim").write_text("precious")
    (journal.folder / "000002.partial").symlink_to(tmp_path / "victim")
    journal.note(2, 1)
    assert (tmp_path / "victim").read_text() == "precious"


def test_names_that_are_no_text_are_written_as_escapes() -> None:
    assert plain.unpacked(plain.packed(["a\udcff", b"\xff", bytearray(b"\xfe"), {"\udcfe": 1}]), list[Any]) == [
        "a\\udcff",
        b"\xff",
        b"\xfe",
        {"\\udcfe": 1},
    ]


def test_deep_data_are_no_entry() -> None:
    with pytest.raises(plain.NotPlain):
        plain.unpacked(b"\x91" * 100_000 + b"\x01", list[Any])


@pytest.mark.parametrize("value", [object(), print, {1, object()}])
def test_what_is_no_data_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        plain.packed(value)


def key_of(folder: Path, patch: pytest.MonkeyPatch) -> bytes:
    patch.setenv("XDG_STATE_HOME", str(folder))
    seal.user_key.cache_clear()
    try:
        return seal.user_key()
    finally:
        seal.user_key.cache_clear()


def test_the_key_is_kept_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(tmp_path, monkeypatch)
    path = tmp_path / "tltpipe/seal.key"
    assert bytes.fromhex(path.read_text()) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert key_of(tmp_path, monkeypatch) == key
    assert [each.name for each in path.parent.iterdir()] == ["seal.key"]


@pytest.mark.parametrize("fault", ["open to others", "short", "a link", "no folder"])
def test_a_key_that_others_could_know_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = tmp_path / "tltpipe/seal.key"
    if fault == "no folder":
        (tmp_path / "tltpipe").write_text("a file")
    else:
        known = key_of(tmp_path, monkeypatch)
    if fault == "open to others":
        path.chmod(0o644)
    if fault == "short":
        path.write_bytes(b"")
    if fault == "a link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    one, other = key_of(tmp_path, monkeypatch), key_of(tmp_path, monkeypatch)
    assert one != other, "good for one process"
    assert fault == "no folder" or known not in (one, other)


def test_a_container_is_given_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given").write_text("ab" * 32)
    (tmp_path / "given").chmod(0o400)
    monkeypatch.setenv("TLTPIPE_SEAL_KEY", str(tmp_path / "given"))
    assert key_of(tmp_path, monkeypatch) == b"\xab" * 32
    monkeypatch.setenv("TLTPIPE_SEAL_KEY", str(tmp_path / "not there"))
    assert key_of(tmp_path, monkeypatch) != b"\xab" * 32


def test_where_the_state_folder_cannot_be_written_the_runtime_folder_keeps_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("a file")
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    key = key_of(tmp_path / "state", monkeypatch)
    assert bytes.fromhex((tmp_path / "run/tltpipe/seal.key").read_text()) == key


def test_the_identity_of_work_is_that_of_its_values(tmp_path: Path) -> None:
    one = plain.identity(ANSWER, [1, "1"], {"a": (1.5, None)}, Path)
    assert one == plain.identity(
        Answer("train", Counter(a=2), {"why": Count(1, 2)}, [(b"\x00\xff", None)], Path("/a/b"), 0.5),
        [1, "1"],
        {"a": (1.5, None)},
        Path,
    )
    for changed in ([1, 1], ["1", "1"], [1], [1, "1", None], [[1], "1"]):
        assert one != plain.identity(ANSWER, changed, {"a": (1.5, None)}, Path)


def test_work_is_done_once_and_not_at_all_where_it_is_another_ones(journal: Journal) -> None:
    done: list[int] = []

    def work() -> int:
        done.append(1)
        return 7

    assert [journal.once(4, work), journal.once(4, work)] == [4, 4]
    assert (done, journal.entry(4, int)) == ([1], 7)
    other(journal, identity="another").begin([], [], lambda line: pytest.fail(line))
    for gone in (lambda: journal.once(5, work), lambda: journal.note(5, 7), lambda: journal.entry(4, int)):
        with pytest.raises(HostError, match="another run"):
            gone()
    assert done == [1]
    assert [path.name for path in journal.folder.iterdir()] == ["identity"], "the other one's, as it was"


def test_workers_get_a_key_for_journals_alone(journal: Journal) -> None:
    assert pickle.loads(pickle.dumps(journal)) == journal
    assert seal.user_key() not in pickle.dumps(journal)


def test_two_attempts_at_a_chunk_write_files_of_their_own(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def replace(self: Path, target: Path) -> None:
        names.append(self.name)
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    journal.note(0, 1)
    journal.note(0, 1)
    assert len(set(names)) == 2
    assert all(name.startswith(f"000000.{os.uname().nodename}-{os.getpid()}-") for name in names)


def test_a_run_that_lost_its_hold_moves_and_removes_nothing(journal: Journal, tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    beside(tmp_path / "a.txt").write_text("the new one's")
    with locks.held(lock, HostError("taken")) as hold:
        lock.write_text("another holder")
        old = other(journal, hold=hold)
        for change in (
            lambda: old.commit([tmp_path / "a.txt"], ANSWER),
            lambda: old.begin([beside(tmp_path / "a.txt")], [], print),
        ):
            with pytest.raises(HostError, match="taken over"):
                change()
        old.abandon([tmp_path / "a.txt"])
    assert journal.resumes([], [])
    assert beside(tmp_path / "a.txt").read_text() == "the new one's"
    assert lock.read_text() == "another holder"


def test_a_run_that_lost_its_hold_ends_no_commit_either(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(tmp_path / "a.txt").write_text("new")
    interrupted(journal, [tmp_path / "a.txt"], monkeypatch)
    lock = tmp_path / "x.lock"
    with locks.held(lock, HostError("taken")) as hold:
        lock.write_text("another holder")
        with pytest.raises(HostError, match="taken over"):
            other(journal, hold=hold).committed([], Answer)
    assert not (tmp_path / "a.txt").exists()


def test_a_note_for_other_machines_follows_the_files_that_it_speaks_of(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[Path, bool]] = []
    for shared in (False, True):
        each = other(journal, shared=shared)
        monkeypatch.setattr("tltpipe.journal.flush", lambda root: flushed.append((root, journal.noted(1))))
        each.once(int(shared), lambda: 7)
    assert (flushed, journal.noted(1)) == ([(journal.root, False)], True)


def test_a_data_set_is_the_same_on_another_machine(tmp_path: Path) -> None:
    """Another inode, as Lustre may give, and another device, as each client of a file server sees."""
    (tmp_path / "a").write_text("x")
    shutil.copy2(tmp_path / "a", tmp_path / "b")
    before = which(tmp_path / "a")
    (tmp_path / "b").rename(tmp_path / "a")
    assert which(tmp_path / "a") == before
    (tmp_path / "a").write_text("xy")
    assert which(tmp_path / "a") != before
    assert which(tmp_path / "none") == (str(tmp_path / "none"), 0, 0)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system")
def test_dates_of_two_clocks_are_not_compared(journal: Journal) -> None:
    with TemporaryDirectory(dir="/dev/shm") as name:
        data = Path(name)
        (data / "1.txt").write_text("one")
        os.utime(data / "1.txt", (0, 4e9))  # their server's clock is ahead
        journal.begin([], [data], print)
        assert journal.resumes([], [data])
        (data / "1.txt").write_text("two")
        os.utime(data / "1.txt", (0, 1e9))  # and now behind
        assert not journal.resumes([], [data])


def test_a_shared_folder_may_show_a_file_late(journal: Journal) -> None:
    far = other(journal, shared=True)
    far.note(0, 5)
    path = journal.folder / "000000"
    path.rename(journal.folder / "later")
    timer = Timer(0.3, lambda: (journal.folder / "later").rename(path))
    timer.start()
    assert far.entry(0, int) == 5
    timer.join()
