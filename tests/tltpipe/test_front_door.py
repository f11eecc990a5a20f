"""``import tltpipe``: light, typed, and as docs/python.md shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tltpipe
from tltpipe.progress import Silent

ROOT = Path(__file__).parents[2]
HEAVY = {"numpy", "torch", "rich", "pydantic", "typer", "docker", "cv2", "PIL", "yaml", "orjson", "google"}


def modules(code: str) -> set[str]:
    """The packages that are imported once ``code`` has run."""
    text = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_it_imports_nothing_else() -> None:
    assert modules("import tltpipe") & (HEAVY | {"converters", "runtime", "specs", "orchestrator"}) == set()
    assert modules("import tltpipe; tltpipe.read") & {"torch", "rich", "pydantic", "cv2"} == set()
    assert "torch" not in modules("import tltpipe; tltpipe.Model")


def test_a_command_on_one_image_loads_little(tmp_path: Path) -> None:
    import converters.sample

    converters.sample.draw(tmp_path / "Original-Data", train=1, validation=1, seed=1, size=120, progress=Silent())
    code = (
        "import contextlib, io, orchestrator.cli\n"
        f"sys.argv = ['tltpipe', 'prepare', '-w', {str(tmp_path)!r}, '--set', 'data.splits=[train]']\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    orchestrator.cli.main()"
    )
    assert modules(code) & {"numpy", "pydantic", "yaml", "multiprocessing", "concurrent", "http", "PIL"} == set()
    assert (tmp_path / "COCO/train.json").is_file()


def test_what_it_has_is_what_it_says() -> None:
    assert set(tltpipe.__all__) <= set(dir(tltpipe))
    assert all(getattr(tltpipe, name) is not None for name in tltpipe.__all__)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = tltpipe.nothing_like_it


@pytest.fixture
def checkpoint_file(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    from ssd_specs import untrained

    return untrained(tmp_path / "model.safetensors")


@pytest.mark.torch
def test_the_page_can_be_typed_in(
    checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import converters.sample

    monkeypatch.chdir(checkpoint_file.parent)
    converters.sample.draw(Path("Original-Data"), train=3, validation=1, seed=1, size=120, progress=Silent())
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text("utf-8"), re.S)
    assert len(blocks) == 6
    session: dict[str, Any] = {}
    for block in blocks:
        exec(block, session)
    printed = capsys.readouterr().out
    assert "deepfashion2 ['train', 'validation']" in printed
    assert "nowhere there is nothing here 3" in printed
    assert session["done"].splits["train"].images == 3
    assert len(list(Path("as-yolo").rglob("*.jpg"))) == 3


@pytest.mark.torch
def test_a_model_sees_a_file_pixels_and_pictures_alike(checkpoint_file: Path, tmp_path: Path) -> None:
    model = tltpipe.Model.load(checkpoint_file, threshold=0.005, device="cpu")
    assert (model.classes, model.input_size) == (("skirt", "vest"), (128, 128))
    picture = Image.effect_noise((200, 120), 90).convert("RGB")
    picture.save(tmp_path / "a.png")
    found = [model(image) for image in (tmp_path / "a.png", str(tmp_path / "a.png"), np.asarray(picture), picture)]
    assert len(found[0]) > 0
    for other in found[1:]:
        assert np.array_equal(found[0].boxes, other.boxes)
        assert np.array_equal(found[0].scores, other.scores)
    assert found[0].names == [("skirt", "vest")[label - 1] for label in found[0].labels]
    assert found[0].scores.min() >= 0.005
    assert list(model.predict([])) == []
    for wrong in (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), 7):
        with pytest.raises(TypeError):
            model(wrong)  # type: ignore[arg-type]


@pytest.mark.torch
def test_it_finds_what_tlt_infer_finds(checkpoint_file: Path, tmp_path: Path) -> None:
    """In pixels of the picture, with the same classes; of a checkpoint and of the ONNX file made of it."""
    pytest.importorskip("onnxruntime")
    from runtime.programs import export, infer

    Image.effect_noise((200, 120), 90).convert("RGB").save(tmp_path / "a.png")
    onnx = tmp_path / "m.onnx"
    assert export.main(["ssd", "-m", str(checkpoint_file), "-o", str(onnx)]) == 0
    for path in (checkpoint_file, onnx):
        words = ["ssd", "-i", str(tmp_path / "a.png"), "-m", str(path), "-l", str(tmp_path / "labels"), "-t", "0.005"]
        assert infer.main(words) == 0
        lines = [line.split() for line in (tmp_path / "labels/a.txt").read_text().splitlines()]
        prediction = tltpipe.Model.load(path, threshold=0.005)(tmp_path / "a.png")
        assert [line[0] for line in lines] == prediction.names
        boxes = np.array([[float(value) for value in line[4:8]] for line in lines])
        assert np.abs(boxes - prediction.boxes).max() < 0.011


USER = """
from pathlib import Path

import tltpipe

data = tltpipe.read(Path("x"))
for name, dataset in data.items():
    for sample in dataset:
        width: int = sample.width
        left: float = sample.objects[0].box.left
model = tltpipe.Model.load("m.onnx")
prediction = model("a.jpg")
reveal_type(prediction.boxes)
names: list[str] = prediction.names
done = tltpipe.convert("a", "b", "coco")
count: int = done.splits["train"].items
tltpipe.read(7)
"""


def test_code_that_uses_it_is_checked(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    problems = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(problems) == 1, done.stdout
    assert 'user.py:17: error: Argument 1 to "read"' in problems[0]
    assert re.search(r"float32|floating\[\S*_32Bit\]", done.stdout), done.stdout
