"""The demo's own part: it draws once, goes through all stages, ends with a table and a sheet, and continues."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from orchestrator import session
from orchestrator.commands import demo
from orchestrator.runners import Place
from orchestrator.runners.local import LocalRunner
from orchestrator.screen.console import Console
from orchestrator.settings import config
from tltpipe.errors import UsageError


@pytest.fixture
def play(
    tmp_path: Path,
    workspace: Path,
    fake_programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], str]:
    """One call of the demo, by programs that compute nothing, on pictures that are there already; what it printed."""
    settings = config.load(workspace, environment={}, flags={})
    assert settings.runner == "local"
    folder = tmp_path / "demo"
    epochs = 0

    def draw(target: Path, sample: demo.Sample, progress: object) -> None:
        assert sample.train > sample.validation > 0
        (workspace / "Original-Data").rename(target)

    def open_runner(name: str, chosen: config.Config, place: object, toolkit: object) -> LocalRunner:
        nonlocal epochs
        epochs = chosen.tunables["ssd"].num_epochs
        return LocalRunner(Place(folder, folder / "logs"), programs=fake_programs(epochs=epochs))

    monkeypatch.setattr(demo, "draw", draw)
    monkeypatch.setattr(session, "open_runner", open_runner)

    def call() -> str:
        stream = io.StringIO()
        told = demo.play(folder, Console(stream=stream))
        assert told["mAP"] == 0.375
        return stream.getvalue()

    return call


def test_demo_from_nothing_and_again(play: Callable[[], str], tmp_path: Path) -> None:
    first = play()
    weights = tmp_path / "demo/output/weights"
    model = next(line.split()[-1] for line in first.splitlines() if "tltpipe serve" in line)
    assert Path(model).parent == weights
    assert Path(model).is_file()
    assert f"tltpipe watch {tmp_path / 'demo'}" in first
    assert [name for name in ("sample", "prepare", "train", "evaluate", "infer", "mAP") if name not in first] == []
    with Image.open(tmp_path / "demo" / demo.SHEET) as sheet:
        assert sheet.width > 700
    (tmp_path / "demo/tltpipe.yaml").open("a").write("# a note of its user\n")
    second = play()
    assert second.count("nothing changed since") == 5
    assert "sample" not in second
    assert "mAP" in second
    assert "a note" in (tmp_path / "demo/tltpipe.yaml").read_text()


def test_every_demo_is_drawn_and_trained_as_it_says() -> None:
    known = {kind: [(part.folder, part.sample.layout) for part in demo.parts(kind)] for kind in demo.kinds()}
    assert known == {
        "cascade": [("people", "penn_fudan"), ("clothes", "mask_png")],
        "detection": [("", "deepfashion2")],
        "segmentation": [("", "mask_png")],
    }
    with pytest.raises(UsageError, match="nothing"):
        demo.parts("nothing")


def test_two_models_are_served_as_a_cascade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    models = {"people": tmp_path / "demo/a.safetensors", "clothes": Path("/else where/b.onnx")}
    command = demo._serving(models)
    assert command == "tltpipe serve --cascade people=demo/a.safetensors clothes='/else where/b.onnx'"
