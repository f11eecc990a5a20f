"""The client of `tltpipe serve` and the real server, with a token and hardly any room."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from browser import server
from fixed_model import model
from PIL import Image

pytest.importorskip("onnxruntime")

from tltpipe.client import Client
from tltpipe.errors import DataError, HostError, UsageError

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    Image.new("RGB", (256, 128), (200, 180, 190)).save(folder / "light.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "dark.png")
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    """Of a server that one image waits for at most."""
    shop = model(folder / "shop.onnx", ("shirt", "shorts"), 128, [[16, 16, 56, 112], [64, 16, 104, 112]], [1, 2])
    (folder / "token").write_text(TOKEN)
    words = ["--token-file", folder / "token", "--port", 0, "--queue", 1, "--batch", 1, "--max-images", 2]
    with server(["tlt-serve", str(shop), *map(str, words)]) as address, Client(address, token=TOKEN) as opened:
        yield opened


def test_predictions_are_typed_and_where_they_are(client: Client, folder: Path) -> None:
    assert client.ready()
    assert [(each.name, each.task, each.classes) for each in client.models()] == [
        ("shop", "detection", ["shirt", "shorts"])
    ]
    answer = client.predict(folder / "light.png")
    assert [(each.category, each.bbox) for each in answer.predictions] == [
        ("shirt", pytest.approx((32, 16, 80, 96), abs=0.1)),
        ("shorts", pytest.approx((128, 16, 80, 96), abs=0.1)),
    ]
    assert len(client.predict(str(folder / "light.png"), threshold=0.8).predictions) == 1
    assert [each.category for each in client.predict(folder / "light.png", classes=["shorts"]).predictions] == [
        "shorts"
    ]
    several = client.predict_many([folder / "dark.png", (folder / "light.png").read_bytes()], model="shop")
    assert [(each.image.width, len(each.predictions)) for each in several] == [(64, 0), (256, 2)]
    assert several[0].image.name == "dark.png"
    assert [len(each.predictions) for each in client.predict_many([folder / "light.png"])] == [2]


def test_a_drawn_picture(client: Client, folder: Path) -> None:
    with Image.open(io.BytesIO(client.draw(folder / "light.png", threshold=0.5))) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (256, 128))
        red, green, blue = drawn.getpixel((33, 64))  # type: ignore[misc]
    assert red > green + 80 < blue + 160


def test_refusals_are_errors_of_ours(client: Client, folder: Path) -> None:
    with pytest.raises(DataError, match="image"):
        client.predict(b"really no image")
    with pytest.raises(DataError, match="nowhere"):
        client.predict(folder / "nowhere.png")
    with pytest.raises(UsageError, match="other") as unknown:
        client.predict(folder / "light.png", model="other")
    assert "shop" in str(unknown.value.hint)
    with pytest.raises(DataError, match="URLs"):
        client.predict_url("https://example.com/a.jpg")
    with pytest.raises(UsageError, match="token"):
        Client(client.address).models()
    with pytest.raises(HostError):
        Client("http://127.0.0.1:9").models()
    assert not Client("http://127.0.0.1:9").ready()


def test_a_busy_server_is_sent_it_again(client: Client, folder: Path) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.predict(folder / "light.png"), range(24)))
    assert [len(each.predictions) for each in answers] == [2] * 24
    metrics = requests.get(f"{client.address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10).text
    assert re.search(r'code="429"[^}]*} [1-9]', metrics)


def test_it_needs_no_torch() -> None:
    code = "import sys, tltpipe.client; print({'torch', 'numpy', 'fastapi'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


class Busy(BaseHTTPRequestHandler):
    """A server that has enough to do for two requests."""

    left = 2

    def do_GET(self) -> None:
        Busy.left -= 1
        self.send_response(429 if Busy.left >= 0 else 200)
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(b"{}" if Busy.left >= 0 else b"[]")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_busy_server_says_when_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tltpipe.client.time.sleep", slept.append)
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}//"
        assert Client(address).models() == []
        assert slept == [7, 7]
        Busy.left = 1
        with pytest.raises(HostError):  # there is no time left for another try
            Client(address, timeout=5).models()
        assert slept == [7, 7]
        server.shutdown()
