"""fetch over the network: gdown itself, against a server on loopback that breaks off, refuses and plays Drive."""

from __future__ import annotations

import io
import random
import re
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from refusals import error_of

from converters.fetch import download, fetch
from converters.fetch.datasets import deepfashion2
from tltpipe.errors import HostError
from tltpipe.progress import Lines, Silent, read

ID = str(deepfashion2.ARCHIVES[1].drive_id)


def archive(count: int = 200) -> bytes:
    noise, buffer = random.Random(3), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for number in range(1, count + 1):
            zipped.writestr(f"validation/image/{number:06d}.jpg", noise.randbytes(20_000))
            zipped.writestr(f"validation/annos/{number:06d}.json", b"{}")
    return buffer.getvalue()


BODY = archive()
QUOTA = (
    "<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>"
    '<p class="uc-error-caption">Sorry, you can&#39;t view or download this file at this time.</p>'
    '<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently. Please try accessing '
    "the file again later.</p></body></html>"
)
CONFIRM = (
    "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>"
    '<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
    '<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="{id}">'
    '<input type="hidden" name="export" value="download"><input type="hidden" name="confirm" value="t">'
    '<input type="hidden" name="uuid" value="0c0ffee0"></form></body></html>'
)


@dataclass
class Drive:
    """What the server is to do next, and what it was asked."""

    base: str
    body: bytes = BODY
    page: str | None = None
    """Sent in place of the file."""
    status: int = 200
    confirm: bool = False
    """Large files are offered behind a page with a form."""
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers breaks off."""
    asked: list[str | None] = field(default_factory=list)
    """The Range header of each request for the file."""
    hosts: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    drive: ClassVar[Drive]
    context: ClassVar[ssl.SSLContext | None] = None

    def do_CONNECT(self) -> None:
        """As a proxy that is every host it is asked for."""
        assert self.context
        self.drive.hosts.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        drive, asked = self.drive, urlsplit(self.path)
        if drive.page is not None or drive.status != 200:
            self.answer(drive.status, (drive.page or "no").encode(), {"Content-Type": "text/html; charset=utf-8"})
        elif parse_qs(asked.query).get("id") != [ID]:
            self.answer(404, b"no such file", {"Content-Type": "text/html"})
        elif drive.confirm and asked.path == "/uc":
            self.answer(200, CONFIRM.format(id=ID).encode(), {"Content-Type": "text/html; charset=utf-8"})
        else:
            self.file()

    def file(self) -> None:
        drive, wanted = self.drive, self.headers.get("Range")
        drive.asked.append(wanted)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": 'attachment; filename="validation.zip"',
            "Accept-Ranges": "bytes",
            "ETag": '"1"',
        }
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and drive.ranges else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(drive.body) - 1}/{len(drive.body)}"
        self.answer(
            206 if start else 200, drive.body[start:], headers, stop=drive.breaks.pop(0) if drive.breaks else None
        )

    def answer(self, status: int, body: bytes, headers: dict[str, str], stop: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:stop])
        self.close_connection = stop is not None or self.close_connection

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        Handler.drive = Drive(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield Handler.drive
        server.shutdown()


@pytest.fixture
def google(drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drive:
    """The same server as a proxy that answers, encrypted, for Google's hosts: gdown's whole way through Drive."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = "subjectAltName=DNS:drive.google.com,DNS:drive.usercontent.google.com"
    made = [
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test", "-addext"),
        names,
    ]
    subprocess.run(
        [openssl, "req", "-x509", "-days", "2", *made, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    Handler.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Handler.context.load_cert_chain(certificate, key)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, drive.base)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    return drive


def take(drive: Drive, folder: Path, **more: Any) -> Path:
    target = folder / "validation.zip"
    download.download(ID, target, **({"progress": Silent(), "base": drive.base, "retries": 0} | more))
    return target


def failure(drive: Drive, folder: Path, words: str, **more: Any) -> HostError:
    error = error_of(HostError, lambda: take(drive, folder, **more), match=words)
    assert not (folder / "validation.zip").exists(), "half-done looks done"
    assert error.hint
    return error


def test_downloads_and_shows_progress(drive: Drive, tmp_path: Path) -> None:
    lines: list[str] = []
    assert take(drive, tmp_path, progress=Lines(lines.append, every=0)).read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["validation.zip"]
    last = read(lines[-1])
    assert last
    assert (last.what, last.done, last.total, last.unit) == ("validation.zip", 4, 4, "MB")


def test_broken_connection_is_gone_on_with(drive: Drive, tmp_path: Path) -> None:
    drive.breaks = [1 << 20]
    assert take(drive, tmp_path, retries=2).read_bytes() == BODY
    assert drive.asked == [None, "bytes=1048576-"]


def test_command_run_again_goes_on_where_the_last_one_ended(drive: Drive, tmp_path: Path) -> None:
    drive.breaks = [3 << 19]
    assert "run the same command again" in str(failure(drive, tmp_path, "broke off").hint)
    assert take(drive, tmp_path).read_bytes() == BODY
    assert drive.asked[-1] == "bytes=1572864-"
    assert [path.name for path in tmp_path.iterdir()] == ["validation.zip"]


def test_whole_file_without_its_name_is_not_downloaded_again(drive: Drive, tmp_path: Path) -> None:
    (tmp_path / "validation.zip.downloadabcdefgh.part").write_bytes(BODY)
    (tmp_path / "validation.zip.downloadijklmnop.part").write_bytes(BODY[:100])
    assert take(drive, tmp_path).read_bytes() == BODY
    assert drive.asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["validation.zip"]


def test_two_beginnings_go_on_with_the_longer(drive: Drive, tmp_path: Path) -> None:
    (tmp_path / "validation.zip.downloadabcdefgh.part").write_bytes(BODY[:3000])
    (tmp_path / "validation.zip.downloadijklmnop.part").write_bytes(BODY[:100])
    assert take(drive, tmp_path).read_bytes() == BODY
    assert drive.asked[-1] == "bytes=3000-"


def test_server_that_cannot_go_on_loses_nothing(drive: Drive, tmp_path: Path) -> None:
    part = tmp_path / "validation.zip.downloadabcdefgh.part"
    part.write_bytes(BODY[:3000])
    drive.ranges = False
    assert str(part) in str(failure(drive, tmp_path, "does not go on").hint)
    assert part.read_bytes() == BODY[:3000]


def test_page_in_place_of_the_file(drive: Drive, tmp_path: Path) -> None:
    drive.page = QUOTA
    refusal = failure(drive, tmp_path, "page in its place")
    assert "browser" in str(refusal.hint)
    assert "--from" in str(refusal.hint)
    assert not list(tmp_path.iterdir()), "the page is kept as if it were the archive"


def test_something_that_is_no_archive(drive: Drive, tmp_path: Path) -> None:
    drive.body = BODY[:-500]
    failure(drive, tmp_path, "cut off, or no zip")


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refusals_by_status(drive: Drive, tmp_path: Path, status: int) -> None:
    drive.status = status
    failure(drive, tmp_path, f"answered {status}")


def test_nobody_there(tmp_path: Path) -> None:
    for retries in (0, 1):
        failure(Drive("http://127.0.0.1:9"), tmp_path, "not reached.*refused", retries=retries)


def test_too_little_disk_for_the_download(drive: Drive, tmp_path: Path) -> None:
    failure(drive, tmp_path, r"needs 3\.\d MB, and 1\.0 kB are free", free=lambda _folder: 1000)


def test_gdown_missing(drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    assert "pip install" in str(failure(drive, tmp_path, "not installed").hint)


def test_drive_small_file(google: Drive, tmp_path: Path) -> None:
    assert take(google, tmp_path, base=download.DRIVE).read_bytes() == BODY
    assert google.hosts == ["drive.google.com:443"]


def test_drive_large_file_behind_its_form_and_resumed(google: Drive, tmp_path: Path) -> None:
    google.confirm, google.breaks = True, [1 << 20]
    failure(google, tmp_path, "broke off", base=download.DRIVE)
    assert take(google, tmp_path, base=download.DRIVE).read_bytes() == BODY
    assert google.asked[-1] == "bytes=1048576-"
    assert "drive.usercontent.google.com:443" in google.hosts


def test_drive_quota(google: Drive, tmp_path: Path) -> None:
    google.page = QUOTA
    refusal = failure(google, tmp_path, "quota", base=download.DRIVE)
    assert f"file/d/{ID}/view" in str(refusal.hint)


def test_drive_page_that_leads_nowhere(google: Drive, tmp_path: Path) -> None:
    google.page = "<html><body>Sign in</body></html>"
    failure(google, tmp_path, "page|quota", base=download.DRIVE)


def test_from_drive_to_folder(google: Drive, tmp_path: Path) -> None:
    out = tmp_path / "data"
    google.confirm = True
    settings: dict[str, Any] = {"splits": ["validation"], "password": lambda: pytest.fail("asked"), "retries": 0}
    fetched = fetch("deepfashion2", out, **settings)
    assert fetched.splits[0].counts == {"images": 200, "annotations": 200}
    assert len(list((out / "validation/image").iterdir())) == 200
    requests = len(google.asked)
    assert fetch("deepfashion2", out, **settings).did_nothing
    assert len(google.asked) == requests
