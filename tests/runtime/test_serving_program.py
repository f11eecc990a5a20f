"""tlt-serve as a process on a port: a start that fails, clients that misbehave, a stop with requests under way; and
what is fetched from URLs."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

for module in ("fastapi", "httpx", "multipart", "onnxruntime", "prometheus_client", "websockets"):
    pytest.importorskip(module)

import serving
import warm
from fixed_model import model
from PIL import Image
from serving import StandIn, box, encoded

from runtime.programs import serve
from runtime.serving.fetching import Fetcher, is_public
from tltpipe.web.problems import RequestProblem

LIGHT = encoded(Image.new("RGB", (256, 128), (200, 180, 190)))


class Server(NamedTuple):
    process: subprocess.Popen[str]
    port: int

    def send(self, data: bytes, path: str = "/v1/predict", timeout: float = 20) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", path, data, {"Content-Type": "image/png"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("models") / "people.onnx", ("dog", "person"), 128, [[16, 16, 56, 112]], [2])


@pytest.fixture(scope="module")
def server(graph: Path) -> Iterator[Server]:
    words = [str(graph), "--port", "0", "--timeout", "2", "--max-bytes", "300k", "--threads", "1"]
    process = subprocess.Popen(
        [*warm.command("tlt-serve"), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
            yield Server(process, int(found[1]))
            break
    process.terminate()
    assert process.wait(20) == 0, "".join(lines)


def opened(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def test_clients_that_misbehave_keep_nobody_else_out(server: Server) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    idle = [opened(server) for _ in range(200)]
    slow, torn, large = opened(server), opened(server), opened(server)
    slow.sendall(head % len(LIGHT) + LIGHT[:10])
    torn.sendall(head % len(LIGHT) + LIGHT[:10])
    torn.close()
    large.sendall(head % 10_000_000 + bytes(1000))
    begun = time.monotonic()
    status, told = server.send(LIGHT)
    assert (status, [each["bbox"] for each in told["predictions"]]) == (200, [[32, 16, 80, 96]])
    assert time.monotonic() - begun < 1.5
    assert large.recv(100).startswith(b"HTTP/1.1 413")
    assert slow.recv(100).startswith(b"HTTP/1.1 408")
    assert server.send(bytes(400_000))[0] == 413  # all of it is sent, and the answer is read all the same
    for each in (slow, large, *idle):
        each.close()
    assert server.send(LIGHT)[0] == 200


def test_frames_over_a_real_websocket(server: Server) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    url = f"ws://127.0.0.1:{server.port}/v1/stream"
    with connect(url, origin=f"http://127.0.0.1:{server.port}") as stream:  # type: ignore[arg-type]
        stream.send(LIGHT)
        assert json.loads(stream.recv(10))["frame"] == 1
    with pytest.raises(InvalidStatus), connect(url, origin="https://evil.example"):  # type: ignore[arg-type]
        pass


def test_a_stop_ends_what_is_under_way(server: Server) -> None:
    """The last test of this server."""
    connection = opened(server)
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % len(LIGHT) + LIGHT[:100])
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(OSError, match="refused"):
        opened(server)
    connection.sendall(LIGHT[100:])
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ([], 2, "--cascade"),
        (["MODEL", "MODEL"], 2, "people.onnx"),
        (["MODEL", "--host", "0.0.0.0"], 2, "--token-file"),
        (["MODEL", "--token-file", "missing"], 2, "missing: the file of the token cannot be read: No such"),
        (["MODEL", "--token-file", "MODEL.json"], 2, "token"),
        (["MODEL", "--max-bytes", "lots"], 2, "--max-bytes"),
        (["MODEL", "--queue", "0"], 2, "--queue"),
        (["MODEL", "-t", "1"], 2, "-t"),
        (["MODEL", "--allow-origin", "*"], 2, "--allow-origin"),
        (["MODEL", "--cascade_margin", "0.1"], 2, "--cascade_margin"),
        (["missing.onnx"], 4, "missing.onnx"),
        (["MODEL", "--keep", "MODEL"], 6, "people.onnx"),
        (["MODEL", "--keep", "/proc"], 6, "/proc"),
        (["MODEL", "--port", "TAKEN"], 6, "--port"),
    ],
)
def test_starts_that_fail(
    graph: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, word: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"MODEL": str(graph), "TAKEN": str(taken.getsockname()[1])}
        words = [re.sub("MODEL|TAKEN", lambda found: names[found[0]], each) for each in more]
        assert serve.main(words) == code
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert word in printed
    assert "Traceback" not in printed


def test_a_model_of_one_object_needs_a_detector_and_names_may_be_given(graph: Path) -> None:
    from runtime.serving import models

    served = models.open_models([f"first={graph}", str(graph)], models.Opening(threshold=0.4))
    assert [(each.name, each.lowest, each.usual) for each in served] == [("first", 0.4, 0.4), ("people", 0.4, 0.4)]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
     "2002:7f00:1::", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::10.0.0.1", "fec0::1"],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


class Pages(BaseHTTPRequestHandler):
    """What a server of images may answer."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/image.png")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        if self.path == "/slow":
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.1)
        elif self.path != "/missing":
            self.wfile.write(LIGHT if self.path == "/image.png" else bytes(50_000))

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_urls_are_fetched_from_public_addresses_alone() -> None:
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        here = f"http://images.example:{pages.server_address[1]}"
        asked: list[str] = []

        def resolve(host: str, port: int) -> list[str]:
            """Public the first time, as a name that is rebound would be: only what is resolved once is safe."""
            asked.append(host)
            return ["127.0.0.1"]

        fetcher = Fetcher(most=20_000, seconds=1, allowed=lambda _address: True, resolve=resolve)
        assert fetcher.fetch(f"{here}/image.png") == LIGHT
        assert asked == ["images.example"]
        for path, status, word in (
            ("/moved", 422, "another"), ("/missing", 422, "404"), ("/large", 413, "20,000"), ("/slow", 504, "long"),
        ):  # fmt: skip
            with pytest.raises(RequestProblem, match=word) as refused:
                fetcher.fetch(f"{here}{path}")
            assert refused.value.status == status, path
        strict = Fetcher(most=20_000, seconds=1, resolve=lambda *_: ["93.184.215.14", "127.0.0.1"])
        with pytest.raises(RequestProblem, match="private"):  # one of its addresses is enough
            strict.fetch(f"{here}/image.png")
        pages.shutdown()
    for url in (
        f"{here}/image.png".replace("images.example", "127.0.0.1"), "http://localhost/x", "http://2130706433/",
        "http://[::1]/", "http://user@93.184.215.14/", "file:///etc/passwd", "ftp://a/b", "http://", "http://a:0/",
    ):  # fmt: skip
        with pytest.raises(RequestProblem) as refused:
            Fetcher(most=100, seconds=1).fetch(url)
        assert refused.value.status == 422


