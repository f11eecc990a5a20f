"""Data sets and outputs at URLs, against a real S3 server: whole or absent, whatever is killed or torn."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
import s3_server
import s3fs
import warm
from s3_server import SECRET, Server

from tltpipe import storage
from tltpipe.errors import DataError, HostError, TltpipeError, UsageError
from tltpipe.progress import Silent
from tltpipe.storage import manifest, mirror, publishing
from tltpipe.storage.remote import Remote

MANY = 150
OUTPUTS = ("split", "mended")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server.running(tmp_path_factory.mktemp("s3")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    monkeypatch.setenv(storage.CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own."""
    return f"s3://data/{request.node.name}"


def tree(root: Path) -> dict[str, str]:
    """The checksum of every file below ``root``, but for hidden ones, which are notes of ours on times."""
    found = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def write(root: Path, count: int, text: str = "content") -> Path:
    for number in range(count):
        path = root / f"part{number % 3}" / f"{number:04d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text} of {number} " * 100)
    return root


def put(root: Path, url: str) -> Path:
    """Copy the folder ``root`` to ``url``, as somebody without tltpipe does."""
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    fsspec.filesystem("s3").put([str(root / name) for name in names], [f"{url}/{name}" for name in names])
    return root


def tltpipe(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [*warm.command("tltpipe"), *map(str, words)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def upload(root: Path, url: str) -> list[str]:
    return storage.upload(root, [], url, Silent())


def killed(statement: str, due: Callable[[], bool]) -> None:
    """Run ``statement`` in a process of its own, and kill -9 it as soon as it is ``due``."""
    process = subprocess.Popen([sys.executable, "-c", f"from tltpipe import storage, progress\n{statement}"])
    end = time.monotonic() + 30
    while not due():
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def raw(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set, which is at s3://data/raw, too."""
    folder = tmp_path_factory.mktemp("drawn")
    assert tltpipe("sample", "raw", "--train", "4", "--validation", "2", "--size", "64", cwd=folder).returncode == 0
    return put(folder / "raw", "s3://data/raw")


def test_stages_in_and_out_make_the_same_bytes_as_on_this_disk(
    server: Server, url: str, raw: Path, tmp_path: Path
) -> None:
    runs = {"local": tmp_path / "local", "remote": tmp_path / "remote"}
    for folder in runs.values():
        folder.mkdir()
    (runs["local"] / "tltpipe.yaml").write_text(
        f"data: {{root: {raw}, prepared: KITTI, splits: [train]}}\nimage_size: 64\n"
    )
    (runs["remote"] / "tltpipe.yaml").write_text(
        f"data: {{root: s3://data/raw, publish: {url}/made, cache: copies, splits: [train]}}\nimage_size: 64\n"
    )
    for folder in runs.values():
        done = tltpipe("run", "prepare", "augment", "tfrecords", cwd=folder)
        assert done.returncode == 0, done.stderr
    stages = {"prepare": ("COCO", "KITTI"), "augment": ("KITTI-dataset-augmented",), "tfrecords": ("TFRecords",)}
    for stage, folders in stages.items():
        made = tree(storage.local(f"{url}/made/{stage}"))
        here = {f"{top}/{name}": each for top in folders for name, each in tree(runs["local"] / top).items()}
        assert made == {name: each for name, each in here.items() if "/image/" not in name} != {}, stage
    again = tltpipe("run", "prepare", "augment", "tfrecords", cwd=runs["remote"])
    assert (again.returncode, again.stdout.count("up to date"), again.stdout.count("uploaded")) == (0, 3, 0)
    notes = [path for path in runs["remote"].rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert notes == []


def test_commands_read_urls_and_write_them(server: Server, url: str, raw: Path, tmp_path: Path, cache: Path) -> None:
    assert tltpipe("convert", raw, "here", "--to", "yolo", cwd=tmp_path).returncode == 0
    done = tltpipe("convert", "s3://data/raw", f"{url}/out", "--to", "yolo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not [*cache.glob("*/data/out")]  # what was uploaded takes no room here
    assert tree(storage.local(f"{url}/out")) == tree(tmp_path / "here") != {}
    refused = tltpipe("convert", "s3://data/raw", f"{url}/out", "--to", "coco", cwd=tmp_path)
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    split = tltpipe("split", "s3://data/raw", f"{url}/split", "--all", "--ratio", ".5,.5", "--to", "coco", cwd=tmp_path)
    assert split.returncode == 0, split.stderr
    stats = tltpipe("stats", f"{url}/split", "--json", cwd=tmp_path)
    assert (stats.returncode, '"format": "coco"' in stats.stdout) == (0, True)
    checked = tltpipe("check", f"{url}/split", "--fix", f"{url}/mended", cwd=tmp_path)
    images = [{each for name, each in tree(storage.local(f"{url}/{out}")).items() if "jpg" in name} for out in OUTPUTS]
    assert (checked.returncode, len(images[0]), images[0]) == (0, 6, images[1])
    page = tltpipe("stats", f"{url}/split", "--html", f"{url}/page.html", cwd=tmp_path)
    assert (page.returncode, "--html" in page.stderr) == (2, True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("s3", ".tltpipe"))]


def test_a_bucket_that_changes_is_followed(server: Server, url: str, tmp_path: Path) -> None:
    raw, bucket = put(write(tmp_path / "raw", 6), url), fsspec.filesystem("s3")
    copy = storage.local(url)
    assert tree(copy) == tree(raw) != {}
    before = (copy / "part1/0001.txt").stat().st_ino
    changed = [raw / "part0/0000.txt", raw / "new/file.txt"]
    changed[0].write_text("x" * changed[0].stat().st_size)
    changed[1].parent.mkdir()
    changed[1].write_text("new")
    bucket.put([str(path) for path in changed], [f"{url}/{path.relative_to(raw)}" for path in changed])
    (raw / "part2/0002.txt").unlink()
    bucket.rm_file(f"{url}/part2/0002.txt")
    (copy / "part1/0004.txt").write_text("spoilt")
    (copy / "stray").mkdir()
    assert storage.local(url) == copy
    assert tree(copy) == tree(raw)
    assert (copy / "part1/0001.txt").stat().st_ino == before
    assert not (copy / "stray").exists()


def test_a_folder_that_cannot_be_listed_is_an_error(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(write(tmp_path / "raw", 6), url)
    listing = s3fs.S3FileSystem._lsdir

    async def refuse(self: object, path: str, *words: object, **more: object) -> object:
        if path.endswith("part1"):
            raise PermissionError("Access Denied")
        return await listing(self, path, *words, **more)

    monkeypatch.setattr(s3fs.S3FileSystem, "_lsdir", refuse)  # a policy that this server does not have
    with pytest.raises(HostError, match="access"):
        storage.local(url)


def test_another_machine_fills_its_own_copy_or_says_that_the_data_changed(
    server: Server, url: str, tmp_path: Path
) -> None:
    remote = put(write(tmp_path / "raw", 3), url)
    copy = storage.local(url)
    variables = storage.environment()
    times = {path.name: path.stat().st_mtime_ns for path in copy.rglob("*.txt")}
    other = {storage.VARIABLE: variables[storage.VARIABLE].replace("/cache", "/other")}
    storage.fill_mirrors(other)
    there = mirror.place(url, tmp_path / "other")
    assert tree(there) == tree(remote)
    assert {path.name: path.stat().st_mtime_ns for path in there.rglob("*.txt")} == times  # journals go by them
    shutil.rmtree(tmp_path / "other")
    words = [*warm.command("tlt-tfrecords"), str(there)]  # programs fill what is missing, whatever they do then
    subprocess.run(words, env={**os.environ, **other}, cwd=tmp_path, capture_output=True, check=False)
    assert tree(there) == tree(remote)
    put(write(remote, 1, "other"), url)
    storage.fill_mirrors(other)  # nobody asks the server about a copy that is whole
    third = {storage.VARIABLE: variables[storage.VARIABLE].replace("/cache", "/third")}
    with pytest.raises(DataError, match="changed"):
        storage.fill_mirrors(third)


def test_an_upload_that_is_killed_leaves_the_old_output_whole(server: Server, url: str, tmp_path: Path) -> None:
    old, new = write(tmp_path / "old", 5), write(tmp_path / "new", MANY, "other")
    upload(old, url)
    committed, versions = server.files(url) / manifest.NAME, server.files(url)
    before, (first,) = committed.read_bytes(), [path for path in versions.iterdir() if path.is_dir()]

    def arrived() -> list[Path]:
        return [path for path in versions.rglob("*.txt") if first not in path.parents]

    killed(f"storage.upload({str(new)!r}, [], {url!r}, progress.Silent())", lambda: len(arrived()) > 5)
    assert len(arrived()) < MANY
    assert committed.read_bytes() == before
    assert tree(storage.local(url)) == tree(old)
    (said, stale) = upload(new, url)
    assert 0 < int(said.split(", ")[-1].split()[0]) < MANY  # the rest alone
    assert first.name in stale
    assert tree(storage.local(url)) == tree(new)


def test_a_copy_that_is_killed_goes_on_with_whole_files(server: Server, url: str, cache: Path, tmp_path: Path) -> None:
    remote = put(write(tmp_path / "raw", MANY), url)
    copy = mirror.place(url, cache)
    killed(f"storage.local({url!r})", lambda: sum(len(files) for _, _, files in os.walk(copy)) > 5)
    arrived = {name: (copy / name).stat().st_ino for name in tree(copy)}
    assert 5 < len(arrived) < MANY
    assert not storage.is_whole(url, cache)
    assert tree(copy).items() <= tree(remote).items()
    storage.local(url)
    assert tree(copy) == tree(remote)
    assert {name: (copy / name).stat().st_ino for name in arrived} == arrived


@pytest.mark.parametrize(
    "line", ["[]", "[" * 100_000, "1", '{"name": "a", "size": Infinity, "sha256": ""}', '{"x": 1}']
)
def test_a_line_that_is_none_of_a_manifests(tmp_path: Path, line: str) -> None:
    listed = tmp_path / "manifest"
    listed.write_text(f'{{"tltpipe manifest": 1}}\n{line}\n')
    with pytest.raises(DataError, match="torn"):
        manifest.read(listed, "s3://bucket/x")


@pytest.mark.parametrize("query", ["?X-Amz-Signature=HUSH", "?versionId=1&sig=HUSH", "?a=1;token=HUSH"])
def test_a_signature_is_a_credential_wherever_it_stands(query: str) -> None:
    assert "HUSH" not in storage.masked(f"https://host/x{query}")
    with pytest.raises(UsageError, match="credentials do not belong"):
        storage.checked(f"https://host/x{query}")


def test_a_copy_that_was_interrupted_is_not_whole(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write(tmp_path / "raw", 2)
    url = f"file://{raw}"
    storage.local(url)
    assert storage.is_whole(url, cache)
    (raw / "part0" / "new.txt").write_text("new")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mirror, "_fetch", interrupted)
        storage.local(url)
    assert not storage.is_whole(url, cache)


def interrupted(*_: object) -> int:
    raise KeyboardInterrupt


def test_the_first_manifest_creates_and_objects_that_are_cut_are_uploaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, store, upload, creating = write(tmp_path / "made", 2), tmp_path / "store", Remote.upload, list[bool]()

    def noted(self: Remote, source: Path, *, create: bool = False) -> None:
        creating.append(create)
        upload(self, source, create=create)

    monkeypatch.setattr(Remote, "upload", noted)
    for uploads in (3, 2):  # a folder names no MD5 of its files: whoever uploads again sends all
        publishing.publish(f"file://{store}", made, progress=Silent())
        assert creating == [False] * (uploads - 1) + [uploads == 3]
        creating.clear()
        (version,) = store.glob("v-*")
        assert tree(version) == tree(made)
        (version / "part0" / "0000.txt").write_text("cut")


@pytest.mark.parametrize(("old", "new"), [("0a", "0b"), ('"size": 1', '"size": 2'), ("v-", "v-0"), ('"b"', '"c"')])
def test_a_manifest_that_was_changed_is_torn(tmp_path: Path, old: str, new: str) -> None:
    listed = tmp_path / "manifest"
    summary = manifest.write(listed, [storage.remote.Object(name, 1, "0a", "0a") for name in ("a", "b")])
    assert manifest.read(listed, "s3://bucket/x") == summary
    listed.write_text(listed.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match="torn"):
        manifest.read(listed, "s3://bucket/x")


@pytest.mark.parametrize("torn", ["object", "missing", "content", "manifest"])
def test_what_is_torn_is_one_error(server: Server, url: str, tmp_path: Path, torn: str) -> None:
    url = url.partition("[")[0] + torn
    upload(write(tmp_path / "made", 4), url)
    bucket, (version,) = fsspec.filesystem("s3"), [path for path in server.files(url).iterdir() if path.is_dir()]
    target = f"{url}/{manifest.NAME}" if torn == "manifest" else f"{url}/{version.name}/part1/0001.txt"
    content = bucket.cat_file(target)
    match torn:
        case "object" | "manifest":
            bucket.pipe_file(target, content[:-90])
        case "missing":
            bucket.rm_file(target)
        case "content":
            bucket.pipe_file(target, content[::-1])
    with pytest.raises(DataError) as caught:
        storage.local(url)
    assert str(caught.value.where) == target
    assert not storage.is_whole(url, tmp_path / "cache")
    upload(tmp_path / "made", url)
    assert tree(storage.local(url)) == tree(tmp_path / "made"), "uploaded again it is whole"


def test_what_no_manifest_lists_does_not_count(server: Server, url: str, tmp_path: Path) -> None:
    made = write(tmp_path / "made", 4)
    upload(made, url)
    (version,) = [path for path in server.files(url).iterdir() if path.is_dir()]
    fsspec.filesystem("s3").pipe_file(f"{url}/{version.name}/part0/stray.txt", b"of nobody")
    assert tree(storage.local(url)) == tree(made)


@pytest.mark.parametrize("name", ["../../outside.txt", "/tmp/outside.txt", "a/./b.txt"])
def test_a_manifest_leads_nowhere_else(server: Server, url: str, tmp_path: Path, name: str) -> None:
    url = url.partition("[")[0] + hashlib.sha256(name.encode()).hexdigest()[:6]
    listed = tmp_path / "manifest"
    manifest.write(listed, [storage.remote.Object(name, 1, "0", "0")])
    fsspec.filesystem("s3").pipe_file(f"{url}/{manifest.NAME}", listed.read_bytes())
    with pytest.raises(DataError, match="no file can"):
        storage.local(url)


@pytest.mark.parametrize(
    ("url", "variables", "code", "word"),
    [
        ("s3://nobucket/x", {}, 3, "bucket"),
        ("s3://data/nothing", {}, 3, "nothing"),
        ("s3://data/nothing", {"AWS_SECRET_ACCESS_KEY": "another-secret-0001"}, 6, "access"),
        ("s3://data/nothing", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, 6, "127.0.0.1:9"),
        ("s3://data/nothing", {"AWS_ENDPOINT_URL": "nonsense"}, 6, "nonsense"),
        ("s3://KEY:SECRET@data/x", {}, 2, "credentials"),
        ("https://host/x?X-Amz-Signature=SECRET", {}, 2, "credentials"),
        ("nonsense://host/x", {}, 2, "nonsense"),
        ("gs://data/x", {}, 6, "pip install gcsfs"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    server: Server, monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], code: int, word: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(TltpipeError) as caught:
            storage.local(url)
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
    said = f"{caught.value} {caught.value.hint}"
    assert (caught.value.exit_code, word in said, "SECRET" in said, "\n" in said) == (code, True, False, False), said


def test_no_room_in_the_cache_is_said_before_anything_is_copied(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    put(write(tmp_path / "raw", 3), url)
    with pytest.raises(HostError, match="room"):
        storage.local(url)
    assert not storage.is_whole(url, storage.cache_folder())


def test_other_protocols(tmp_path: Path) -> None:
    made = write(tmp_path / "made", 4)
    with pytest.raises(UsageError, match="s3:///"):
        storage.local("s3:///")
    upload(made, f"file://{tmp_path}/a b")
    assert tree(storage.local(f"file://{tmp_path}/a b")) == tree(made)
    upload(made, "memory://x/y")
    assert tree(storage.local("memory://x/y")) == tree(made)
    assert tree(storage.local(f"file://{made}/part0")) == tree(made / "part0")
    one = storage.local(f"file://{made}/part0/0003.txt")
    assert one.read_text() == (made / "part0/0003.txt").read_text()
