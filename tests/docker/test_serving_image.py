"""The image that serves models, as it is meant to be run: nobody's account, nothing to write on, a token."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from fixed_model import model
from PIL import Image

from orchestrator.engine import pull, serving_image
from tltpipe.answers import Answer

pytestmark = pytest.mark.docker
TOKEN = "a-token-of-the-tests"
SECOND = 10**9
ASK = f"""
import importlib.util, json, os
from tltpipe.client import Client
from tltpipe.errors import UsageError
with Client(token="{TOKEN}") as client:
    answer = client.predict("/given/light.png", threshold=0.5).model_dump_json()
try:
    Client().models()
except UsageError as error:
    refused = error.what
print(json.dumps([os.getuid(), importlib.util.find_spec("torch") is None, refused, answer]))
"""


@pytest.fixture(scope="module")
def image(client: Any) -> str:
    """What `tltpipe image build --serving` made."""
    if pull.identity(client, serving_image.TAG) is None:
        pytest.fail(f"there is no image {serving_image.TAG}: run `tltpipe image build --serving` first")
    return serving_image.TAG


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A model, an image and a token that any account may read."""
    model(tmp_path / "shop.onnx", ("shirt", "shorts"), 128, [[16, 16, 56, 112], [64, 16, 104, 112]], [1, 2])
    Image.new("RGB", (256, 128), (200, 180, 190)).save(tmp_path / "light.png")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    for path in (tmp_path, *tmp_path.iterdir()):
        os.chmod(path, 0o755)
    return tmp_path


def healthy(container: Any) -> bool:
    """Whether the image's own check has come out well, in time."""
    for _ in range(300):
        container.reload()
        if container.attrs["State"].get("Health", {}).get("Status") == "healthy" or container.status == "exited":
            break
        time.sleep(0.1)
    return bool(container.status == "running" and container.attrs["State"]["Health"]["Status"] == "healthy")


def test_it_answers_on_a_read_only_root_for_nobody(client: Any, image: str, given: Path) -> None:
    volumes = {
        str(given): {"bind": "/given", "mode": "ro"},
        str(given / "token"): {"bind": "/run/secrets/token", "mode": "ro"},
    }
    check = {"test": [], "interval": SECOND}  # the image's, oftener
    container = client.containers.run(
        image, ["/given/shop.onnx"], detach=True, read_only=True, cap_drop=["ALL"], volumes=volumes, healthcheck=check
    )
    try:
        assert healthy(container), container.logs().decode()
        status, output = container.exec_run(["python3", "-c", ASK])
        assert status == 0, output.decode()
        user, slim, refused, text = json.loads(output)
        assert (user, slim) == (10001, True)
        assert "token" in refused
        answer = Answer.model_validate_json(text)
        assert [(each.category, round(each.score, 2)) for each in answer.predictions] == [
            ("shirt", 0.9),
            ("shorts", 0.6),
        ]
        assert answer.predictions[0].bbox == pytest.approx((32, 16, 80, 96), abs=0.1)
        container.stop()
        assert container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def test_it_refuses_to_start_without_a_token(client: Any, image: str) -> None:
    container = client.containers.run(image, ["/models/shop.onnx"], detach=True, read_only=True)
    try:
        assert container.wait()["StatusCode"] == 2
        assert "/run/secrets/token" in container.logs().decode()
    finally:
        container.remove(force=True)