def test_the_command_starts_the_program(graph: Path) -> None:
    words = [sys.executable, "-m", "tltpipe", "serve", "--port", "1", "--host", "::2", str(graph)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, "--token-file" in done.stderr) == (2, True), done.stderr


def test_the_page_gets_the_image_behind_a_url_and_nothing_else() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{pages.server_address[1]}"
        fetcher = Fetcher(most=60_000, seconds=5, allowed=lambda _address: True)
        with serving.client([serving.served(StandIn(lambda _image: box()))], fetcher=fetcher) as sends:
            shown = sends.get("/v1/picture", params={"url": f"{here}/image.png"})
            assert (shown.status_code, shown.headers["content-type"], shown.content) == (200, "image/png", LIGHT)
            assert sends.get("/v1/picture", params={"url": f"{here}/large"}).status_code == 415  # no image
            assert "/v1/picture" in sends.get("/openapi.json").json()["paths"]
        pages.shutdown()
    with serving.client([serving.served(StandIn(lambda _image: box()))]) as sends:
        assert sends.get("/v1/picture", params={"url": here}).status_code == 404


def test_a_certificate_must_be_that_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    class Context:
        def wrap_socket(self, given: socket.socket, *, server_hostname: str) -> socket.socket:
            asked.append((given.getpeername()[0], server_hostname))
            raise ssl.SSLCertVerificationError

    monkeypatch.setattr(ssl, "create_default_context", Context)
    with socket.create_server(("127.0.0.1", 0)) as there:
        fetcher = Fetcher(most=9, seconds=1, allowed=lambda _: True, resolve=lambda *_: ["127.0.0.1"])
        with pytest.raises(RequestProblem, match="cannot be fetched"):
            fetcher.fetch(f"https://images.example:{there.getsockname()[1]}/a.png")
    assert asked == [("127.0.0.1", "images.example")]


def test_nobody_is_asked_for_a_url_with_a_user_name() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError(host)

    for url in ("http://me@images.example/", "http://:pass@images.example/"):
        with pytest.raises(RequestProblem, match="user name"):
            Fetcher(most=9, seconds=1, resolve=resolve).fetch(url)
