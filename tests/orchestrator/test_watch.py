"""tltpipe watch: a real training that is watched over HTTP while it runs, is killed, and goes on."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import warm
from PIL import Image, ImageDraw

STEPS, EPOCHS = 24, 3
"""Of the training: 15 steps an epoch."""


def draw(root: Path) -> Path:
    """A spec of a tiny training, with its data beside it."""
    (root / "images").mkdir(parents=True)
    images, objects = [], []
    for number in range(1, 2 * STEPS + 1):
        image = Image.new("RGB", (64, 64), (20, 30, 40))
        ImageDraw.Draw(image).rectangle((8, 8, 40, 40), fill=(200, 40 + number, 60))
        image.save(root / f"images/{number:03}.png")
        images.append({"id": number, "file_name": f"{number:03}.png", "width": 64, "height": 64})
        objects.append({"id": number, "image_id": number, "category_id": 1, "bbox": [8, 8, 32, 32], "area": 1024})
    page = {"annotations": [{**each, "iscrowd": 0} for each in objects], "categories": [{"id": 1, "name": "shirt"}]}
    (root / "all.json").write_text(json.dumps({"images": images, **page}))
    few = {**page, "annotations": page["annotations"][:4]}
    (root / "few.json").write_text(json.dumps({"images": images[:4], **few}))
    spec = root / "train.yaml"
    spec.write_text(
        f"""\
model: {{type: nano}}
dataset:
  train_data_sources: [{{json_file: {root}/all.json, image_dir: {root}/images}}]
  val_data_sources: [{{json_file: {root}/few.json, image_dir: {root}/images}}]
  classes: [shirt]
  batch_size: 2
  workers: 1
  width: 384
  height: 384
train: {{num_epochs: {EPOCHS}, summary_step: 10, save_step: 5}}
"""
    )
    return spec


@dataclass
class Server:
    """A running ``tltpipe watch``."""

    process: subprocess.Popen[str]
    client: httpx.Client

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def only(self) -> Any:
        """The one run that there is, in full."""
        (run,) = self.get("/api/runs")
        return self.get(f"/api/runs/{run['id']}")

    def until(self, holds: Callable[[Any], bool], seconds: float = 300) -> Any:
        """The one run once ``holds`` is true of it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            runs = self.get("/api/runs")
            if runs and holds(run := self.only()):
                return run
            time.sleep(0.2)
        raise AssertionError(self.get("/api/runs"))

    def events(self, path: str = "/api/events") -> Iterator[dict[str, Any]]:
        """What server-sent events say, as they come."""
        with self.client.stream("GET", path, timeout=300) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def watching(*words: Path | str, ends: int = 0) -> Iterator[Server]:
    command = [*warm.command("tltpipe"), "watch", *map(str, words), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith("}"):
            break
    try:
        with httpx.Client(base_url=json.loads(told)["url"], timeout=120) as client:
            yield Server(process, client)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
            assert (process.returncode, said) == (ends, "")
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("watched"))


def test_a_training_is_seen_live_killed_and_gone_on_with(spec: Path) -> None:
    root = spec.parent
    words = ["yolox", "-e", "train.yaml", "-r", "out/run", "-k", "secret-key", "--fresh"]
    with watching(root) as server:
        assert server.get("/api/runs") == []
        training = subprocess.Popen([*warm.command("tlt-train"), *words], cwd=root, stdout=subprocess.DEVNULL)
        assert server.until(lambda run: run["step"])["state"] == "running"
        seen = 0
        for event in server.events():
            points = event.get("steps", {}).get("loss", [])
            seen = max([seen, *(int(point[0]) + 1 for point in points)])
            assert all(least <= mean <= greatest for _, least, greatest, mean in points)
            if seen > STEPS + 5:  # in the second epoch, of which a state was saved
                break
        training.kill()
        training.wait()
        run = server.until(lambda run: run["state"] != "running")
        assert run["state"] == "interrupted"
        assert "killed" in run["message"]
        assert run["resume"] == f"cd {root} && tlt-train yolox -e train.yaml -r out/run -k KEY"
        assert run["epoch"] == 1
        assert run["step"] > STEPS
        command = shlex.split(run["resume"].partition("&& ")[2].replace("KEY", "secret-key"))
        done = subprocess.run([*warm.command(command[0]), *command[1:]], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        run = server.until(lambda run: run["state"] != "running")
        series = server.get(f"/api/runs/{run['id']}/steps?points=1000")["series"]
    assert f"in epoch 2 of {EPOCHS}" in done.stdout
    assert (run["state"], run["epoch"], run["step"], run["resume"]) == ("finished", EPOCHS, STEPS * EPOCHS, "")
    assert run["network"] == "yolox_nano"
    assert run["terms"] == ["classification", "iou", "objectness"]
    assert [point[0] for point in series["loss"]] == list(range(STEPS * EPOCHS)), "each step once, none is missing"
    terms = zip(*(series[f"loss/{name}"] for name in run["terms"]), strict=True)
    assert [sum(point[3] for point in parts) for parts in terms] == pytest.approx([p[3] for p in series["loss"]], 1e-4)
    assert [epoch for epoch, _ in run["columns"][run["primary"]]] == [1, 2, 3]
    steps = [f"step_{number:08}.jpg" for number in range(10, STEPS * EPOCHS + 1, 10)]
    epochs = [f"epoch_{number:04}.jpg" for number in range(1, EPOCHS + 1)]
    assert sorted(sample["name"] for sample in run["samples"]) == sorted(steps + epochs)
    assert not [path for path in (root / "out/run").iterdir() if path.is_file() and b"secret-key" in path.read_bytes()]
