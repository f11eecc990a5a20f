"""fetch from archives on disk: every encryption, every refusal, going on after a kill. The zips are made here."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import pyzipper
from refusals import error_of

from converters.fetch import Fetched, archive, fetch, unpacking, zip_directory
from converters.fetch.archive import Limits
from converters.fetch.datasets import deepfashion2
from tltpipe.errors import DataError, HostError, TltpipeError, UsageError
from tltpipe.progress import Silent

pytestmark = pytest.mark.filterwarnings("ignore:PBKDF2:DeprecationWarning")
PASSWORD = "correct horse µ"
Files = dict[str, bytes]


def pictures(count: int = 3, *, prefix: str = "train/") -> Files:
    """Entries of a split: pictures that do not shrink, annotations that do."""
    noise = random.Random(1)
    told: Files = {}
    for number in range(1, count + 1):
        told[f"{prefix}image/{number:06d}.jpg"] = noise.randbytes(700 + number)
        told[f"{prefix}annos/{number:06d}.json"] = b'{"source": "user"}' * number
    return told


def plain(path: Path, entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as zipped:
        for name, data in entries.items():
            zipped.writestr(name, data)
    return path


def aes(path: Path, entries: Mapping[str, bytes], *, bits: int = 256, version: int | None = None) -> Path:
    with pyzipper.AESZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as zipped:
        zipped.setpassword(PASSWORD.encode())
        zipped.setencryption(pyzipper.WZ_AES, nbits=bits, **({"force_wz_aes_version": version} if version else {}))
        for name, data in entries.items():
            zipped.writestr(name, data)
    return path


def encrypt(data: bytes, password: bytes, check: int) -> bytes:
    """Traditional PKWARE encryption (APPNOTE.TXT 6.1) of ``data`` after its header of twelve bytes."""
    table = []
    for n in range(256):
        value = n
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = keys[0] >> 8 ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = keys[2] >> 8 ^ table[(keys[2] ^ keys[1] >> 24) & 0xFF]

    for byte in password:
        update(byte)
    out = bytearray()
    for byte in b"eleven byte" + bytes([check]) + data:
        mask = keys[2] | 2
        out.append(byte ^ (mask * (mask ^ 1) >> 8 & 0xFF))
        update(byte)
    return bytes(out)


def zip_crypto(path: Path, entries: Mapping[str, bytes], *, store: bool = False, descriptor: bool = False) -> Path:
    """A zip in the old encryption, as Info-ZIP writes it (``descriptor``) or as 7-Zip does."""
    body, directory = bytearray(), bytearray()
    for name, data in entries.items():
        crc, clock = zlib.crc32(data), 0x6A2B
        packed = data if store else zlib.compressobj(wbits=-15)
        if not isinstance(packed, bytes):
            packed = packed.compress(data) + packed.flush()
        packed = encrypt(packed, PASSWORD.encode(), clock >> 8 if descriptor else crc >> 24)
        flags, method, raw = 1 | (8 if descriptor else 0) | 0x800, 0 if store else 8, name.encode()
        local = (0, 0, 0) if descriptor else (crc, len(packed), len(data))
        sizes, offset = (crc, len(packed), len(data)), len(body)
        body += (
            struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, method, clock, 0x5A21, *local, len(raw), 0) + raw + packed
        )
        body += struct.pack("<4s3I", b"PK\7\x08", *sizes) if descriptor else b""
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, flags, method, clock, 0x5A21, *sizes, len(raw), 0, 0, 0, 0, 0, offset
        )
        directory += raw
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory) + end)
    return path


def take(folder: Path, **more: object) -> Fetched:
    """Fetch from ``folder`` into ``folder/out``."""
    settings = {"password": lambda: PASSWORD, "source": folder, "workers": 1} | more
    return fetch("deepfashion2", folder / "out", **settings)  # type: ignore[arg-type]


def lying(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def refused(folder: Path, words: str, **more: object) -> None:
    assert "train.zip" in str(error_of(DataError, lambda: take(folder, **more), match=words).where)
    assert not lying(folder / "out"), "something was written"


# What goes well

Make = Callable[[Path, Files], Path]
SCHEMES: dict[str, tuple[str | None, Make]] = {
    "plain": (None, plain),
    "stored": (None, lambda path, entries: plain(path, entries, zipfile.ZIP_STORED)),
    "bzip2": (None, lambda path, entries: plain(path, entries, zipfile.ZIP_BZIP2)),
    "ZipCrypto": ("ZipCrypto", zip_crypto),
    "ZipCrypto, stored": ("ZipCrypto", lambda path, entries: zip_crypto(path, entries, store=True)),
    "ZipCrypto of Info-ZIP": (
        "ZipCrypto",
        lambda path, entries: zip_crypto(path, entries, store=True, descriptor=True),
    ),
    "ZipCrypto of Info-ZIP, deflated": ("ZipCrypto", lambda path, entries: zip_crypto(path, entries, descriptor=True)),
    "AES-256": ("AES-256", aes),
    "AES-192": ("AES-192", lambda path, entries: aes(path, entries, bits=192)),
    "AES-128, version 1": ("AES-128", lambda path, entries: aes(path, entries, bits=128, version=1)),
    "AES-256, version 2": ("AES-256", lambda path, entries: aes(path, entries, version=2)),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_unpacks_every_scheme_and_says_which(tmp_path: Path, scheme: str) -> None:
    name, make = SCHEMES[scheme]
    entries = pictures() | {"train/annos/000009.json": b"", "train/image/000009.jpg": b"x"}
    make(tmp_path / "train.zip", entries)
    lines: list[str] = []
    fetched = take(tmp_path, say=lines.append)
    assert {f"train/{key}": data for key, data in lying(tmp_path / "out/train").items()} == entries
    assert fetched.splits[0].encryption == name
    assert fetched.splits[0].counts == {"images": 4, "annotations": 4}
    assert (name or "not encrypted") in " ".join(lines)


def test_the_encryptor_of_this_test_agrees_with_the_standard_library(tmp_path: Path) -> None:
    for descriptor in (False, True):
        with zipfile.ZipFile(zip_crypto(tmp_path / "a.zip", pictures(), descriptor=descriptor)) as zipped:
            assert {n: zipped.read(n, PASSWORD.encode()) for n in zipped.namelist()} == pictures()


@pytest.mark.parametrize("prefix", ["", "train/", "DeepFashion2/train/", "DeepFashion2/"])
def test_takes_the_layouts_in_which_archives_come(tmp_path: Path, prefix: str) -> None:
    junk = {
        "__MACOSX/train/image/._000001.jpg": b"shadow",
        f"{prefix}image/Thumbs.db": b"x",
        f"{prefix}image/.DS_Store": b"x",
        f"{prefix}annos/._000001.json": b"x",
        "readme.txt": b"hello",
    }
    plain(tmp_path / "train.zip", pictures(prefix=prefix) | junk)
    fetched = take(tmp_path)
    assert lying(tmp_path / "out/train") == pictures(prefix="")
    assert fetched.splits[0].left_out == 1


def test_archive_of_another_split_is_told(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures(prefix="validation/"))
    refused(tmp_path, "nothing of train; it holds validation/image/000001.jpg")


def test_all_archives_that_are_there_with_one_password(tmp_path: Path) -> None:
    aes(tmp_path / "train.zip", pictures())
    zip_crypto(tmp_path / "validation.zip", pictures(2, prefix=""))
    plain(tmp_path / "test.zip", {k: v for k, v in pictures(4, prefix="test/").items() if "image" in k})
    asked: list[int] = []
    fetched = take(tmp_path, password=lambda: asked.append(1) or PASSWORD)
    assert asked == [1]
    assert [(split.name, split.counts["images"]) for split in fetched.splits] == [
        ("train", 3),
        ("validation", 2),
        ("test", 4),
    ]
    assert not any(finding.rule.severity == "error" for finding in fetched.findings), (
        "the test split has no annotations"
    )


def test_again_does_nothing_and_needs_neither_archive_nor_password(tmp_path: Path) -> None:
    aes(tmp_path / "train.zip", pictures())
    take(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/train").rglob("*")}
    (tmp_path / "train.zip").unlink()
    again = fetch(
        "deepfashion2",
        tmp_path / "out",
        splits=["train"],
        password=lambda: pytest.fail("asked"),
        base="http://127.0.0.1:9",
    )
    assert again.did_nothing
    assert again.splits[0].counts == {"images": 3, "annotations": 3}
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out/train").rglob("*")} == before


def test_no_password_is_asked_for_a_plain_archive(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures())
    take(tmp_path, password=lambda: pytest.fail("asked"))


def test_several_processes_write_the_same(tmp_path: Path) -> None:
    entries = pictures(150)
    zip_crypto(tmp_path / "train.zip", entries)
    take(tmp_path, workers=2)
    assert {f"train/{key}": data for key, data in lying(tmp_path / "out/train").items()} == entries


def test_counts_and_pairs_are_verified(tmp_path: Path) -> None:
    entries = pictures(4)
    del entries["train/image/000002.jpg"], entries["train/annos/000003.json"]
    plain(tmp_path / "train.zip", entries)
    findings = {finding.rule.code: finding for finding in take(tmp_path).findings}
    assert findings["F101"].examples == ("train/000002",)
    assert findings["F102"].examples == ("train/000003",)
    assert findings["F107"].rule.severity == "warning"
    assert "191961" in findings["F107"].examples[0]
    assert {f.rule.code for f in take(tmp_path).findings} == {"F101", "F102", "F107"}, "told again the second time"


def test_right_counts_are_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = deepfashion2.ARCHIVES[0]
    monkeypatch.setattr(deepfashion2, "ARCHIVES", (type(part)(part.split, part.file_name, 3),))
    plain(tmp_path / "train.zip", pictures())
    assert take(tmp_path).findings == ()


# Passwords


@pytest.mark.parametrize("make", [zip_crypto, aes])
@pytest.mark.parametrize("wrong", ["swordfish-8317", "", "µ"])
def test_wrong_password(tmp_path: Path, make: Make, wrong: str) -> None:
    make(tmp_path / "train.zip", pictures())
    error = error_of(DataError, take, tmp_path, match=r"train.zip: the entry .* password", password=lambda: wrong)
    assert not wrong or wrong not in f"{error!r} {error} {error.hint}"
    assert not lying(tmp_path / "out")


def test_missing_password_is_the_callers_error(tmp_path: Path) -> None:
    def nobody() -> str:
        raise UsageError("nobody is here to ask")

    aes(tmp_path / "train.zip", pictures())
    with pytest.raises(UsageError, match="nobody"):
        take(tmp_path, password=nobody)


def test_password_is_in_no_repr() -> None:
    batch = unpacking._Batch(Path("a"), Path("b"), (), False, PASSWORD.encode())
    assert "correct" not in repr(batch)


# Archives that are refused


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../image/000001.jpg", "leaves the folder"),
        ("train/image/../../../000001.jpg", "leaves the folder"),
        ("/etc/image/000001.jpg", "leaves the folder"),
        ("C:/train/image/000001.jpg", "leaves the folder"),
        ("train/image/..\\..\\000001.jpg", "backslash"),
        ("train/image/0\n1.jpg", "control character"),
        ("__MACOSX/../../000001.jpg", "leaves the folder"),
    ],
)
def test_entries_that_leave_the_folder(tmp_path: Path, name: str, words: str) -> None:
    plain(tmp_path / "train.zip", pictures() | {name: b"x"})
    refused(tmp_path, words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as zipped:
        zipped.writestr("train/image/000001.jpg", "one")
        zipped.writestr("train/image/000001.jpg", "two")
    refused(tmp_path, "twice")
    plain(tmp_path / "train.zip", {"a/image/000001.jpg": b"1", "b/image/000001.jpg": b"2"})
    refused(tmp_path, "twice")


def test_bombs_by_what_they_declare(tmp_path: Path) -> None:
    path = tmp_path / "train.zip"
    plain(path, pictures() | {"train/annos/000004.json": bytes(400_000)})
    refused(tmp_path, "would unpack to 402.2 kB", limits=Limits(ratio=10, entry=400_000))
    refused(tmp_path, "declares 400.0 kB", limits=Limits(entry=300_000))
    refused(tmp_path, "as bombs do", limits=Limits(entry_ratio=100))
    refused(tmp_path, "as bombs do", limits=Limits(total=100_000))
    refused(tmp_path, "entries", limits=Limits(entries=3))


def patched(path: Path, name: str, at: int, value: int) -> None:
    """Change four bytes in the directory: 16 is the CRC of the entry, 20 its packed size, 24 its size, 42 its place."""
    data = bytearray(path.read_bytes())
    start = data.rfind(name.encode()) - 46
    assert data[start : start + 4] == b"PK\1\2"
    struct.pack_into("<I", data, start + at, value)
    path.write_bytes(data)


@pytest.mark.parametrize("make", [plain, zip_crypto, aes])
def test_bomb_that_declares_less_than_it_holds(tmp_path: Path, make: Make) -> None:
    path = make(tmp_path / "train.zip", pictures() | {"train/annos/000004.json": bytes(300_000)})
    patched(path, "train/annos/000004.json", 24, 1000)
    with pytest.raises(DataError, match=r"000004.json.*(unpacks to more than|damaged)"):
        take(tmp_path)
    assert not (tmp_path / "out/train").exists()


def test_bomb_of_entries_that_share_data(tmp_path: Path) -> None:
    path = plain(tmp_path / "train.zip", pictures(6), zipfile.ZIP_STORED)
    for number in range(1, 7):
        patched(path, f"train/image/{number:06d}.jpg", 42, 0)
        patched(path, f"train/image/{number:06d}.jpg", 20, 4000)
    refused(tmp_path, "share their data|beyond the data")


def test_too_little_disk(tmp_path: Path) -> None:
    zip_crypto(tmp_path / "train.zip", pictures())
    error = error_of(HostError, take, tmp_path, match=r"24\.6 kB, and 1\.0 kB are free", free=lambda _folder: 1000)
    assert "23.6 kB more" in str(error.hint)
    assert not lying(tmp_path / "out")
    assert take(tmp_path, free=lambda _folder: 6 * 4096).splits[0].unpacked == 6


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures())
    (tmp_path / "out/train/image").mkdir(parents=True)
    (tmp_path / "out/train/image/mine.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is there already"):
        take(tmp_path)
    assert lying(tmp_path / "out") == {"train/image/mine.jpg": b"mine"}


def test_files_lost_since_are_told(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures())
    take(tmp_path)
    (tmp_path / "out/train/image/000002.jpg").unlink()
    with pytest.raises(DataError, match="5 files are here, 6 were unpacked"):
        take(tmp_path)


def test_one_fetch_at_a_time(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures())

    def meanwhile(_line: str) -> None:
        with pytest.raises(HostError, match="another fetch"):
            take(tmp_path)

    take(tmp_path, say=meanwhile)


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dataset called"):
        fetch("deepfashion3", tmp_path, password=str)
    with pytest.raises(UsageError, match="no split"):
        take(tmp_path, splits=["trian"])
    with pytest.raises(UsageError, match="none of the archives"):
        take(tmp_path)
    with pytest.raises(UsageError, match="cannot be downloaded"):
        take(tmp_path, source=None, splits=["test"])


# Damage


def test_truncated_archives(tmp_path: Path) -> None:
    path = zip_crypto(tmp_path / "train.zip", pictures())
    whole = path.read_bytes()
    for length in (0, 1, 30, 1000, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(tmp_path, "cut off|damaged")
    path.write_bytes(whole[200:])  # a piece of the beginning is gone
    refused(tmp_path, "missing|not where|damaged")
    path.write_text("<!DOCTYPE html><title>Google Drive - Quota exceeded</title>")
    refused(tmp_path, "web page")


@pytest.mark.parametrize("make", [plain, zip_crypto, aes])
def test_damaged_entry_is_named_and_the_rest_is_kept(tmp_path: Path, make: Make) -> None:
    path = make(tmp_path / "train.zip", pictures(5))
    sound = path.read_bytes()
    entry = next(e for e in zip_directory.read(path) if e.name == "train/image/000004.jpg")
    data = bytearray(sound)
    data[entry.offset + 30 + len(entry.name) + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"train.zip: the entry 'train/image/000004.jpg' is damaged"):
        take(tmp_path)
    assert not (tmp_path / "out/train").exists()
    path.write_bytes(sound)
    fetched = take(tmp_path)
    assert fetched.splits[0].kept == 6, "what was unpacked before the damage"
    assert lying(tmp_path / "out/train") == pictures(5, prefix="")


def test_hundreds_of_mutations_end_in_our_errors(tmp_path: Path) -> None:
    """Flipped bits and cuts in three archives: unpacked whole, or refused by an error that says where."""
    chance = random.Random(7)
    place = lambda name: deepfashion2.place(name, "train")  # noqa: E731
    outcomes = {True: 0, False: 0}
    for make in (plain, zip_crypto, aes):
        whole = make(tmp_path / "train.zip", pictures(2)).read_bytes()
        for number in range(250):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 1, 3, 20))):
                at = chance.randrange(len(data) - 500 if number % 3 else 0, len(data))
                data[at] = chance.choice((data[at] ^ 1 << chance.randrange(8), 0, 0xFF))
            if number % 10 == 0:
                del data[chance.randrange(len(data)) :]
            path = tmp_path / "train.zip"
            path.write_bytes(data)
            try:
                plan = archive.judge(path, place)
                staging = tmp_path / "staging" / make.__name__
                unpacking.unpack(plan, staging, PASSWORD.encode(), progress=Silent(), what="x", workers=1)
                outcomes[True] += 1
            except TltpipeError as known:
                outcomes[False] += known.where is not None
    assert sum(outcomes.values()) == 750
    assert all(outcomes.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["staging", "train.zip"]


# Ended in the middle

SCRIPT = """
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from converters.fetch import fetch

class Stopping:
    def note(self, text):
        pass

    @contextmanager
    def bar(self, what, *, total, unit="images"):
        yield self

    def advance(self, amount=1, note=""):
        print("one batch done", flush=True)
        time.sleep(60)

folder = Path(sys.argv[1])
fetch("deepfashion2", folder / "out", source=folder, password=lambda: "correct horse µ", progress=Stopping(), workers=1)
"""


def test_killed_while_unpacking_goes_on_with_what_is_missing_or_damaged(tmp_path: Path) -> None:
    entries = pictures(200)
    plain(tmp_path / "train.zip", entries)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", SCRIPT, tmp_path], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"one batch done\n"
        process.send_signal(signal.SIGKILL)
    out = tmp_path / "out"
    assert not (out / "train").exists(), "half-done looks done"
    staging = out / ".train.partial"
    begun = sorted(staging.rglob("*.j*"))
    begun = [path for path in begun if not path.name.startswith(".")]
    assert len(begun) == 256
    lost, hurt, cut, *sound = begun
    lost.unlink()
    hurt.write_bytes(bytes(hurt.stat().st_size))
    cut.write_bytes(b"cut")
    (staging / "image/.000399.jpg.123.part").write_bytes(b"half")
    times = {path.relative_to(staging): path.stat().st_mtime_ns for path in sound}

    fetched = take(tmp_path)
    assert (fetched.splits[0].kept, fetched.splits[0].unpacked) == (253, 147)
    assert {f"train/{key}": data for key, data in lying(out / "train").items()} == entries
    assert {path: (out / "train" / path).stat().st_mtime_ns for path in times} == times
    assert not list(out.rglob("*.part"))
    assert not staging.exists()


def test_killed_with_its_workers_at_work_leaves_no_process_behind(tmp_path: Path) -> None:
    plain(tmp_path / "train.zip", pictures(600))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT.replace("workers=1", "workers=2"), tmp_path]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        below = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
    assert len(below) >= 3, "a fork server and two workers"
    deadline = time.monotonic() + 5
    while alive := [pid for pid in below if lives(pid)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.02)
    assert take(tmp_path).splits[0].kept >= 256


def lives(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty for one that ended and was not waited for
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [number for child in children for number in (int(child), *descendants(int(child)))]


def test_another_archive_does_not_go_on_with_the_files_of_the_first(tmp_path: Path) -> None:
    path = plain(tmp_path / "train.zip", pictures(4))
    patched(path, "train/annos/000004.json", 16, 1)
    with pytest.raises(DataError):
        take(tmp_path)
    plain(path, pictures(3))
    assert take(tmp_path).splits[0].kept == 0
    assert lying(tmp_path / "out/train") == pictures(3, prefix="")


def test_directories_of_more_than_65535_entries(tmp_path: Path) -> None:
    path = tmp_path / "train.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(66_000):  # more than 65,535 entries take a zip64 directory
            zipped.writestr(f"train/image/{number:06d}.jpg", b"")
    plan = archive.judge(path, lambda name: deepfashion2.place(name, "train"))
    assert plan.files == 66_000


def test_directory_reads_like_the_standard_library(tmp_path: Path) -> None:
    path = aes(tmp_path / "a.zip", pictures() | {"train/image/naïve name.jpg": b"x"})
    with zipfile.ZipFile(path) as zipped:
        expected = [(i.filename, i.file_size, i.compress_size, i.header_offset) for i in zipped.infolist()]
    found = zip_directory.read(path)
    assert [(e.name, e.size, e.compressed, e.offset) for e in found] == expected
